"""Date parameters: https://hl7.org/fhir/R4/search.html#date.

An index value is the interval that the source covers, `{lo, hi}` in microseconds, half-open. A
search value covers an interval too, and the prefix says how the two must lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from fhir_server.fhir.dates import interval, period_interval
from fhir_server.predicate import After, Before, Predicate, Scalar, Some, all_of, any_of, negate
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
FIELD_UPDATED: Final = "updated"
"""`_lastUpdated` is one instant, kept as a scalar and not as an interval."""


def values(found: Sequence[Found], locale: Locale) -> list[IndexValue]:
    """Return the interval of every date, Period or Timing found; what can't be read has none."""
    return [
        {"lo": low, "hi": high}
        for node in found
        for low, high in _intervals(node.type, node.value, locale)
    ]


def _intervals(type_: str, value: Any, locale: Locale) -> Iterator[tuple[int, int]]:
    try:
        match type_, value:
            case _, str():
                yield interval(value, locale.zone)
            case "Period", {}:
                if "start" in value or "end" in value:
                    yield period_interval(value.get("start"), value.get("end"), locale.zone)
            case "Timing", {}:
                spans = list(_of_timing(value, locale))
                yield min(low for low, _ in spans), max(high for _, high in spans)
    except ValueError:
        return


def _of_timing(value: dict[str, Any], locale: Locale) -> Iterator[tuple[int, int]]:
    """Yield the events and the bounds: only the outer limits of a Timing count, says R4."""
    match value:
        case {"event": [*events]}:
            # An event may be null when it has nothing but extensions.
            yield from (interval(event, locale.zone) for event in events if event is not None)
    match value:
        case {"repeat": {"boundsPeriod": {} as bounds}}:
            yield from _intervals("Period", bounds, locale)


def criterion(field: str, _: str, value: str, locale: Locale) -> Predicate:
    """Compare intervals as R4 defines each prefix."""
    prefix, text = (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)
    try:
        low, high = interval(text, locale.zone)
    except ValueError:
        zone = "; write the `+` of a zone as `%2B`" if " " in text else ""
        raise refuse_value(
            field, value, f"a date such as `2024`, `ge2024-03` or an instant{zone}"
        ) from None
    part = _COMPARE[prefix](low, high)
    if field == FIELD_UPDATED:
        return _instant(prefix, low, high)
    return Some(field, part)


def _within(low: int, high: int) -> Predicate:
    # What ends by `high` begins by it: said, since an index is read by one end alone.
    begins = (After("lo", low, inclusive=True), Before("lo", high, inclusive=True))
    return all_of(*begins, Before("hi", high, inclusive=True))


def _overlaps(low: int, high: int) -> Predicate:
    return all_of(Before("lo", high), After("hi", low))


def _approximately(low: int, high: int) -> Predicate:
    """Widen by a tenth of the distance from now, as the specification recommends."""
    slack = _slack(low)
    return _overlaps(low - slack, high + slack)


def _slack(low: int) -> int:
    return abs(time.time_ns() // 1000 - low) // 10


_COMPARE: Final[dict[str, Callable[[int, int], Predicate]]] = {
    "eq": _within,
    "ne": lambda low, high: negate(_within(low, high)),
    "gt": lambda _, high: After("hi", high),
    "lt": lambda low, _: Before("lo", low),
    "ge": lambda low, high: any_of(After("hi", high), _within(low, high)),
    "le": lambda low, high: any_of(Before("lo", low), _within(low, high)),
    "sa": lambda _, high: After("lo", high, inclusive=True),
    "eb": lambda low, _: Before("hi", low, inclusive=True),
    "ap": _approximately,
}


def _instant(prefix: str, low: int, high: int) -> Predicate:
    """Compare one instant, which is an interval of no width."""
    field = FIELD_UPDATED
    inside = all_of(After(field, low, inclusive=True), Before(field, high))
    match prefix:
        case "ne":
            return negate(inside)
        case "gt" | "sa":
            return After(field, high, inclusive=True)
        case "lt" | "eb":
            return Before(field, low)
        case "ge":
            return After(field, low, inclusive=True)
        case "le":
            return Before(field, high)
        case "ap":
            slack = _slack(low)
            return all_of(After(field, low - slack, inclusive=True), Before(field, high + slack))
        case _:
            return inside


def key(value: IndexValue) -> Scalar:
    """Sort by the first instant covered."""
    return int(value["lo"])


DATE = ParameterType("date", frozenset(), values, criterion, key)
