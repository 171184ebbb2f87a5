"""The collections, their indexes and the administrative records, declared with mongoengine.

Resources are read and written with pymongo (ten times faster); what stands here is what the
database must have before they are. `indexes.json` says which indexes each type has
(mongoengine can't declare a wildcard one); `*` is for
all types but AuditEvent, whose writes are the hottest and whose searches are few.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    LongField,
    StringField,
)
from pymongo import IndexModel

HISTORY = ".history"


class StoredResource(Document):  # type: ignore[misc]
    """The current version of a resource; one subclass and one collection a type."""

    id = StringField(primary_key=True)
    version = IntField(required=True, min_value=1)
    updated = LongField(required=True)
    raw = BinaryField(required=True)
    idx = DictField()
    srt = DictField()
    acl = DictField(required=True)
    method = StringField()
    meta: ClassVar = {"abstract": True}


class StoredVersion(StoredResource):
    """A version before the current one, or a tombstone; its `_id` is `id/version`."""

    resource = StringField(db_field="id", required=True)
    gone = BooleanField()
    meta: ClassVar = {"abstract": True}


class RecordPolicyRecord(Document):  # type: ignore[misc]
    """A record's compiled policy: written with what it was compiled from, in one transaction."""

    patient = StringField(primary_key=True)
    version = StringField(required=True)
    body = DictField(required=True)
    keys = ListField(StringField())
    refs = ListField(StringField())
    meta: ClassVar = {"collection": "record_policy", "indexes": ["keys", "refs"]}


class PolicyMarkRecord(Document):  # type: ignore[misc]
    """One stripe of a caller key: a new mark whenever a policy that names the key changes.

    INVARIANT: it never goes by itself, since what is absent must not look as it did before.
    """

    name = StringField(primary_key=True)
    mark = StringField(required=True)
    meta: ClassVar = {"collection": "policy_mark"}


class SecretRecord(Document):  # type: ignore[misc]
    """A key that every worker and node must share, such as that of the page cursors."""

    name = StringField(primary_key=True)
    value = BinaryField(required=True)
    meta: ClassVar = {"collection": "secret"}


class LockRecord(Document):  # type: ignore[misc]
    """What conditional writes of the same condition write to, so that one waits for the other."""

    name = StringField(primary_key=True)
    by = StringField()
    at = DateTimeField()
    meta: ClassVar = {"collection": "lock", "indexes": ["at"]}


class RateRecord(Document):  # type: ignore[misc]
    """How many requests of one caller all workers counted in one window."""

    name = StringField(primary_key=True)
    count = IntField()
    at = DateTimeField()
    meta: ClassVar = {"collection": "rate", "indexes": ["at"]}


class SearchParameterRecord(Document):  # type: ignore[misc]
    """A declared search parameter and how far rows are indexed by it (`parameters.py`)."""

    id = StringField(primary_key=True)
    body = DictField()
    state = StringField()
    mark = StringField()
    progress = DictField()
    count = IntField()
    by = StringField()
    until = DateTimeField()
    meta: ClassVar = {"collection": "search_parameter"}


class OutboxRecord(Document):  # type: ignore[misc]
    """Something that somebody is to be told, and how far that has come (`outbox.py`)."""

    key = StringField(primary_key=True)
    kind = StringField(required=True)
    patient = StringField(required=True)
    to = ListField(StringField())
    refs = ListField(StringField())
    due = LongField(required=True)
    state = StringField(required=True)
    tries = IntField()
    next = LongField(required=True)
    claim = StringField()
    why = StringField()
    meta: ClassVar = {"collection": "outbox", "indexes": [("state", "next"), "patient"]}


LOCK_SECONDS = 24 * 3600
RATE_SECONDS = 180
ADMINISTRATIVE: tuple[type[Document], ...] = (
    RecordPolicyRecord,
    PolicyMarkRecord,
    SecretRecord,
    LockRecord,
    RateRecord,
    SearchParameterRecord,
    OutboxRecord,
)
_LASTS = {LockRecord: LOCK_SECONDS, RateRecord: RATE_SECONDS}
"""Records that go by themselves, so many seconds after their `at`."""


@cache
def index_table() -> dict[str, list[dict[str, Any]]]:
    """Return `indexes.json`."""
    text = files("fhir_server.store.mongo").joinpath("indexes.json").read_text(encoding="utf-8")
    table: dict[str, list[dict[str, Any]]] = json.loads(text)
    return table


@cache
def declaration(type_: str, *, history: bool = False) -> type[StoredResource]:
    """Return the mongoengine document that declares the collection of `type_`."""
    base = StoredVersion if history else StoredResource
    meta = {"collection": type_ + (HISTORY if history else "")}
    name = f"{type_}{'History' if history else ''}Record"
    made: type[StoredResource] = type(name, (base,), {"meta": meta})
    return made


def _rows(type_: str) -> list[dict[str, Any]]:
    table = index_table()
    shared = [] if type_ == "AuditEvent" else table["*"]
    return [*shared, *table.get(type_, [])]


def collections(type_: str) -> Iterator[tuple[str, list[IndexModel]]]:
    """Yield name and indexes of the two collections of `type_`."""
    for history in (False, True):
        declared = declaration(type_, history=history)
        rows = index_table()["history"] if history else _rows(type_)
        models = [
            IndexModel(
                [(path, direction) for path, direction in row["keys"]],
                name=row["name"],
                **({"sparse": True} if row.get("sparse") else {}),
            )
            for row in rows
        ]
        yield declared._get_collection_name(), models


def administrative_collections() -> Iterator[tuple[str, list[IndexModel]]]:
    """Yield name and indexes of the administrative collections."""
    for record in ADMINISTRATIVE:
        specs = record._meta["index_specs"]
        expiry = {"expireAfterSeconds": _LASTS[record]} if record in _LASTS else {}
        models = [IndexModel(spec["fields"], **expiry) for spec in specs]
        yield record._get_collection_name(), models
