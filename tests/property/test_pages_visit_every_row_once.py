"""Keyset pages: walking them visits each row once, in the order in which MongoDB sorts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection

from fhir_server.predicate import ALWAYS, Predicate, holds
from fhir_server.search.page import TIE, beyond, order, value_at
from fhir_server.search.result import SortKey
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.query import to_query

Row = dict[str, Any]

TEXTS = st.sampled_from(["a", "b", "é", "a\x1fA", "ab", "", "🩺", "\uffff"])
NUMBERS = st.integers(-2, 3)
KEYS = st.fixed_dictionaries({}, optional={"text": TEXTS, "number": NUMBERS})
IDS = st.text("abcAZ09-.", min_size=1, max_size=3)
ROWS = st.lists(st.tuples(IDS, KEYS), max_size=14, unique_by=lambda row: row[0]).map(
    lambda rows: [{"_id": id_, "srt": keys} for id_, keys in rows]
)
SORTS = st.lists(
    st.builds(SortKey, st.sampled_from(["srt.text", "srt.number"]), st.booleans()),
    max_size=2,
    unique_by=lambda key: key.field,
)


def in_order(rows: Sequence[Row], sort: Sequence[SortKey]) -> list[str]:
    """Return the ids as a plain reading of the order gives them: what is absent comes first."""

    def compare(left: Row, right: Row) -> int:
        for key in (*sort, TIE):
            one, two = value_at(left, key.field), value_at(right, key.field)
            if one != two:
                first = one is None or (two is not None and one < two)  # type: ignore[operator]
                return -1 if first != key.descending else 1
        return 0

    return [row["_id"] for row in sorted(rows, key=cmp_to_key(compare))]


def position(row: Row, sort: Sequence[SortKey], *, back: bool = False) -> Predicate:
    return beyond(sort, [value_at(row, key.field) for key in sort], row["_id"], back=back)


@given(ROWS, SORTS, st.integers(1, 4))
def test_pages_visit_every_row_once_in_order(
    rows: list[Row], sort: list[SortKey], size: int
) -> None:
    wanted = in_order(rows, sort)
    by_id = {row["_id"]: row for row in rows}
    visited: list[str] = []
    after: Predicate = ALWAYS
    while page := [id_ for id_ in wanted if holds(after, by_id[id_])][:size]:
        visited += page
        after = position(by_id[page[-1]], sort)
    assert visited == wanted


@given(ROWS, SORTS)
def test_a_row_is_beyond_those_before_it_and_no_other(rows: list[Row], sort: list[SortKey]) -> None:
    wanted = in_order(rows, sort)
    for row in rows:
        found = [other["_id"] for other in rows if holds(position(row, sort), other)]
        assert sorted(found) == sorted(wanted[wanted.index(row["_id"]) + 1 :])


@pytest.fixture(scope="module")
def collection(mongo_uri: str, module_database_name: str) -> Iterator[Collection[Row]]:
    with connect(mongo_uri) as client:
        yield client[module_database_name]["rows"]


@given(ROWS, SORTS, st.integers(1, 4))
@settings(max_examples=40)
def test_mongodb_turns_the_same_pages(
    collection: Collection[Row], rows: list[Row], sort: list[SortKey], size: int
) -> None:
    collection.delete_many({})
    if rows:
        collection.insert_many(rows)
    keys = [(key.field, -1 if key.descending else 1) for key in (*sort, TIE)]
    visited: list[str] = []
    after: Predicate = ALWAYS
    while page := list(collection.find(to_query(after)).sort(keys).limit(size)):
        visited += [row["_id"] for row in page]
        after = position(page[-1], sort)
    assert visited == in_order(rows, sort)


@given(ROWS, SORTS, st.integers(1, 4))
@settings(max_examples=40)
def test_mongodb_turns_the_same_pages_backwards(
    collection: Collection[Row], rows: list[Row], sort: list[SortKey], size: int
) -> None:
    collection.delete_many({})
    if rows:
        collection.insert_many(rows)
    turned = [(key.field, -1 if key.descending else 1) for key in order(sort, back=True)]
    visited: list[str] = []
    before: Predicate = ALWAYS
    while page := list(collection.find(to_query(before)).sort(turned).limit(size)):
        visited += [row["_id"] for row in page]
        before = position(page[-1], sort, back=True)
    assert visited[::-1] == in_order(rows, sort)
