"""Where the tree over the access log lies: its tiles, its signed heads, and what is not in it yet.

Entries are taken from MongoDB's change stream, in the order in which they were committed and as
they were *inserted*: what is done to an entry afterwards, however soon, no longer changes its leaf.
https://www.mongodb.com/docs/manual/changeStreams/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, ReplaceOne
from pymongo.change_stream import CollectionChangeStream
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from fhir_server.store.mongo import documents
from fhir_server.store.mongo.errors import translate, translated
from fhir_server.store.mongo.lease import Lease
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row

Document = dict[str, Any]
Address = tuple[int, int]

ENTRIES: Final = "AuditEvent"
TILES: Final = "audit_tile"
HEADS: Final = "audit_head"
_SEAL: Final = "seal"
_LEASE: Final = "lease"
_OWN: Final = "audit_seal"
_SEALED_FIELDS: Final = ("_id", "version", "updated", "raw", "acl", "method")
_LOST: Final = frozenset({136, 222, 260, 280, 286})
"""What MongoDB says when it can't go on from a resume token: then everything is looked through."""


@dataclass(frozen=True, slots=True)
class Head:
    """The tree of the first `size` entries: its root, when it was signed, and the signature."""

    size: int
    root: bytes
    at: int
    signed: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Entries of one tile of level 0: their ids in the order of their leaves, and the hashes."""

    first: int
    ids: tuple[str, ...]
    hashes: bytes


class MovedOn(Exception):
    """Another process has added to the tree: what was to be added is to be looked at again."""


class TileStore:
    """The collections of the tree."""

    def __init__(self, store: MongoStore) -> None:
        """Use the database of `store`; nothing is sent yet."""
        self._store = store
        self._client = store._client
        self._db = store._db
        self.read_file = store.files.read
        self._lease = Lease(self._db[_OWN], _LEASE)

    # the tree --------------------------------------------------------------------------------

    @translated
    def head(self) -> Head | None:
        """Return the newest head."""
        found = self._db[HEADS].find_one(sort=[("_id", DESCENDING)])
        return _head(found) if found else None

    def heads(self) -> Iterator[Head]:
        """Yield every head, the smallest tree first."""
        try:
            for found in self._db[HEADS].find().sort("_id", ASCENDING):
                yield _head(found)
        except PyMongoError as error:
            raise translate(error) from error

    @translated
    def tile(self, address: Address) -> bytes:
        """Return the hashes of a tile; empty when it is not there."""
        found = self._db[TILES].find_one({"_id": _name(address)}, {"hashes": 1})
        return bytes(found["hashes"]) if found else b""

    @translated
    def placed(self, number: int) -> Placed | None:
        """Return what the tile `number` of level 0 holds."""
        found = self._db[TILES].find_one({"_id": _name((0, number))})
        if found is None:
            return None
        return Placed(number << 8, tuple(found["ids"]), bytes(found["hashes"]))

    @translated
    def place(self, id_: str) -> int | None:
        """Return the position of the entry `id_`; None when it is not in the tree."""
        found = self._db[TILES].find_one({"ids": id_}, {"ids": 1})
        if found is None:
            return None
        return (int(found["_id"].partition("/")[2]) << 8) + int(found["ids"].index(id_))

    @translated
    def without_those_in_the_tree(self, rows: Sequence[Row]) -> list[Row]:
        """Return those of `rows` that are not in the tree, in their order."""
        ids = [row.id for row in rows]
        found = self._db[TILES].find({"ids": {"$in": ids}}, {"ids": 1})
        held = {id_ for tile in found for id_ in tile["ids"]}
        return [row for row in rows if row.id not in held]

    @translated
    def add(
        self,
        before: int,
        tiles: Mapping[Address, bytes],
        ids: Mapping[int, Sequence[str]],
        head: Head,
        token: Mapping[str, Any] | None,
    ) -> None:
        """Store changed `tiles`, the `ids` of those of level 0, and `head`, all or nothing.

        `before` is the size that the tree had. Raise `MovedOn` when it no longer has it.
        """

        def work(session: Any) -> None:
            state = {"size": head.size, "token": token}
            found = self._db[_OWN].update_one(
                {"_id": _SEAL, "size": before}, {"$set": state}, session=session
            )
            if not found.matched_count:
                raise MovedOn
            steps = [
                ReplaceOne({"_id": _name(address)}, _tile(address, hashes, ids), upsert=True)
                for address, hashes in tiles.items()
            ]
            self._db[TILES].bulk_write(steps, session=session)
            stored = {"_id": head.size, "root": head.root, "at": head.at, "signed": head.signed}
            self._db[HEADS].insert_one(stored, session=session)

        with self._client.start_session() as session:
            session.with_transaction(work)

    # who adds to it --------------------------------------------------------------------------

    @translated
    def prepare(self) -> None:
        """Make what a tree begins with, in a database that has none."""
        for name in (TILES, HEADS, _OWN):
            with suppress(OperationFailure):
                self._db.create_collection(name, check_exists=False)
        self._db[TILES].create_index("ids", sparse=True)
        with suppress(DuplicateKeyError):
            self._db[_OWN].insert_one({"_id": _SEAL, "size": 0, "token": None})

    @translated
    def lease(self, seconds: int) -> bool:
        """Take or keep the right to add for so long; False when another process has it."""
        return self._lease.take(seconds)

    @translated
    def release(self) -> None:
        """Let another process add."""
        self._lease.release()

    # what is added ---------------------------------------------------------------------------

    @contextmanager
    def arriving(self, patience_ms: int) -> Iterator[Arriving]:
        """Give the entries that were committed since the tree was last added to.

        Where MongoDB no longer knows what came since then, or nothing was ever added,
        `Arriving.is_whole` is False: what is stored is to be looked through (`entries`).
        """
        stream, is_whole = self._watch(patience_ms)
        with stream:
            yield Arriving(self, stream, is_whole=is_whole)

    @translated
    def go_on_from(self, token: Mapping[str, Any] | None) -> None:
        """Keep `token` as the place in the stream; None: all is to be looked through again."""
        self._db[_OWN].update_one({"_id": _SEAL}, {"$set": {"token": token}})

    @translated
    def _watch(self, patience_ms: int) -> tuple[CollectionChangeStream[Document], bool]:
        """Return a stream, and whether it goes on from where the tree was last added to."""
        token = (self._db[_OWN].find_one({"_id": _SEAL}) or {}).get("token")
        fields = {f"fullDocument.{name}": 1 for name in _SEALED_FIELDS}
        steps: list[Mapping[str, Any]] = [
            {"$match": {"operationType": "insert"}},
            {"$project": {"operationType": 1, **fields}},
        ]
        options: Document = {"max_await_time_ms": patience_ms, "batch_size": 500}
        if token is not None:
            try:
                return self._db[ENTRIES].watch(steps, resume_after=token, **options), True
            except OperationFailure as error:
                if error.code not in _LOST:
                    raise
        return self._db[ENTRIES].watch(steps, **options), False

    @translated
    def entries(self, after: tuple[int, str], limit: int) -> list[Row]:
        """Return stored entries in the order of their instant and id, after those of `after`."""
        instant, id_ = after
        following = {
            "$or": [{"srt.date": {"$gt": instant}}, {"srt.date": instant, "_id": {"$gt": id_}}]
        }
        found = self._db[ENTRIES].find({"srt.date": {"$gte": instant}, **following}, {"idx": 0})
        found = found.sort([("srt.date", ASCENDING), ("_id", ASCENDING)]).limit(limit)
        return [documents.row(ENTRIES, one, self.read_file) for one in found]

    @translated
    def of(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the stored entries of `ids`, by id."""
        found = self._db[ENTRIES].find({"_id": {"$in": list(ids)}}, {"idx": 0, "srt": 0})
        return {one["_id"]: documents.row(ENTRIES, one, self.read_file) for one in found}

    @translated
    def stored(self) -> int:
        """Count the entries that are stored."""
        return self._db[ENTRIES].count_documents({})


