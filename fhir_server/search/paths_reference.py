"""Tell the type of what a Reference points to, without fetching it.

https://hl7.org/fhir/R4/references.html#literal and https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from typing import Any

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.references import Kind, parse_reference


def referenced_type(reference: Any, resource: dict[str, Any]) -> str:
    """Return the type that `reference`, found in `resource`, points to; empty if it can't be told.

    A literal says it: `Patient/1`, `Patient/1/_history/2`, `https://example.org/fhir/Patient/1`;
    `#p` is looked up in `contained`. What no literal says, `Reference.type` may. A Reference with
    an identifier only points to nothing that could be resolved.
    """
    if isinstance(reference, str):
        return _of_literal(reference, resource)
    if not isinstance(reference, dict):
        return ""
    literal = reference.get("reference")
    if not isinstance(literal, str):
        return ""
    return _of_literal(literal, resource) or _known(reference.get("type"))


def _of_literal(literal: str, resource: dict[str, Any]) -> str:
    """Read the type in an address, or in the contained resource that a fragment names."""
    # Only the type is wanted, so it doesn't matter whether the address is this server's.
    reference = parse_reference(literal, base_url="")
    if reference.kind is Kind.CONTAINED:
        return _of_contained(reference.id, resource)
    return _known(reference.type)


def _of_contained(id_: str, resource: dict[str, Any]) -> str:
    """Return the type of the contained resource `id_`; the fragment `#` alone is the container."""
    if not id_:
        return _known(resource.get("resourceType"))
    for contained in resource.get("contained", ()):
        if isinstance(contained, dict) and contained.get("id") == id_:
            return _known(contained.get("resourceType"))
    return ""


def _known(name: object) -> str:
    """Return `name` if it is a resource type, or the empty string."""
    return name if isinstance(name, str) and name in RESOURCE_TYPES else ""
