"""The types of R4: resources, datatypes and primitives, and what each specialises.

https://hl7.org/fhir/R4/resourcelist.html and https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fhir_server.definitions.tables import table

_TYPES: Mapping[str, Mapping[str, Any]] = table("types")


def _concrete(kind: str) -> frozenset[str]:
    """Return the types of `kind` of which there can be an instance."""
    return frozenset(
        name for name, row in _TYPES.items() if row["kind"] == kind and not row.get("abstract")
    )


RESOURCE_TYPES: frozenset[str] = _concrete("resource")
"""The 146 resource types; `Resource` and `DomainResource` are abstract and not among them."""

DATATYPES: frozenset[str] = _concrete("datatype")
"""The complex datatypes such as `HumanName`, without `Element` and `BackboneElement`."""

PRIMITIVES: Mapping[str, str] = MappingProxyType(
    {name: row.get("regex", "") for name, row in _TYPES.items() if row["kind"] == "primitive"}
)
"""The pattern that a whole value must match, by primitive type; empty for `xhtml`, which has none.

That of `base64Binary` backtracks without bound on a long invalid text: decode instead.
"""


def ancestry(type_code: str) -> tuple[str, ...]:
    """Return `type_code` and all that it specialises: `Patient`, `DomainResource`, `Resource`.

    A type that isn't of R4, a backbone path for example, is its own only ancestor.
    """
    base = _TYPES.get(type_code, {}).get("base", "")
    return (type_code, *(ancestry(base) if base else ()))


def is_a(type_code: str, ancestor: str) -> bool:
    """Tell whether `type_code` is `ancestor` or specialises it, as `code` does `string`."""
    return ancestor in ancestry(type_code)
