"""`$validate`: https://hl7.org/fhir/R4/resource-operation-validate.html.

Says what a create, an update or a delete would be told about the resource; stores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.fhir.errors import BadRequest, Issue
from fhir_server.fhir.json import parse
from fhir_server.fhir.outcome import outcome
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.validation import validate

MODES = frozenset({"create", "update", "delete", "profile"})
_VALID = Issue("informational", "the resource is valid", severity="information")


def validate_resource(
    x: Exchange, type_: str, id_: str, pairs: Sequence[tuple[str, str]], body: bytes
) -> Answer:
    """Return every problem of the resource sent, in one OperationOutcome; 200 in any case."""
    document = parse(body).resource if body else {}
    options = dict(pairs)
    resource: Any = document
    if document.get("resourceType") == "Parameters" and type_ != "Parameters":
        resource, given = _unwrapped(document)
        options = given | options
    mode = options.get("mode", "update" if id_ else "create")
    if mode not in MODES:
        raise BadRequest(f"`mode` is one of {', '.join(sorted(MODES))}", code="value")
    issues: list[Issue] = []
    if id_:
        x.view.read(type_, id_, interaction="operation")
    if mode != "delete":
        if not isinstance(resource, dict) or not resource:
            raise BadRequest("a resource to validate is expected", code="required")
        issues += validate(resource, type_, models=True, warnings=True)
        issues += _identity(type_, id_, mode, resource)
    if "profile" in options:
        issues.append(
            Issue(
                "not-supported",
                f"the profile `{options['profile'][:200]}` is not known here; only R4 was checked",
                severity="warning",
            )
        )
    return Answer(200, outcome(issues or [_VALID]))


def _identity(type_: str, id_: str, mode: str, resource: dict[str, Any]) -> list[Issue]:
    if id_ and resource.get("id", id_) != id_:
        return [Issue("invalid", f"the id is not `{id_}`", f"{type_}.id")]
    if mode == "update" and "id" not in resource:
        return [Issue("required", "an update needs an id", f"{type_}.id")]
    return []


def _unwrapped(parameters: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    resource = None
    options: dict[str, str] = {}
    for item in parameters.get("parameter", ()):
        match item:
            case {"name": "resource", "resource": found}:
                resource = found
            case {"name": str(name)}:
                values = [str(v) for key, v in item.items() if key.startswith("value")]
                options[name] = values[0] if values else ""
    return resource, options
