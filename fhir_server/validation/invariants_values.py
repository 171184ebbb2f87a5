"""Compare and take apart the values that invariants speak of: http://hl7.org/fhirpath/N1/.

Values are JSON as parsed; `ABSENT` is a primitive of which only extensions are known.
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.dates import interval
from fhir_server.fhir.references import parse_reference


class EvaluationError(ValueError):
    """An expression met values that it has no answer for."""


class Absent:
    """The kind of `ABSENT`."""

    __slots__ = ()


ABSENT: Final = Absent()

# How far two clocks can be apart: a date without a zone may be of any.
_ZONES: Final = 14 * 3600 * 1_000_000


def single(values: list[Any]) -> Any:
    """Return the only one of `values`, None if there is none. Raise `EvaluationError` for more."""
    if len(values) > 1:
        raise EvaluationError("one value expected")
    return values[0] if values and values[0] is not ABSENT else None


def key(value: Any) -> Hashable:
    """Return what is equal for equal values, numbers by value, `true` never like 1."""
    if isinstance(value, dict):
        return frozenset((name, key(item)) for name, item in value.items())
    if isinstance(value, list):
        return tuple(key(item) for item in value)
    if isinstance(value, bool):
        return (value,)
    return value  # type: ignore[no-any-return]


def keys(values: list[Any]) -> frozenset[Hashable]:
    """Return the keys of `values`, but for those of which no value is known."""
    return frozenset(key(value) for value in values if value is not ABSENT)


def distinct(values: list[Any]) -> list[Any]:
    """Return `values` without repetitions."""
    return list({key(value): value for value in values}.values()) if len(values) > 1 else values


def equal(left: list[Any], right: list[Any]) -> bool | None:
    """Compare two collections in order; None where nothing, or no value, stands on a side."""
    if len(left) == len(right) == 1 and type(left[0]) is str and type(right[0]) is str:
        return bool(left[0] == right[0])
    if not left or not right or ABSENT in left or ABSENT in right:
        return None
    return len(left) == len(right) and [*map(key, left)] == [*map(key, right)]


def precedes(left: Any, right: Any, *, strictly: bool, dates: bool) -> bool:
    """Tell whether `left` can be before `right`.

    True also where it can't be known: dates of different precision (`2020`, `2020-05`) that
    overlap, quantities of different units. N1 calls that empty, which would refuse what R4 means
    to allow; R5 says the same as here, by `lowBoundary` and `highBoundary`.
    """
    if dates:
        first, last = interval(left)[0], interval(right)[1] - 1
        if ("T" in left) is not ("T" in right):
            last += _ZONES
        left, right = first, last
    if isinstance(left, dict) and isinstance(right, dict):
        if any(left.get(name) != right.get(name) for name in ("system", "code", "unit")):
            return True
        left, right = left.get("value"), right.get("value")
    if left is None or right is None:
        return True
    if isinstance(left, str) is not isinstance(right, str):
        raise EvaluationError("values of different types have no order")
    return bool(left < right or (left == right and not strictly))


def is_number(value: Any) -> bool:
    """Tell whether `value` is an integer or a decimal."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def children(value: Any) -> list[Any]:
    """Return all that stands directly under `value`."""
    found: list[Any] = []
    for name, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, list):
            found += [one for one in item if one is not None]
        elif name != "resourceType":
            found.append(item)
    return found


def descendants(value: Any) -> list[Any]:
    """Return all that stands under `value` at any depth."""
    found = children(value)
    for item in found:  # the list grows meanwhile
        if isinstance(item, dict):
            found += children(item)
    return found


def resolved(reference: Any, root: Any) -> dict[str, Any] | None:
    """Return what `reference` leads to as far as `root` tells: contained, or only its type."""
    literal = reference.get("reference") if isinstance(reference, dict) else reference
    parsed = parse_reference(literal, base_url="") if isinstance(literal, str) else None
    if parsed and parsed.text.startswith("#"):
        return next((c for c in root.get("contained", ()) if c.get("id") == parsed.id), None)
    stated = reference.get("type") if isinstance(reference, dict) else None
    type_ = parsed.type if parsed and parsed.type else stated
    return {"resourceType": type_} if type_ in RESOURCE_TYPES else None
