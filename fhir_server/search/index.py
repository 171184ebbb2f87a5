"""A resource's index values: what `idx` and `srt` of its stored document hold.

Computed once, when the resource is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

from fhir_server.definitions import SearchParameter
from fhir_server.search import words
from fhir_server.search.additions import Additions
from fhir_server.search.composite import with_composites
from fhir_server.search.paths import Node
from fhir_server.search.registry import STORED_FIELDS, additions, indexed, type_of
from fhir_server.search.types import UNREAD, Locale, ParameterType

_IN_PARTS: Final = frozenset({"composite", "special"})
"""Types whose values are made of several elements: one of them alone is no value."""


@dataclass(frozen=True, slots=True)
class IndexValues:
    """`values` by parameter code, and the smallest sortable one of each in `keys`."""

    values: dict[str, Any]
    keys: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The parameters of one type, compiled."""

    extract: Callable[[dict[str, Any]], dict[str, list[Node]]]
    types: Mapping[str, ParameterType]

    @classmethod
    def of(cls, resource_type: str, parameters: Iterable[SearchParameter]) -> Self:
        chosen = [one for one in parameters if one.code not in STORED_FIELDS]
        kinds = {one.code: type_of(one) for one in chosen}
        return cls(with_composites(resource_type, chosen), kinds)


@lru_cache(maxsize=1024)
def _plan(_: Additions, resource_type: str) -> _Plan:
    """Compile the parameters of a type once in a process, and again when they become others."""
    return _Plan.of(resource_type, indexed(resource_type).values())


def indexer(
    resource_type: str, parameters: Iterable[SearchParameter]
) -> Callable[[dict[str, Any], Locale], IndexValues]:
    """Return what indexes a resource by `parameters` alone. Raise ExpressionError."""
    plan = _Plan.of(resource_type, parameters)
    return lambda resource, locale: _values(plan, resource, locale)


def index(resource_type: str, resource: dict[str, Any], locale: Locale) -> IndexValues:
    """Return the index values of `resource`; parameters without a value are left out."""
    found = _values(_plan(additions(), resource_type), resource, locale)
    return IndexValues(found.values | words.values(resource_type, resource), found.keys)


def _values(plan: _Plan, resource: dict[str, Any], locale: Locale) -> IndexValues:
    found = plan.extract(resource)
    values: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    for code, kind in plan.types.items():
        nodes = found.get(code)
        if not nodes:
            continue
        for name, more in kind.beside(nodes, locale).items():
            values[f"{code}:{name}"] = more
        indexed = kind.values(nodes, locale)
        if indexed:
            values[code] = indexed
            keys[code] = min(kind.key(value) for value in indexed)
        elif kind.name not in _IN_PARTS:
            values[f"{code}:{UNREAD}"] = True
    return IndexValues(values, keys)
