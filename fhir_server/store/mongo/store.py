"""The store on MongoDB: reads here, writes in a `Unit` (one transaction).

Nothing here knows who asks. Only `records` may hold a store (checked by import-linter).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.errors import DuplicateKeyError, OperationFailure

from fhir_server.predicate import Has, Predicate, Prefix
from fhir_server.store.mongo import documents
from fhir_server.store.mongo.commands import MAX_TIME_MS, counted, found
from fhir_server.store.mongo.declarations import (
    HISTORY,
    administrative_collections,
    collections,
)
from fhir_server.store.mongo.errors import translated
from fhir_server.store.mongo.large import Files, large_collections
from fhir_server.store.mongo.past import Past, Window, as_of
from fhir_server.store.mongo.policy_reads import Marks, NamedPolicies, PolicyReads
from fhir_server.store.mongo.query import to_query
from fhir_server.store.mongo.transactions import Transactions
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import PolicyRow, Row
from fhir_server.store.together import Together

T = TypeVar("T")
Document = dict[str, Any]
Facts = Mapping[str, Any]

_NO_INDEX_VALUES = {"idx": 0}
_BODY = ("version", "updated", "raw", "file")
_LARGE = "Binary"
"""Read one at a time: a small resource does not wait for somebody's images."""


class MongoStore:
    """Every resource, by type."""

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        """Use `database` of `client`; nothing is sent yet."""
        self._client = client
        self._db = client[database]
        self.files = Files(self._db)
        self._prepared: set[str] = set()
        self._gets: dict[str, Together[str, dict[str, Row]]] = {}
        self._transactions = Transactions(client, self._db, self.files)
        self._policy_reads = PolicyReads(client, self._db)

    @property
    def database(self) -> str:
        """Return the name of the database."""
        return self._db.name

    @translated
    def ping(self) -> None:
        """Raise `Unavailable` when MongoDB does not answer."""
        self._client.admin.command("ping", maxTimeMS=1000)

    @translated
    def prepare(self) -> None:
        """Create the administrative collections and their indexes."""
        for name, models in (*administrative_collections(), *large_collections()):
            self._create(name, models)

    @translated
    def prepare_types(self, types: Iterable[str]) -> None:
        """Create collections and indexes of `types` before their first write in this process."""
        for type_ in types:
            if type_ not in self._prepared:
                for name, models in collections(type_):
                    self._create(name, models)
                self._prepared.add(type_)

    def _create(self, name: str, models: list[Any]) -> None:
        """Create one collection and its indexes; two workers may do so at once."""
        try:
            self._db.create_collection(name, check_exists=False)
        except OperationFailure as error:
            if error.code != 48:  # NamespaceExists
                raise
        if models:
            self._db[name].create_indexes(models)

    # reads -----------------------------------------------------------------------------------

    def get(self, type_: str, id_: str) -> Row | None:
        """Return the current version, or None; concurrent calls share a round trip."""
        if type_ == _LARGE:
            return self._current(type_, (id_,)).get(id_)
        gets = self._gets.get(type_)
        if gets is None:
            gets = self._gets.setdefault(type_, Together(partial(self._current, type_)))
        return gets.do((id_,)).get(id_)

    @translated
    def _current(self, type_: str, ids: Sequence[str]) -> dict[str, Row]:
        """Return the current versions of `ids`, by id."""
        wanted = {"_id": ids[0] if len(ids) == 1 else {"$in": list(ids)}}
        items = found(self._db, type_, wanted, projection=_NO_INDEX_VALUES, limit=len(ids))
        return {item["_id"]: documents.row(type_, item, self.files.read) for item in items}

    @translated
    def last(self, type_: str, id_: str) -> Row | None:
        """Return the last version in the history: the tombstone, when the resource is deleted."""
        newest = self._db[type_ + HISTORY].find_one({"id": id_}, sort=[("version", DESCENDING)])
        return documents.row(type_, newest, self.files.read) if newest else None

    @translated
    def version(self, type_: str, id_: str, version: int) -> Row | None:
        """Return one version, current or past."""
        one = self._db[type_].find_one({"_id": id_, "version": version}, _NO_INDEX_VALUES)
        one = one or self._db[type_ + HISTORY].find_one({"_id": f"{id_}/{version}"})
        return documents.row(type_, one, self.files.read) if one else None

    @translated
    def versions(self, type_: str, id_: str) -> list[Row]:
        """Return every version of one resource, newest first."""
        past = self._db[type_ + HISTORY].find({"id": id_}).sort("version", DESCENDING)
        rows = [documents.row(type_, one, self.files.read) for one in past]
        now = self.get(type_, id_)
        return [row for row in (now, *rows) if row is not None]

    @translated
    def find(
        self,
        type_: str,
        predicate: Predicate,
        *,
        sort: Sequence[tuple[str, bool]] = (),
        limit: int = 0,
        indexed: bool = False,
        only: Sequence[str] = (),
        acl: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """Return the rows in which `predicate` holds; `sort` is (field, descending) pairs.

        The id is always the last key, so that the order is total. `indexed` brings `idx` too.
        With `only` or `acl`, no more than those fields leave the database, and the body and its
        version; `acl` are the facts of every row that is found, where `predicate` says so.
        """
        wanted = (
            dict.fromkeys((*_BODY, *only), 1)
            if only or acl is not None
            else None
            if indexed
            else _NO_INDEX_VALUES
        )
        order = [(field, DESCENDING if down else ASCENDING) for field, down in sort]
        if not any(field == "_id" for field, _ in order):
            order.append(("_id", ASCENDING))
        query = to_query(predicate)
        items = found(self._db, type_, query, projection=wanted, sort=order, limit=limit)
        return [documents.row(type_, item, self.files.read, acl) for item in items]

    @translated
    def ids(self, type_: str, predicate: Predicate, *, limit: int = 0) -> list[str]:
        """Return the ids of the rows in which `predicate` holds, in no order."""
        query = to_query(predicate)
        items = found(self._db, type_, query, projection={"_id": 1}, limit=limit)
        return [item["_id"] for item in items]

    @translated
    def facts(self, type_: str, predicate: Predicate, *, limit: int) -> dict[str, Facts]:
        """Return the consent facts of rows in which `predicate` holds, by id, in no order."""
        query = to_query(predicate)
        items = found(self._db, type_, query, projection={"acl": 1}, limit=limit)
        return {item["_id"]: item["acl"] for item in items}

    @translated
    def facts_by(
        self, type_: str, field: str, values: Sequence[str], *, limit: int
    ) -> dict[str, dict[str, Facts]] | None:
        """Return, for each of `values`, the facts by id of the rows whose list `field` holds it.

        None where `limit` rows were found, and there may be more.
        """
        query = {field: values[0] if len(values) == 1 else {"$in": list(values)}}
        wanted = {"acl": 1, field: 1}
        items = found(self._db, type_, query, projection=wanted, limit=limit)
        if len(items) == limit:
            return None
        by_value: dict[str, dict[str, Facts]] = {value: {} for value in values}
        head, _, code = field.partition(".")
        for item in items:
            for value in by_value.keys() & set(item[head][code]):
                by_value[value][item["_id"]] = item["acl"]
        return by_value

    @translated
    def count(self, type_: str, predicate: Predicate) -> int:
        """Count the rows in which `predicate` holds, exactly."""
        query = to_query(predicate)
        return counted(self._db, type_, query)

    @translated
    def distinct(
        self, type_: str, predicate: Predicate, field: str, *, limit: int, start: str = ""
    ) -> list[str]:
        """Return the values of `field`, a list, in the rows in which `predicate` holds.

        With `start`, those alone that begin with it.
        """
        matching = {"$and": [to_query(predicate), {field: {"$exists": True}}]}
        values = self._db[type_].aggregate(
            [
                {"$match": matching},
                {"$project": {"_id": 0, field: 1}},
                {"$unwind": f"${field}"},
                {"$match": to_query(Prefix(field, start)) if start else {}},
                {"$group": {"_id": f"${field}"}},
                {"$limit": limit},
            ],
            maxTimeMS=MAX_TIME_MS,
        )
        return [item["_id"] for item in values]

    @translated
    def types(self) -> list[str]:
        """Return the types of which anything was ever stored."""
        names = self._db.list_collection_names()
        return sorted(name for name in names if name[:1].isupper() and HISTORY not in name)

    @translated
    def refs(self, type_: str, predicate: Predicate, *, limit: int) -> set[str]:
        """Return `Type/id` of rows, deleted ones included, in which `predicate` holds."""
        query = to_query(predicate)
        now = self._db[type_].find(query, {"_id": 1}).limit(limit)
        gone = self._db[type_ + HISTORY].find({"$and": [query, {"gone": True}]}, {"id": 1})
        ids = {item["_id"] for item in now} | {item["id"] for item in gone.limit(limit)}
        return {f"{type_}/{id_}" for id_ in ids}

    def past(self, types: Sequence[str], known: dict[str, Predicate], window: Window) -> Past:
        """Return the versions of `types`, then and now known, inside `window`."""
        return Past(self._db, self.files, types, known, window)

    @translated
    def as_of(self, type_: str, predicate: Predicate, at: int) -> list[Row]:
        """Return the rows in force at `at`, in microseconds, in which `predicate` holds, by id."""
        return as_of(self._db, self.files, type_, predicate, at)

    # policies and secrets --------------------------------------------------------------------

    @translated
    def policies(self, predicate: Predicate) -> list[PolicyRow]:
        """Return the compiled policies in which `predicate` holds (`_id` is the patient)."""
        rows = self._db.record_policy.find(to_query(predicate), {"keys": 0, "refs": 0})
        return [PolicyRow(item["_id"], item["version"], item["body"]) for item in rows]

    @translated
    def policy_versions(self, predicate: Predicate, *, limit: int = 0) -> dict[str, str]:
        """Return patient → version of the policies in which `predicate` holds."""
        query, wanted = to_query(predicate), {"version": 1}
        rows = found(self._db, "record_policy", query, projection=wanted, limit=limit)
        return {item["_id"]: item["version"] for item in rows}

    @translated
    def policy_marks(self, keys: Iterable[str]) -> Marks:
        """Return the marks of caller `keys`: others, once a policy changed that names the key."""
        return self._policy_reads.marks(keys)

    @translated
    def policies_naming(
        self,
        keys: Sequence[str],
        patient: str,
        known: Mapping[str, str],
        each: Callable[[PolicyRow], None],
    ) -> NamedPolicies:
        """Return the policies that name one of `keys` or are that of `patient`, by version.

        `each` is given those of another version than `known`. None is older than the marks.
        """
        return self._policy_reads.naming(keys, patient, known, each)

    @translated
    def secret(self, name: str) -> bytes:
        """Return 32 random bytes under `name`, made once for all workers and nodes."""
        with suppress(DuplicateKeyError):
            self._db.secret.insert_one({"_id": name, "value": secrets.token_bytes(32)})
        kept = self._db.secret.find_one({"_id": name}) or {}
        return bytes(kept["value"])

    # writes ----------------------------------------------------------------------------------

    @translated
    def prepare_lock(self, name: str) -> None:
        """Make the document that transactions write to hold `name`; it goes by itself in a day."""
        self._db.lock.update_one({"_id": name}, {"$set": {"at": datetime.now(UTC)}}, upsert=True)

    @translated
    def append(self, rows: Sequence[Row]) -> None:
        """Insert new `rows` of one type in one durable write, outside a transaction."""
        self._db[rows[0].type].insert_many([documents.current(row) for row in rows], ordered=False)

    def transact(self, work: Callable[[Unit], T], *, shared: bool = False) -> T:
        """Run `work` in one transaction: all of it or nothing, again when MongoDB says so.

        `work` may therefore run several times and must keep no state of its own. `shared`: it is
        small, and may go with others that come at the same time.
        """
        return self._transactions.shared(work) if shared else self._transactions.alone(work)

    def exists(self, type_: str, id_: str) -> bool:
        """Tell whether a current version exists."""
        return bool(self.ids(type_, Has("_id", id_), limit=1))
