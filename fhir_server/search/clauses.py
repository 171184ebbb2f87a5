"""What a query is made of: criteria on the resource, hops to others, and how they are joined.

Hops stay hops until they are resolved, because each must be under the caller's rights on its own
target type. What joins clauses joins the predicates that they become.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Leaf:
    """A criterion on the resource itself."""

    code: str
    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Hop:
    """A criterion on what the reference parameter `code` points to, by target type."""

    code: str
    field: str
    targets: Mapping[str, Clause]


@dataclass(frozen=True, slots=True)
class Back:
    """A criterion on what points here: a `source` whose reference at `field` does (`_has`).

    `code` is the parameter as it came, without what it asks of the source.
    """

    code: str
    source: str
    field: str
    inner: Clause


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds: `and` of a filter."""

    parts: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part holds: `or` of a filter."""

    parts: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """The part does not hold: `not` of a filter."""

    part: Clause


Clause: TypeAlias = Leaf | Hop | Back | AllOf | AnyOf | NoneOf
