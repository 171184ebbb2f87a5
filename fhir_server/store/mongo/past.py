"""Versions of many resources at once, newest first: https://hl7.org/fhir/R4/http.html#history.

The current versions lie in one collection, those before in another; a page is the merge of the
first rows of both, for each type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from fhir_server.predicate import Predicate, under
from fhir_server.store.mongo import documents
from fhir_server.store.mongo.commands import MAX_TIME_MS
from fhir_server.store.mongo.declarations import HISTORY
from fhir_server.store.mongo.large import Files
from fhir_server.store.mongo.query import to_query
from fhir_server.store.rows import Row


@dataclass(frozen=True, slots=True)
class Window:
    """Versions written since `since`, or current at some time in `[low, high)`; None for any."""

    since: int | None = None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A version's place in a history: after it come older ones, then by type, id and version."""

    updated: int
    type: str
    id: str
    version: int


def place(row: Row) -> Place:
    """Return the place of `row`."""
    return Place(row.updated, row.type, row.id, row.version)


@dataclass(frozen=True)
class Past:
    """The versions of some types in which `facts` hold, then and now."""

    database: Database[dict[str, Any]]
    files: Files
    types: Sequence[str]
    known: dict[str, Predicate]
    window: Window

    def page(self, after: Place | None, limit: int) -> list[Row]:
        """Return the `limit` newest versions beyond `after`."""
        streams = [
            self._rows(type_, after, limit, past=past) for type_ in self.types for past in (0, 1)
        ]
        return list(islice(merge(*streams, key=_order), limit))

    def count(self) -> int:
        """Count all of them."""
        return sum(
            self._collection(type_, past).count_documents(
                self._query(type_, None, past), maxTimeMS=MAX_TIME_MS
            )
            for type_ in self.types
            for past in (0, 1)
        )

    def _rows(self, type_: str, after: Place | None, limit: int, *, past: int) -> Iterator[Row]:
        order = [("updated", DESCENDING), ("id" if past else "_id", ASCENDING)]
        found = (
            self._collection(type_, past)
            .find(self._query(type_, after, past), {"idx": 0, "srt": 0})
            .sort([*order, ("version", DESCENDING)])
            .limit(limit)
            .max_time_ms(MAX_TIME_MS)
        )
        for item in found:
            yield documents.row(type_, item, self.files.read)

    def _collection(self, type_: str, past: int) -> Any:
        return self.database[type_ + HISTORY if past else type_]

    def _query(self, type_: str, after: Place | None, past: int) -> dict[str, Any]:
        known = self.known[type_]
        clauses = [to_query(under("acl", known))]
        if past:
            clauses.append(to_query(under("now", known)))
        clauses += self._when(past)
        if after is not None:
            clauses.append(_beyond(type_, after, "id" if past else "_id"))
        return {"$and": clauses}

    def _when(self, past: int) -> Iterator[dict[str, Any]]:
        if self.window.since is not None:
            yield {"updated": {"$gte": self.window.since}}
        if self.window.high is not None:
            yield {"updated": {"$lt": self.window.high}}
        if past and self.window.low is not None:
            yield {"until": {"$gt": self.window.low}}


def as_of(
    database: Database[dict[str, Any]], files: Files, type_: str, predicate: Predicate, at: int
) -> list[Row]:
    """Return the rows of `type_` in force at `at` in which `predicate` holds, by id.

    Current versions are read first: one that goes to the history meanwhile is then found twice,
    and never missed.
    """
    asked = to_query(predicate)
    began = {"updated": {"$lte": at}}
    past = {"until": {"$gt": at}, "gone": {"$exists": False}}
    found = {}
    for collection, when in ((type_, began), (type_ + HISTORY, began | past)):
        query = {"$and": [asked, when]}
        for item in database[collection].find(query).max_time_ms(MAX_TIME_MS):
            row = documents.row(type_, item, files.read)
            found[row.id] = row
    return [found[id_] for id_ in sorted(found)]


def _order(row: Row) -> tuple[int, str, str, int]:
    return (-row.updated, row.type, row.id, -row.version)


def _beyond(type_: str, after: Place, id_: str) -> dict[str, Any]:
    older = {"updated": {"$lt": after.updated}}
    if type_ < after.type:
        return older
    same: dict[str, Any] = {"updated": after.updated}
    if type_ == after.type:
        same["$or"] = [
            {id_: {"$gt": after.id}},
            {id_: after.id, "version": {"$lt": after.version}},
        ]
    return {"$or": [older, same]}
