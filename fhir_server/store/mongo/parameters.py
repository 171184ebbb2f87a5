"""The search parameters that an installation declared, and the work that each of them asks for.

A document of `search_parameter` is what a SearchParameter says, its state, and how far the rows of
its types are brought up to it. One more, `#version`, counts the changes, so that a worker learns
of one by a single small question; another, `#lease`, says which worker does the work; a third,
`#marks`, by which tables the database was indexed. Time is MongoDB's own (`$$NOW`), so that the
clocks of nodes don't matter.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pymongo import ASCENDING, UpdateOne
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from fhir_server.store.mongo import documents
from fhir_server.store.mongo.errors import translated
from fhir_server.store.mongo.lease import Lease
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row

COLLECTION: Final = "search_parameter"
VERSION: Final = "#version"
MARKS: Final = "#marks"
TABLES: Final = "tables:"
"""Begins the name of a parameter that the tables define: it is forgotten when the work is done."""
_LEASE: Final = "#lease"
_OWN: Final = {"_id": {"$not": {"$regex": "^#"}}}

State = Literal["waiting", "ready", "leaving"]
"""Rows are being indexed by it; all are; its values are being taken out."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work has come: `done` of `total` rows, the last of them `after` in `type`.

    `settled`: every write that did not know of the parameter has ended.
    """

    settled: bool = False
    type: str = ""
    after: str = ""
    done: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """Return `done` in percent, 100 only for what is complete."""
        return min(99, 100 * self.done // max(1, self.total))


@dataclass(frozen=True, slots=True)
class Declared:
    """One declared parameter; `mark` is another whenever `body` or `state` is."""

    id: str
    body: Mapping[str, Any]
    state: State
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    progress: Progress = Progress()

    def document(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"_id": self.id, "body": dict(self.body), "state": self.state, "mark": self.mark}


def declared(document: Mapping[str, Any]) -> Declared:
    """Return the parameter of a stored document."""
    progress = Progress(**document.get("progress", {}))
    return Declared(
        document["_id"], document["body"], document["state"], document["mark"], progress
    )


class Parameters:
    """The collection, and the rows that are brought up to it."""

    def __init__(self, store: MongoStore) -> None:
        """Use the database of `store`; nothing is sent yet."""
        self._db = store._db
        self._admin = store._client.get_database("admin", read_concern=ReadConcern("local"))
        self._read = store.files.read
        self._own = self._db[COLLECTION]
        self._lease = Lease(self._own, _LEASE)

    @translated
    def version(self) -> int:
        """Return how many changes there were; 0 when nothing was ever declared."""
        found = self._own.find_one({"_id": VERSION})
        return int(found["count"]) if found else 0

    @translated
    def marks(self) -> dict[str, str]:
        """Return by address what the database is indexed by; nothing in one that has no marks."""
        found = self._own.find_one({"_id": MARKS}) or {"marks": []}
        return {one["url"]: one["mark"] for one in found["marks"]}

    @translated
    def all(self) -> list[Declared]:
        """Return every parameter, by id."""
        return [declared(one) for one in self._own.find(_OWN).sort("_id", ASCENDING)]

    @translated
    def lease(self, seconds: int) -> bool:
        """Take or keep the right to do the work for so long; False when another worker has it."""
        return self._lease.take(seconds)

    @translated
    def release(self) -> None:
        """Let another worker take the work."""
        self._lease.release()

    @translated
    def note(self, one: Declared, progress: Progress) -> bool:
        """Remember how far `one` has come; False when it is not what it was."""
        values = {name: getattr(progress, name) for name in Progress.__slots__}
        found = self._own.update_one(
            {"_id": one.id, "mark": one.mark}, {"$set": {"progress": values}}
        )
        return found.matched_count == 1

    @translated
    def finish(self, one: Declared, *, forget: bool) -> None:
        """Let `one` be ready, or `forget` it; every worker learns of it."""
        same = {"_id": one.id, "mark": one.mark}
        if forget:
            self._own.delete_one(same)
        else:
            self._own.update_one(same, {"$set": {"state": "ready"}, "$unset": {"progress": 1}})
        # A worker that misses this asks again anyway, as long as it knows of something that waits.
        self._own.update_one({"_id": VERSION}, {"$inc": {"count": 1}}, upsert=True)

    @translated
    def open_transactions(self) -> frozenset[str] | None:
        """Name the transactions of this installation that run now; None where that isn't told."""
        running: list[Mapping[str, Any]] = [
            {"$currentOp": {"allUsers": False, "idleSessions": True}},
            {"$match": {"transaction": {"$exists": True}}},
        ]
        try:
            found = list(self._admin.aggregate(running))
        except OperationFailure:
            return None
        return frozenset(
            f"{one['lsid']['id']}/{one['transaction']['parameters']['txnNumber']}"
            for one in found
            if "lsid" in one
        )

    # rows ------------------------------------------------------------------------------------

    @translated
    def count(self, types: Sequence[str]) -> int:
        """Return about how many rows `types` have."""
        return sum(self._db[type_].estimated_document_count() for type_ in types)

    @translated
    def rows(self, type_: str, after: str, limit: int) -> list[Row]:
        """Return the rows of `type_` whose id comes after `after`, with what they are found by."""
        found = self._db[type_].find({"_id": {"$gt": after}}).sort("_id", ASCENDING).limit(limit)
        return [documents.row(type_, one, self._read) for one in found]

    @translated
    def refill(self, type_: str, changes: Sequence[tuple[Row, dict[str, Any], set[str]]]) -> None:
        """Set and take out what rows are found by, where the row is still the same version.

        Body, version and date stay; so does the row, if it is another by now: who wrote it knew.
        """
        steps = [
            UpdateOne(
                {"_id": row.id, "version": row.version},
                ({"$set": put} if put else {}) | ({"$unset": dict.fromkeys(out, 1)} if out else {}),
            )
            for row, put, out in changes
            if put or out
        ]
        if steps:
            self._db[type_].bulk_write(steps, ordered=False)
