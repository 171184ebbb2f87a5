"""`Patient/$record-status`: the status of a record by an exact INS (TD0.2, R13).

The answer is a Parameters with `status` (open, closed, none), `authorised`, `attendingDoctor` and,
of a closed record, `closingDate` and `closingReason`; nothing else of the record is told, and
nothing less than the whole INS finds it.
"""

from __future__ import annotations

from fhir_server.fhir.errors import BadRequest, Forbidden
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.records.feeding import IDENTIFIED, State, status
from fhir_server.records.people import ins_systems


def record_status(x: Exchange, _: Invocation, given: Given) -> Answer:
    """Tell open, closed or none, and whether the caller is authorised."""
    if x.view.requester.kind not in IDENTIFIED:
        raise Forbidden("this caller may not ask for the status of a record")
    system, _bar, value = given.text("identifier").partition("|")
    if system not in ins_systems() or not value:
        raise BadRequest(
            "exactly one `identifier=system|value` with an INS system is expected",
            code="value",
            expression="Parameters.parameter",
        )
    found = status(x.view, system, value)
    parameters: list[dict[str, object]] = [{"name": "status", "valueCode": found.state.value}]
    if found.state is not State.NONE:
        parameters.append({"name": "authorised", "valueBoolean": found.authorised})
        parameters.append({"name": "attendingDoctor", "valueBoolean": found.attending})
    if found.closing.date:
        parameters.append({"name": "closingDate", "valueDateTime": found.closing.date})
    if found.closing.reason:
        parameters.append({"name": "closingReason", "valueCodeableConcept": found.closing.reason})
    return Answer(200, dumps({"resourceType": "Parameters", "parameter": parameters}))
