"""`Patient/[id]/$simulate`: who would know what if a Consent or a mask were stored, or withdrawn.

design/consent.md section 8: the difference, before it is saved. A supposed Consent is judged by R4
as a stored one would be (422); it is not asked whether the asker may store it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from fhir_server.consent.requester import Kind
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest, Unprocessable
from fhir_server.fhir.json import dumps
from fhir_server.fhir.references import parse_reference
from fhir_server.interactions.bodies import check
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.explain import code, reference
from fhir_server.operations.given import Given
from fhir_server.operations.subject import described, instant_of, subject_of
from fhir_server.records.asking import Asking
from fhir_server.records.governance import governance
from fhir_server.records.simulating import Change, Difference, Reading, simulate

Json = dict[str, Any]
USUAL, MOST = 100, 1000
"""Resources that are named for each caller, gained and lost apart."""
PANEL: Final = (
    {"profession": "G15_21", "link": "care-team"},
    {"profession": "G15_60", "link": "care-team"},
    {"kind": Kind.SAMU_REGULATOR.value},
)
"""Who is asked about when nobody is named: a pharmacist, a nurse, the centre 15."""


def simulate_change(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Return what would change for each caller, to who may ask."""
    asking = Asking(x.view)
    named = given.group("caller") or [Given(tuple(one.items())) for one in PANEL]
    found = simulate(
        asking,
        call.id,
        _change(x, call, given),
        [subject_of(group, call.id) for group in named],
        at=instant_of(given, x.view.context.locale.zone),
        limit=min(int(given.text("_limit", str(USUAL))), MOST),
        asked=_address(call, given),
    )
    parameters = [
        {"name": "at", "valueInstant": instant_text(found.at)},
        *({"name": "consent", "part": list(_read(one))} for one in found.readings),
        *({"name": "caller", "part": list(_told(one))} for one in found.differences),
    ]
    return Answer(200, dumps({"resourceType": "Parameters", "parameter": parameters}))


def _change(x: Exchange, call: Invocation, given: Given) -> Change:
    return Change(
        consents=[
            _consent(x, call.id, value) for name, value in given.resources if name == "consent"
        ],
        withdrawn=_references(x, given, "withdraw", "Consent"),
        masked=_references(x, given, "mask"),
        unmasked=_references(x, given, "unmask"),
    )


def _consent(x: Exchange, patient: str, resource: Json) -> Json:
    check(resource, "Consent")
    named = parse_reference(str(resource.get("patient", {}).get("reference", "")), x.base)
    if not named.ours or (named.type, named.id) != ("Patient", patient):
        raise Unprocessable(
            f"a Consent that is supposed here is about this record: `Patient/{patient}`",
            code="business-rule",
            expression="Consent.patient",
        )
    return resource


def _references(x: Exchange, given: Given, name: str, only: str = "") -> list[str]:
    found = []
    for text in given.texts(name):
        parsed = parse_reference(text, x.base)
        if not parsed.ours or parsed.type not in governance() or (only and parsed.type != only):
            raise BadRequest(f"`{name}` is a reference, `{only or 'Type'}/id`", code="value")
        found.append(f"{parsed.type}/{parsed.id}")
    return found


def _address(call: Invocation, given: Given) -> str:
    """Return the question as the log keeps it: what is supposed of labels and Consents by name."""
    asked = f"Patient/{call.id}/$simulate"
    return f"{asked}?{urlencode(list(given.pairs))}" if given.pairs else asked


def _read(one: Reading) -> Iterator[Json]:
    yield {"name": "id", "valueId": one.id}
    yield code("effect", one.effect)
    yield {"name": "in-force", "valueBoolean": one.in_force}
    yield {"name": "understood", "valueBoolean": one.understood}


def _told(one: Difference) -> Iterator[Json]:
    yield from (code(name, value) for name, value in described(one.subject))
    for name, number in (
        ("before", one.before),
        ("after", one.after),
        ("gained-count", one.gained_count),
        ("lost-count", one.lost_count),
    ):
        yield {"name": name, "valueUnsignedInt": number}
    for name, refs in (("gained", one.gained), ("lost", one.lost)):
        yield from (reference(name, ref) for ref in refs)
