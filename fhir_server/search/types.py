"""What the modules of the parameter types share: values found, and how a criterion is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Predicate, Scalar

IndexValue = Any
"""A scalar, or a small object of scalars such as `{lo, hi}`."""


_PARIS: Final = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Locale:
    """What reading a value depends on: the server's base and the zone of dates without one."""

    base: str = ""
    zone: ZoneInfo = _PARIS


class Found(Protocol):
    """A value that a parameter's expression selected, with its FHIR type code."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def value(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class ParameterType:
    """Both sides of one search parameter type.

    `values` turns what the expression found into index values; `criterion` turns one value of
    the query, for a `field`, into a predicate; `key` reduces an index value to a sortable scalar.
    """

    name: str
    modifiers: frozenset[str]
    values: Callable[[Sequence[Found], Locale], list[IndexValue]]
    criterion: Callable[[str, str, str, Locale], Predicate]
    key: Callable[[IndexValue], Scalar]


def refuse_value(field: str, value: str, expected: str) -> BadRequest:
    """Return the error for a value that the parameter's type can't read."""
    name = field.removeprefix("idx.")
    return BadRequest(f"search parameter `{name}`: `{value[:80]}` is not {expected}", code="value")
