"""`Patient/[id]/$break-glass`: open a record in an emergency, for some minutes (R63, L61).

By the INS too, as `Patient/$break-glass` with `identifier`: whoever has no link knows no id.
"""

from __future__ import annotations

from fhir_server.consent.requester import Kind
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest, Forbidden, Unprocessable
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.records.emergency import open_session, record_of
from fhir_server.records.people import ins_systems

LONGEST_REASON = 2000


def break_glass(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Open a session, and say which record it opens and until when."""
    who = x.view.requester
    if who.kind is not Kind.PROFESSIONAL or not who.rpps:
        raise Forbidden(
            "only a professional, named by an RPPS number, breaks the glass; the centre 15 asks "
            "under the purpose `regulation`"
        )
    reason = _reason(given)
    if given.text("patientUnable") != "true":
        raise Unprocessable(
            "break-glass is for a person who is unable to express their will and at immediate risk: "
            "confirm it with `patientUnable` true",
            code="business-rule",
            expression="Parameters.parameter",
        )
    # An INS that names nothing goes the way of a record that does not open (L46).
    patient = call.id or _by_ins(x, given)
    if call.id and given.texts("identifier"):
        raise BadRequest("the address names the record: leave `identifier` out", code="invalid")
    done = open_session(x.view, patient, reason)
    return _answer(
        {"name": "patient", "valueReference": {"reference": f"Patient/{done.patient}"}},
        {"name": "session", "valueReference": {"reference": done.task}},
        {"name": "until", "valueInstant": instant_text(done.until)},
    )


def _reason(given: Given) -> str:
    reason = " ".join(given.text("reason").split())
    if not reason or len(reason) > LONGEST_REASON:
        raise Unprocessable(
            f"say why in `reason`, in 1 to {LONGEST_REASON} characters: the holder and the attending "
            "doctor read it",
            code="business-rule",
            expression="Parameters.parameter",
        )
    return reason


def _by_ins(x: Exchange, given: Given) -> str:
    system, _, value = given.text("identifier").partition("|")
    if system not in ins_systems() or not value:
        raise BadRequest(
            "name the record: `Patient/[id]/$break-glass`, or exactly one "
            "`identifier=system|value` with an INS system",
            code="value",
            expression="Parameters.parameter",
        )
    return record_of(x.view, system, value)


def _answer(*parameters: dict[str, object]) -> Answer:
    return Answer(200, dumps({"resourceType": "Parameters", "parameter": parameters}))