class Arriving:
    """Entries as they were inserted. `is_whole`: none was missed since the tree was added to."""

    def __init__(
        self, tiles: TileStore, stream: CollectionChangeStream[Document], *, is_whole: bool
    ) -> None:
        """Read from an open change stream."""
        self._tiles = tiles
        self._stream = stream
        self.is_whole = is_whole

    @property
    def token(self) -> Mapping[str, Any] | None:
        """Return where the stream goes on after what it has given."""
        return self._stream.resume_token

    @translated
    def some(self, most: int) -> list[Row]:
        """Return the next entries, `most` of them; none when none came for the stream's patience."""
        found: list[Row] = []
        while len(found) < most:
            change = self._next()
            if change is None:
                break
            found.append(documents.row(ENTRIES, change["fullDocument"], self._tiles.read_file))
        return found

    def _next(self) -> Mapping[str, Any] | None:
        try:
            return self._stream.try_next()
        except OperationFailure as error:
            if error.code in _LOST:
                self._tiles.go_on_from(None)
            raise


def _name(address: Address) -> str:
    level, position = address
    return f"{level}/{position}"


def _tile(address: Address, hashes: bytes, ids: Mapping[int, Sequence[str]]) -> Document:
    level, position = address
    own = {"ids": list(ids[position])} if level == 0 else {}
    return {"_id": _name(address), "hashes": hashes, **own}


def _head(found: Mapping[str, Any]) -> Head:
    return Head(found["_id"], bytes(found["root"]), found["at"], found["signed"])
