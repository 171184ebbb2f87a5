"""One transaction: what a write may do, seen by nobody until all of it is durable.

Every read in it sees the transaction's own writes. Write conflicts surface as MongoDB's transient
errors, on which `MongoStore.transact` runs the whole unit again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from fhir_server.predicate import Predicate
from fhir_server.store.mongo import documents
from fhir_server.store.mongo.declarations import HISTORY
from fhir_server.store.mongo.query import to_query
from fhir_server.store.mongo.uploads import LARGEST_ROW, Uploads
from fhir_server.store.rows import PolicyRow, Row

Document = dict[str, Any]


FOREVER = 2**62
"""When a deletion ends, in microseconds: a tombstone stays."""


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
        self._new: dict[str, list[Document]] = {}

    def flush(self) -> None:
        """Send what has not been sent yet; the transaction may then be committed."""
        for name in list(self._new):
            self._collection(name)

    def _collection(self, name: str) -> Collection[Document]:
        """Return a collection with all that this transaction has put into it."""
        found = self._db[name]
        if rows := self._new.pop(name, None):
            found.insert_many(rows, session=self._session)
        return found

    def get(self, type_: str, id_: str) -> Row | None:
        """Return the current version, or None."""
        found = self._collection(type_).find_one({"_id": id_}, session=self._session)
        return documents.row(type_, found, self._read) if found else None

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

    def insert(self, row: Row) -> None:
        """Add a resource that has no current version.

        New rows of a type are sent together, when the transaction next looks at the type or ends.
        """
        row = self._fitting(row)
        self._new.setdefault(row.type, []).append(documents.current(row))
        if row.version > 1:
            self._govern_past(row.type, row.id, row.acl)

    def insert_many(self, rows: Sequence[Row]) -> None:
        """Add several resources."""
        for row in rows:
            self.insert(row)

    def replace(self, old: Row, new: Row) -> None:
        """Put `new` in the place of `old`, which goes to the history."""
        new = self._fitting(new)
        self._archive(old, until=new.updated, now=new.acl)
        self._collection(new.type).replace_one(
            {"_id": new.id, "version": old.version}, documents.current(new), session=self._session
        )

    def _fitting(self, row: Row) -> Row:
        """Return `row`, with what MongoDB would not take in a file."""
        if row.file is None and len(row.raw) <= LARGEST_ROW:
            return row
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
        self._collection(old.type).delete_one({"_id": old.id}, session=self._session)
        return tombstone

    def _archive(self, row: Row, *, until: int, now: Mapping[str, Any]) -> None:
        """Keep a version that ends at `until`, with the facts that now govern the resource."""
        document = documents.past(row) | {"until": until, "now": dict(now)}
        self._collection(row.type + HISTORY).insert_one(document, session=self._session)
        self._govern_past(row.type, row.id, now)

    def _govern_past(self, type_: str, id_: str, now: Mapping[str, Any]) -> None:
        """Let what hides a resource today hide its past (L19)."""
        self._collection(type_ + HISTORY).update_many(
            {"id": id_}, {"$set": {"now": dict(now)}}, session=self._session
        )

    def set_acl(self, type_: str, id_: str, acl: Mapping[str, Any]) -> None:
        """Replace the consent facts of a current version; the resource itself does not change."""
        self._collection(type_).update_one(
            {"_id": id_}, {"$set": {"acl": dict(acl)}}, session=self._session
        )
        self._govern_past(type_, id_, acl)

    def put_policy(self, policy: PolicyRow) -> None:
        """Store a record's compiled policy under a new version."""
        self._collection("record_policy").replace_one(
            {"_id": policy.patient},
            {
                "version": secrets.token_hex(8),
                "body": dict(policy.body),
                "keys": list(policy.keys),
                "refs": list(policy.refs),
            },
            upsert=True,
            session=self._session,
        )

    def drop_policy(self, patient: str) -> None:
        """Forget the policy of a record that no longer exists: it is closed to everybody."""
        self._collection("record_policy").delete_one({"_id": patient}, session=self._session)

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
            self._collection(type_).update_many(
                {"_id": {"$in": sorted(ids)}},
                {"$set": {"pin": secrets.token_hex(4)}},
                session=self._session,
            )

    def lock(self, name: str) -> None:
        """Let one transaction at a time hold `name`, which `MongoStore.prepare_lock` has made."""
        self._collection("lock").update_one(
            {"_id": name}, {"$set": {"by": secrets.token_hex(4)}}, session=self._session
        )

    def policies_naming(self, ref: str) -> list[str]:
        """Return the patients whose policy was compiled from the resource `ref`."""
        found = self._collection("record_policy").find(
            {"refs": ref}, {"_id": 1}, session=self._session
        )
        return [item["_id"] for item in found]
