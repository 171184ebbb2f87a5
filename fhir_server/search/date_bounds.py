"""Say of dates also what follows for the one value that resources are sorted by.

A wildcard index finds intervals by one of their ends and can't sort. `srt.<code>` holds the least
beginning, and stands in compound indexes, so a query that names it too reads only the part of such
an index that can match: a day of the access log, the last month of a record. What is added is
always implied, so it changes no answer, under `not` neither.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from fhir_server.definitions import SearchParameter, child
from fhir_server.fhir.dates import MAX, MIN
from fhir_server.predicate import (
    After,
    All,
    Any,
    Before,
    Predicate,
    Some,
    all_of,
    any_of,
)
from fhir_server.search.paths import ways

_SECOND: Final = 1_000_000
_YEAR: Final = 368 * 86_400 * _SECOND
"""More than a year of 366 days, and what a change of the zone's offset adds."""
_WIDTHS: Final = {"instant": _SECOND, "date": _YEAR, "dateTime": _YEAR}
"""How long a value of a type can last, in microseconds; others without limit."""


class _Extent(NamedTuple):
    """Between which instants an interval must begin."""

    low: int
    high: int


_ANY: Final = _Extent(MIN, MAX)


def bounded(
    predicate: Predicate, parameter: SearchParameter, type_: str, where: str, sorted_by: str
) -> Predicate:
    """Return `predicate` about the intervals in `where`, with what it implies for `sorted_by`."""
    width = _width(parameter.expression, type_)

    def with_bounds(part: Predicate) -> Predicate:
        match part:
            case Any(parts):
                return any_of(*map(with_bounds, parts))
            case Some(field, inner) if field == where:
                begins = _begins(inner, width)
                bounds: list[Predicate] = []
                # The least beginning is no later than any; no earlier only where there is one.
                if width is not None and begins.low > MIN:
                    bounds.append(After(sorted_by, begins.low, inclusive=True))
                if begins.high < MAX:
                    bounds.append(Before(sorted_by, begins.high, inclusive=True))
                return all_of(*bounds, part)
            case _:
                return part

    return with_bounds(predicate)


@lru_cache(maxsize=1024)
def _width(expression: str, type_: str) -> int | None:
    """Return how long the one value that a resource can have lasts at the most, else None."""
    found = ways(expression, type_)
    places = [child(type_, keys[0]) for keys in found if len(keys) == 1]
    if len(places) < len(found) or not places:
        return None
    names = {place[0].name for place in places if place and not place[0].repeats}
    if len(names) != 1 or None in places:
        return None
    return max(_WIDTHS.get(place[1], MAX) for place in places if place)


def _begins(part: Predicate, width: int | None) -> _Extent:
    """Return when an interval can begin that `part` holds of, lasting `width` at the most."""
    match part:
        case After("lo", int() as bound):
            return _Extent(bound, MAX)
        case Before("lo" | "hi", int() as bound):
            return _Extent(MIN, bound)  # nothing ends before it begins
        case After("hi", int() as bound) if width is not None and width < MAX:
            return _Extent(max(MIN, bound - width), MAX)
        case All(parts):
            found = [_begins(each, width) for each in parts]
            return _Extent(max(one.low for one in found), min(one.high for one in found))
        case Any(parts):
            found = [_begins(each, width) for each in parts]
            return _Extent(min(one.low for one in found), max(one.high for one in found))
        case _:
            return _ANY
