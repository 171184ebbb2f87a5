"""Judge dom-3 and dom-6, which need to know what is contained in what.

https://hl7.org/fhir/R4/references.html#contained and https://hl7.org/fhir/R4/domainresource.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_server.definitions import child, is_a
from fhir_server.validation.invariants_compiled import Scope


def all_referred_to(resource: Any, scope: Scope) -> bool:
    """Test that each contained resource is referred to from the resource, or refers to it.

    What counts is a Reference, or a uri, url or canonical, `#id` on the one hand and `#` on the
    other. One without an id passes here, as it does by the expression in R4.
    """
    contained = resource.get("contained")
    if contained is None:
        return True
    named = {text for text, _ in _addresses(resource, resource["resourceType"])}
    return all(
        f"#{item['id']}" in named or _refers_to_container(item)
        for item in contained
        if "id" in item
    )


def has_narrative(resource: Any, scope: Scope) -> bool:
    """Test that there is a narrative, of a resource that isn't contained: those should have none."""
    return resource is not scope.root or "div" in resource.get("text", ())


def _refers_to_container(item: dict[str, Any]) -> bool:
    # A uri that is `#` is no canonical and doesn't count: R4 asks for a Reference or a canonical.
    found = _addresses(item, item["resourceType"])
    return any(text == "#" and type_ in ("string", "canonical") for text, type_ in found)


def _addresses(resource: dict[str, Any], resource_type: str) -> Iterator[tuple[str, str]]:
    """Yield what could name a contained resource, anywhere in `resource`, with its type."""
    pending: list[tuple[dict[str, Any], str]] = [(resource, resource_type)]
    while pending:
        value, path = pending.pop()
        for name, item in value.items():
            known = child(path, name.removeprefix("_"))
            code = known[1] if known else ""
            for one in item if isinstance(item, list) else [item]:
                if isinstance(one, dict):
                    inner = "Element" if name[0] == "_" else code
                    pending.append((one, one.get("resourceType", inner)))
                elif isinstance(one, str) and (name == "reference" or is_a(code, "uri")):
                    yield one, code
