"""`[type]/[id]/$explain` and `Patient/[id]/$explain`: why somebody knows what, or does not.

design/consent.md section 8. The answer is a Parameters: who is asked about, the instant, and for
each resource whether it is known and every rule that spoke of it, in French and English, with the
Consent in its version, the link, the label and the cell of the matrix that made it speak. For the
holder, the representative, the auditor and the trusted system (`records/asking.py`, L60).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from fhir_server.consent.explaining import Cell, Spoken
from fhir_server.consent.grounds import ByConsent, ByLabel, ByLink, ByPurpose, ByStatus, Ground
from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps
from fhir_server.fhir.references import parse_reference
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.operations.paging import count, following, resumed
from fhir_server.operations.receipt import receipt
from fhir_server.operations.subject import described, instant_of, subject_of
from fhir_server.records.asking import Asking, Subject
from fhir_server.records.cells import origin
from fhir_server.records.explaining import (
    Explained,
    Page,
    Question,
    Wanted,
    explain_record,
    explain_resource,
)

Json = dict[str, Any]


def explain_one(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Explain one resource to who may ask."""
    asking = Asking(x.view)
    # A token is about one record: that of the resource, which `Asking` finds out.
    subject = subject_of(given, asking.record_of(call.type, call.id), x.view.requester)
    question = Question(
        subject, instant_of(given, x.view.context.locale.zone), _address(call, given)
    )
    page = explain_resource(asking, question, call.type, call.id)
    return _answer(x, given, subject, page, ())


def explain_all(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Explain the resources of a record to who may ask, page by page."""
    own = f"Patient/{call.id}/$explain"
    asked, position = resumed(x, own, given)
    asking = Asking(x.view)
    subject = subject_of(asked, call.id, x.view.requester)
    question = Question(
        subject, instant_of(asked, x.view.context.locale.zone), _address(call, asked)
    )
    after = (str(position.values[0]), position.id) if position else None
    size = count(x, asked)
    page = explain_record(asking, question, call.id, _wanted(x, asked), count=size, after=after)
    links = following(x, own, asked, (page.last[0],), page.last[1]) if page.last else []
    return _answer(x, asked, subject, page, (url for _, url in links))


def _wanted(x: Exchange, given: Given) -> Wanted:
    types = tuple(part.strip() for text in given.texts("_type") for part in text.split(","))
    for type_ in types:
        if type_ not in RESOURCE_TYPES:
            raise BadRequest(f"`{type_[:64]}` is no resource type", code="value")
    refs = given.texts("resource")
    if not refs:
        return Wanted(types)
    found: dict[str, set[str]] = {}
    for ref in refs:
        parsed = parse_reference(ref, x.base)
        if not parsed.ours:
            raise BadRequest("`resource` is a reference, `Type/id`", code="value")
        found.setdefault(parsed.type, set()).add(parsed.id)
    return Wanted(types or tuple(found), {type_: frozenset(ids) for type_, ids in found.items()})


def _address(call: Invocation, given: Given) -> str:
    """Return the question as the log keeps it."""
    asked = f"{call.type}/{call.id}/${call.name}"
    return f"{asked}?{urlencode(list(given.pairs))}" if given.pairs else asked


# the answer --------------------------------------------------------------------------------------


def _answer(
    x: Exchange, given: Given, subject: Subject, page: Page, following: Iterator[str] | tuple[()]
) -> Answer:
    found: list[Json] = [
        {"name": "at", "valueInstant": instant_text(page.at)},
        {"name": "caller", "part": [code(name, value) for name, value in described(subject)]},
    ]
    if page.total is not None and page.known is not None:
        found.append({"name": "total", "valueUnsignedInt": page.total})
        found.append({"name": "known", "valueUnsignedInt": page.known})
    found += ({"name": "resource", "part": list(_resource(one))} for one in page.resources)
    found += ({"name": "next", "valueUri": url} for url in following)
    if given.text("receipt") == "true":
        found.append({"name": "receipt", "valueString": receipt(x, subject, page)})
    return Answer(200, dumps({"resourceType": "Parameters", "parameter": found}))


def _resource(one: Explained) -> Iterator[Json]:
    yield reference("reference", f"{one.ref}/_history/{one.version}")
    yield {"name": "known", "valueBoolean": one.explanation.known}
    for spoken in one.explanation.rules:
        yield {"name": "rule", "part": list(_rule(spoken))}
    for cell in one.explanation.cells:
        yield {"name": "matrix", "part": list(_cell(cell))}


def _rule(spoken: Spoken) -> Iterator[Json]:
    yield code("id", spoken.rule)
    yield code("effect", spoken.effect)
    for source in spoken.sources:
        yield code("source", source)
    yield {"name": "fr", "valueString": spoken.fr}
    yield {"name": "en", "valueString": spoken.en}
    for ground in spoken.grounds:
        yield {"name": "because", "part": list(_because(ground))}


def _because(ground: Ground) -> Iterator[Json]:
    match ground:
        case ByConsent(consent, provision, understood):
            yield reference("consent", consent)
            yield {"name": "provision", "valueString": provision}
            yield {"name": "understood", "valueBoolean": understood}
        case ByLink(via, source):
            yield code("link", via)
            # A link that is only supposed is said by nothing.
            yield from (reference("said-by", text) for text in (source,) if text)
        case ByLabel(label):
            yield code("label", label)
        case ByPurpose(purpose):
            yield code("purpose", purpose)
        case ByStatus(source):
            yield reference("said-by", source)


def _cell(cell: Cell) -> Iterator[Json]:
    found = origin(cell)
    yield from (code("profession", column) for column in (cell.profession,) if column)
    yield code("type", cell.type)
    yield code("right", cell.right)
    yield code("status", found.status)
    if found.source:
        yield {"name": "source", "valueString": found.source}
        yield {"name": "edition", "valueString": found.edition}


def code(name: str, value: str) -> Json:
    """Return a part that is a code."""
    return {"name": name, "valueCode": value}


def reference(name: str, ref: str) -> Json:
    """Return a part that is a reference."""
    return {"name": name, "valueReference": {"reference": ref}}
