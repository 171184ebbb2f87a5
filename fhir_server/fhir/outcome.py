"""Write an OperationOutcome: https://hl7.org/fhir/R4/operationoutcome.html."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fhir_server.fhir.errors import Issue
from fhir_server.fhir.json import dumps

# What no FHIR string holds: a caller's own words are quoted, and may have it.
_unfit = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SUCCESS = Issue("informational", "done", severity="information")


def outcome(issues: Sequence[Issue]) -> bytes:
    """Return `issues` as the JSON of an OperationOutcome, one issue at least.

    Without issues it says that all went well, because `OperationOutcome.issue` is 1..*.
    """
    lines = []
    for issue in issues or [_SUCCESS]:
        line: dict[str, object] = {"severity": issue.severity, "code": issue.code}
        if issue.diagnostics:
            line["diagnostics"] = _unfit.sub("\ufffd", issue.diagnostics)
        if issue.expression:
            line["expression"] = [_unfit.sub("\ufffd", issue.expression)]
        lines.append(line)
    return dumps({"resourceType": "OperationOutcome", "issue": lines})
