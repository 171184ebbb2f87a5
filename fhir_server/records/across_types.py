"""One page of several types together: https://hl7.org/fhir/R4/http.html#search.

Without `_sort` the order is by type and id, and types are read one after another. With it, the
first rows of each type are merged, read in slices as the page needs them. In both, what comes
after a row is told by its sort values, its type and its id, so no row is lost or shown twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cmp_to_key
from heapq import merge
from itertools import chain, islice
from typing import Any, Final

from fhir_server.predicate import Scalar
from fhir_server.records.searching import (
    Page,
    Prepared,
    Searching,
    around,
    position,
    total_of,
    turned,
)
from fhir_server.records.stored_sight import StoredSight
from fhir_server.search.page import TIE, Position, value_at
from fhir_server.search.result import SortKey
from fhir_server.store.rows import Row

_SLICE: Final = 25
"""Rows that are read of one type at a time when several are merged."""
_FIRST, _LAST = "", "~"
"""Texts before and after every logical id: https://hl7.org/fhir/R4/datatypes.html#id."""


def across(
    searching: Searching, asked: Sequence[Prepared], after: Position | None, sight: StoredSight
) -> Page:
    """Return the page after `after`, or before it; its first value is a type.

    `sight` is over the records of all of `asked`.
    """
    result = asked[0].query.result
    only_total = result.summary_count or result.count == 0
    rows = [] if only_total else _rows(searching, asked, after, result.count + 1)
    rows, more = turned(rows, result.count, after)
    complete = not (more or after or only_total)
    total = total_of(result, after, lambda: len(rows) if complete else searching.count(asked))
    included = searching.included(asked[0].query, rows, sight)
    ends = [replace(_end(asked, row), total=total) for row in (rows[:1] + rows[-1:])]
    last, previous = around(asked[0].query, ends, after, more=more)
    return Page(tuple(rows), included.rows, total, last, included.cut, previous)


def _end(asked: Sequence[Prepared], row: Row) -> Position:
    here = position(asked[0].query, row)
    return replace(here, values=(row.type, *here.values))


def _rows(
    searching: Searching, asked: Sequence[Prepared], after: Position | None, limit: int
) -> list[Row]:
    sort, back = asked[0].query.result.sort, after is not None and after.back
    in_order = sorted(asked, key=lambda one: one.query.type, reverse=back)
    if not sort:
        streams = (_stream(searching, one, after, limit) for one in in_order)
        return list(islice(chain.from_iterable(streams), limit))
    size = min(limit, _SLICE)
    streams = (_stream(searching, one, after, size) for one in in_order)
    return list(islice(merge(*streams, key=_order(sort), reverse=back), limit))


def _stream(
    searching: Searching, one: Prepared, after: Position | None, size: int
) -> Iterator[Row]:
    """Yield the matches of one type after `after`, `size` at a time."""
    begin = _begin(one.query.type, one.query.result.sort, after)
    while True:
        rows = searching.rows(one, begin, size)
        yield from rows
        if len(rows) < size:
            return
        begin = replace(position(one.query, rows[-1]), back=begin is not None and begin.back)


def _begin(type_: str, sort: Sequence[SortKey], after: Position | None) -> Position | None:
    """Return `after` as a place in `type_`: rows that sort alike go by type, then by id."""
    if after is None or after.edge:
        return after
    last, *values = after.values
    if type_ == last:
        return replace(after, values=tuple(values))
    is_later = type_ > str(last)
    # Rows that sort alike are still to come in the types that are, and have all gone by elsewhere.
    if is_later is not after.back:
        values = [_edge(key, value, after) for key, value in zip(sort, values, strict=True)]
    return replace(after, values=tuple(values), id=_FIRST if is_later else _LAST)


def _edge(key: SortKey, value: Scalar | None, after: Position) -> Scalar | None:
    """Return `value`; of an id, what no id lies between and it, so that it is still to come."""
    if key.field != TIE.field or not isinstance(value, str):
        return value
    goes_down = key.descending is not after.back
    return f"{value}!" if goes_down else f"{value[:-1]}{chr(ord(value[-1]) - 1)}{_LAST}"


def _order(sort: Sequence[SortKey]) -> Callable[[Row], Any]:
    """Return what rows are merged by: the order in which MongoDB gives those of one type."""

    def compare(one: Row, other: Row) -> int:
        for key, first, second in zip(sort, _ranks(sort, one), _ranks(sort, other), strict=True):
            if first != second:
                return -1 if (first < second) is not key.descending else 1
        first_ref, second_ref = (one.type, one.id), (other.type, other.id)
        return (first_ref > second_ref) - (first_ref < second_ref)

    return cmp_to_key(compare)


def _ranks(sort: Sequence[SortKey], row: Row) -> list[tuple[int, Scalar]]:
    """Return the sort values of `row` as they compare: absent ones first, then numbers, then texts."""
    document = {"_id": row.id, "updated": row.updated, "srt": row.srt}
    values = (value_at(document, key.field) for key in sort)
    return [
        (0, 0) if value is None else (2 if isinstance(value, str) else 1, value) for value in values
    ]
