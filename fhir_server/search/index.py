"""A resource's index values: what `idx` and `srt` of its stored document hold.

Computed once, when the resource is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.search.paths import Node, extractor
from fhir_server.search.reference import identifiers
from fhir_server.search.registry import PARAMETER_TYPES, STORED_FIELDS, supported
from fhir_server.search.types import Locale, ParameterType


@dataclass(frozen=True, slots=True)
class IndexValues:
    """`values` by parameter code, and the smallest sortable one of each in `keys`."""

    values: dict[str, Any]
    keys: dict[str, Any]


@cache
def _extract(resource_type: str) -> Callable[[dict[str, Any]], dict[str, list[Node]]]:
    """Compile the supported parameters of a type once in a process."""
    return extractor(resource_type, supported(resource_type).values())


@cache
def _types(resource_type: str) -> Mapping[str, ParameterType]:
    return {
        code: PARAMETER_TYPES[parameter.type]
        for code, parameter in supported(resource_type).items()
        if code not in STORED_FIELDS
    }


def index(resource_type: str, resource: dict[str, Any], locale: Locale) -> IndexValues:
    """Return the index values of `resource`; parameters without a value are left out."""
    found = _extract(resource_type)(resource)
    values: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    for code, kind in _types(resource_type).items():
        nodes = found.get(code)
        if not nodes:
            continue
        if kind.name == "reference" and (named := identifiers(nodes)):
            values[f"{code}:identifier"] = named
        indexed = kind.values(nodes, locale)
        if indexed:
            values[code] = indexed
            keys[code] = min(kind.key(value) for value in indexed)
    return IndexValues(values, keys)
