"""`Task/[id]/$review`: an auditor closes the review of an emergency (consent.md, section 6)."""

from __future__ import annotations

from fhir_server.fhir.errors import BadRequest, Unprocessable
from fhir_server.fhir.json import dumps, parse
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.records.emergency import review
from fhir_server.records.emergency_tasks import OUTCOMES

LONGEST_NOTE = 5000


def review_emergency(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Say what became of an emergency; the answer holds its Task as it is now."""
    outcome, note = given.text("outcome"), given.text("note").strip()
    if outcome not in OUTCOMES:
        raise BadRequest(
            f"`outcome` is one of {', '.join(OUTCOMES)}",
            code="value",
            expression="Parameters.parameter",
        )
    if len(note) > LONGEST_NOTE or (outcome != "justified" and not note):
        raise Unprocessable(
            f"say in `note` why it is not justified, in at most {LONGEST_NOTE} characters",
            code="business-rule",
            expression="Parameters.parameter",
        )
    row = review(x.view, call.id, outcome, note)
    task = parse(row.raw).resource
    body = {"resourceType": "Parameters", "parameter": [{"name": "task", "resource": task}]}
    return Answer(200, dumps(body))
