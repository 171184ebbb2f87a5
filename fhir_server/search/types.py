"""What the modules of the parameter types share: values found, and how a criterion is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Predicate, Scalar
from fhir_server.search.terminology import NOTHING, Terminology

IndexValue = Any
"""A scalar, or a small object of scalars such as `{lo, hi}`."""


UNREAD: Final = "unread"
"""Beside a parameter that has elements but no value to be found by, so that it isn't missing."""
_PARIS: Final = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Locale:
    """What reading a value depends on: the server's base and the zone of dates without one.

    `terminology` finds the value sets and hierarchies that a search names, for its caller.
    """

    base: str = ""
    zone: ZoneInfo = _PARIS
    terminology: Terminology = NOTHING


Criterion = Callable[[str, str, str, Locale], Predicate]
"""Takes a field, a modifier (for a reference, types joined by `|`), and one value, escaped."""


class Found(Protocol):
    """A value that a parameter's expression selected, with its FHIR type code."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def value(self) -> Any: ...  # noqa: D102


def no_more(_: Sequence[Found], __: Locale) -> Mapping[str, list[IndexValue]]:
    """Keep nothing beside the values."""
    return {}


@dataclass(frozen=True, slots=True)
class ParameterType:
    """Both sides of one search parameter type.

    `values` turns what the expression found into index values; `criterion` turns one value of
    the query, for a `field`, into a predicate; `key` reduces an index value to a sortable scalar.
    `beside` returns what modifiers look for, by the name of a field beside that of the values.
    """

    name: str
    modifiers: frozenset[str]
    values: Callable[[Sequence[Found], Locale], list[IndexValue]]
    criterion: Criterion
    key: Callable[[IndexValue], Scalar]
    beside: Callable[[Sequence[Found], Locale], Mapping[str, list[IndexValue]]] = no_more


def refuse_value(field: str, value: str, expected: str) -> BadRequest:
    """Return the error for a value that the parameter's type can't read."""
    name = field.removeprefix("idx.")
    return BadRequest(f"search parameter `{name}`: `{value[:80]}` is not {expected}", code="value")
