"""Write an OperationOutcome: https://hl7.org/fhir/R4/operationoutcome.html."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhir.errors import Issue
from fhir_server.fhir.json import dumps

_SUCCESS = Issue("informational", "done", severity="information")


def outcome(issues: Sequence[Issue]) -> bytes:
    """Return `issues` as the JSON of an OperationOutcome, one issue at least.

    Without issues it says that all went well, because `OperationOutcome.issue` is 1..*.
    """
    lines = []
    for issue in issues or [_SUCCESS]:
        line: dict[str, object] = {"severity": issue.severity, "code": issue.code}
        if issue.diagnostics:
            line["diagnostics"] = issue.diagnostics
        if issue.expression:
            line["expression"] = [issue.expression]
        lines.append(line)
    return dumps({"resourceType": "OperationOutcome", "issue": lines})
