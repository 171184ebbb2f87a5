"""A request body as a resource that may be stored."""

from __future__ import annotations

from typing import Any

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest, Unprocessable
from fhir_server.fhir.json import Document, dumps, parse
from fhir_server.validation import validate


def read_resource(body: bytes, type_: str) -> Document:
    """Parse and validate `body`. Raises `BadRequest` or `Unprocessable` with every place at fault."""
    if not body:
        raise BadRequest(f"a {type_} resource is expected in the body", code="structure")
    document = parse(body)
    check(document.resource, type_)
    return document


def check(resource: dict[str, Any], type_: str) -> None:
    """Raise unless `resource` is a valid `type_`."""
    found = resource.get("resourceType")
    if found != type_:
        known = isinstance(found, str) and found in RESOURCE_TYPES
        said = f"`{found}`" if known else "no known type"
        raise BadRequest(
            f"`resourceType` is {said}, but the address says {type_}",
            code="structure",
            expression="resourceType",
        )
    issues = validate(resource, type_)
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Unprocessable(issues=issues)


def document_of(resource: dict[str, Any]) -> Document:
    """Return a changed resource as a document again, its numbers in their own text."""
    return parse(dumps(resource))
