"""One transaction: what a write may do, seen by nobody until all of it is durable.

Writes are kept and sent together, collection by collection, when the transaction next searches
there or ends; what it read or wrote by id is remembered. Write conflicts surface as MongoDB's
transient errors, on which `Transactions` runs the whole unit again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pymongo import DESCENDING, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from fhir_server.predicate import Predicate
from fhir_server.store.mongo import documents
from fhir_server.store.mongo.declarations import HISTORY
from fhir_server.store.mongo.notices import COLLECTION as OUTBOX
from fhir_server.store.mongo.notices import cancelled, queued, resumed
from fhir_server.store.mongo.query import to_query
from fhir_server.store.mongo.uploads import LARGEST_ROW, Uploads
from fhir_server.store.rows import Notice, PolicyRow, Row

Document = dict[str, Any]
Write = Document | DeleteOne | ReplaceOne[Document] | UpdateMany | UpdateOne
"""What is to be sent: a document to insert, or another operation."""

FOREVER = 2**62
"""When a deletion ends, in microseconds: a tombstone stays."""
STRIPES = 16
"""How many lock documents stand for what is shared: two writes meet by chance once in so many."""

MARKS = "policy_mark"
"""What tells that a policy changed which names a caller key (`records/patient_list.py`)."""


def stripe_of(key: str, stripe: int) -> str:
    """Return the id of one of the `STRIPES` marks of a caller key."""
    return f"{key}#{stripe}"


@dataclass(slots=True)
class _Mark:
    """Where a unit stood: how much was kept for each collection, and what was remembered."""

    kept: dict[str, int]
    rows: dict[tuple[str, str], Row | None]
    is_past: bool = False


class Unit:
    """The reads and writes of one transaction."""

    def __init__(
        self, database: Database[Document], session: ClientSession, uploads: Uploads
    ) -> None:
        """Bind to `session`, in which a transaction runs; `uploads` has the files it may name."""
        self._db = database
        self._session = session
        self._uploads = uploads
        self._read = uploads.read
        self._kept: dict[str, list[Write]] = {}
        self._rows: dict[tuple[str, str], Row | None] = {}
        self._mark = _Mark({}, {})
        self._stripe = secrets.randbelow(STRIPES)
        self._shared: set[str] = set()
        self._told: set[str] = set()

    # what is kept until it is sent -----------------------------------------------------------

    def flush(self) -> None:
        """Send what has not been sent yet; the transaction may then be committed."""
        for name in list(self._kept):
            self._collection(name)

    def mark(self) -> None:
        """Remember where the unit stands, for `back`."""
        self._mark = _Mark({name: len(kept) for name, kept in self._kept.items()}, {**self._rows})

    def back(self) -> bool:
        """Forget all writes since `mark`; return False when some of them were sent already."""
        if self._mark.is_past:
            return False
        for name, kept in self._kept.items():
            del kept[self._mark.kept.get(name, 0) :]
        self._rows = self._mark.rows
        self._shared = set()
        self._told = set()
        return True

    def _keep(self, name: str, write: Write) -> None:
        self._kept.setdefault(name, []).append(write)

    def _collection(self, name: str) -> Collection[Document]:
        """Return a collection with all that this transaction has put into it."""
        found = self._db[name]
        if kept := self._kept.pop(name, None):
            if len(kept) > self._mark.kept.pop(name, 0):
                self._mark.is_past = True
            inserts = [write for write in kept if isinstance(write, dict)]
            if len(inserts) == len(kept):
                found.insert_many(inserts, session=self._session)
            else:
                found.bulk_write(
                    [InsertOne(write) if isinstance(write, dict) else write for write in kept],
                    session=self._session,
                )
        return found

    # reads -----------------------------------------------------------------------------------

    def get(self, type_: str, id_: str) -> Row | None:
        """Return the current version, or None."""
        key = type_, id_
        if key not in self._rows:
            # INVARIANT: what this transaction wrote stands in `_rows`, so nothing kept is missed.
            found = self._db[type_].find_one({"_id": id_}, session=self._session)
            self._rows[key] = documents.row(type_, found, self._read) if found else None
        return self._rows[key]

    def last(self, type_: str, id_: str) -> Row | None:
        """Return the last version in the history, the tombstone after a deletion."""
        found = self._collection(type_ + HISTORY).find_one(
            {"id": id_}, sort=[("version", DESCENDING)], session=self._session
        )
        return documents.row(type_, found, self._read) if found else None

    def find(self, type_: str, predicate: Predicate, *, limit: int = 0) -> list[Row]:
        """Return rows in which `predicate` holds, by id."""
        found = self._collection(type_).find(to_query(predicate), session=self._session)
        return [documents.row(type_, item, self._read) for item in found.sort("_id").limit(limit)]

    def policies_naming(self, ref: str) -> list[str]:
        """Return the patients whose policy was compiled from the resource `ref`."""
        found = self._collection("record_policy").find(
            {"refs": ref}, {"_id": 1}, session=self._session
        )
        return [item["_id"] for item in found]

    # resources -------------------------------------------------------------------------------

    def insert(self, row: Row) -> None:
        """Add a resource that has no current version."""
        row = self._fitting(row)
        self._keep(row.type, documents.current(row))
        self._rows[row.type, row.id] = row
        if row.version > 1:
            self._govern_past(row, row.acl)

    def append(self, rows: Iterable[Row]) -> None:
        """Add resources that this transaction does not look at again."""
        for row in rows:
            self._keep(row.type, documents.current(row))

    def replace(self, old: Row, new: Row) -> None:
        """Put `new` in the place of `old`, which goes to the history."""
        new = self._fitting(new)
        if new.acl != old.acl:
            self._govern_past(old, new.acl)
        self._archive(old, until=new.updated, now=new.acl)
        self._keep(
            new.type,
            ReplaceOne({"_id": new.id, "version": old.version}, documents.current(new)),
        )
        self._rows[new.type, new.id] = new

    def _fitting(self, row: Row) -> Row:
        """Return `row`, with what MongoDB would not take in a file."""
        if row.file is None and len(row.raw) <= LARGEST_ROW:
            return row
        self._mark.is_past = True  # a file is settled at once
        return self._uploads.named(row, self._session)

    def remove(self, old: Row, *, updated: int) -> Row:
        """Delete `old`: it goes to the history, a tombstone with its facts after it."""
        tombstone = replace(
            old,
            version=old.version + 1,
            updated=updated,
            raw=b"",
            idx={},
            srt={},
            method="DELETE",
            gone=True,
            file=None,
        )
        self._archive(old, until=updated, now=old.acl)
        self._archive(tombstone, until=FOREVER, now=old.acl)
        self._keep(old.type, DeleteOne({"_id": old.id}))
        self._rows[old.type, old.id] = None
        return tombstone

    def _archive(self, row: Row, *, until: int, now: Mapping[str, Any]) -> None:
        """Keep a version that ends at `until`, with the facts that now govern the resource."""
        self._keep(row.type + HISTORY, documents.past(row) | {"until": until, "now": dict(now)})

    def _govern_past(self, row: Row, now: Mapping[str, Any]) -> None:
        """Let what hides a resource today hide its past (L19); its first version has none."""
        if row.version > 1:
            self._keep(row.type + HISTORY, UpdateMany({"id": row.id}, {"$set": {"now": dict(now)}}))

    def set_acl(self, row: Row, acl: Mapping[str, Any]) -> None:
        """Replace the consent facts of a current version; the resource itself does not change."""
        self._keep(row.type, UpdateOne({"_id": row.id}, {"$set": {"acl": dict(acl)}}))
        self._rows[row.type, row.id] = replace(row, acl=acl)
        self._govern_past(row, acl)

    # policies and meetings -------------------------------------------------------------------

    def put_policy(self, policy: PolicyRow, *, is_new: bool = False) -> None:
        """Store a record's compiled policy under a new version; `is_new`: it never had one."""
        self._tell({*policy.keys, *(() if is_new else self._named_in(policy.patient))})
        body = {
            "version": secrets.token_hex(8),
            "body": dict(policy.body),
            "keys": list(policy.keys),
            "refs": list(policy.refs),
        }
        self._keep("record_policy", ReplaceOne({"_id": policy.patient}, body, upsert=True))

    def drop_policy(self, patient: str) -> None:
        """Forget the policy of a record that no longer exists: it is closed to everybody."""
        self._tell(self._named_in(patient))
        self._keep("record_policy", DeleteOne({"_id": patient}))

    def _named_in(self, patient: str) -> list[str]:
        """Return the caller keys of a stored policy. Those put before in this unit were told."""
        found = self._db.record_policy.find_one(
            {"_id": patient}, {"_id": 0, "keys": 1}, session=self._session
        )
        return found["keys"] if found else []

    def _tell(self, keys: Iterable[str]) -> None:
        """Mark `keys`, so that who asks by one of them reads the policies that name it anew.

        INVARIANT: the marks are committed with the policy, and those of the keys that it no longer
        names too. On one of many stripes, since many records name one doctor.
        """
        for key in sorted(set(keys) - self._told):
            self._told.add(key)
            mark = {"$set": {"mark": secrets.token_hex(8)}}
            self._keep(MARKS, UpdateOne({"_id": stripe_of(key, self._stripe)}, mark, upsert=True))

    # notices -----------------------------------------------------------------------------------

    def queue(self, notice: Notice) -> None:
        """Queue `notice` unless it was queued before; one that was cancelled waits again."""
        self._keep(OUTBOX, resumed(notice))
        self._keep(OUTBOX, queued(notice))

    def cancel(self, key: str) -> None:
        """Let a notice that still waits never be told."""
        self._keep(OUTBOX, cancelled(key))

    def is_queued(self, key: str) -> bool:
        """Tell whether a notice was ever queued under `key`."""
        found = self._collection(OUTBOX).find_one({"_id": key}, {"_id": 1}, session=self._session)
        return found is not None

    # declared search parameters --------------------------------------------------------------

    def declared(self) -> list[Document]:
        """Return the stored parameters (`parameters.py`), as this transaction sees them."""
        own = {"_id": {"$not": {"$regex": "^#"}}}
        return list(self._collection("search_parameter").find(own, session=self._session))

    def declare(self, document: Document, *, instead_of: str = "") -> None:
        """Store a parameter, and count the change so that every worker learns of it."""
        if instead_of:
            self._keep("search_parameter", DeleteOne({"_id": instead_of}))
        self._keep("search_parameter", ReplaceOne({"_id": document["_id"]}, document, upsert=True))
        counted = UpdateOne({"_id": "#version"}, {"$inc": {"count": 1}}, upsert=True)
        self._keep("search_parameter", counted)

    def indexed_by(self, marks: Mapping[str, str]) -> None:
        """Store by which tables the database is indexed: marks by address (`parameters.py`)."""
        found = [{"url": url, "mark": mark} for url, mark in marks.items()]
        whole = {"_id": "#marks", "marks": found}
        self._keep("search_parameter", ReplaceOne({"_id": "#marks"}, whole, upsert=True))

    def pin(self, refs: Iterable[str]) -> None:
        """Write a mark on resources that this write read, so that a change of them meets it.

        MongoDB sees conflicts between writes only; without the mark, facts copied from a resource
        could outlive a change made to it at the same instant.
        """
        by_type: dict[str, list[str]] = {}
        for ref in refs:
            type_, _, id_ = ref.partition("/")
            by_type.setdefault(type_, []).append(id_)
        for type_, ids in sorted(by_type.items()):
            mark = {"$set": {"pin": secrets.token_hex(4)}}
            self._keep(type_, UpdateMany({"_id": {"$in": sorted(ids)}}, mark))

    def share(self, refs: Iterable[str]) -> None:
        """Let a change of `refs`, which `claim`s them, meet this write, which only read them.

        Many records name one doctor. A mark on the doctor would make each of their writes meet all
        others; a mark on one of many stripes makes them meet who marks all.
        """
        for ref in refs:
            if ref not in self._shared:
                self._shared.add(ref)
                self._keep("lock", _mark_of(ref, self._stripe))

    def claim(self, ref: str) -> None:
        """Let every write that `share`s `ref` at the same time meet this one."""
        for stripe in range(STRIPES):
            self._keep("lock", _mark_of(ref, stripe))

    def lock(self, name: str) -> None:
        """Let one transaction at a time hold `name`, which `MongoStore.prepare_lock` has made."""
        self._keep("lock", UpdateOne({"_id": name}, {"$set": {"by": secrets.token_hex(4)}}))


def _mark_of(ref: str, stripe: int) -> UpdateOne:
    """Return the write of one stripe; made when it is first needed, it goes by itself in a day."""
    name = sha256(f"{ref}#{stripe}".encode()).hexdigest()
    at = {"by": secrets.token_hex(4), "at": datetime.now(UTC)}
    return UpdateOne({"_id": name}, {"$set": at}, upsert=True)
