"""Keep in GridFS what is too large for a row: https://www.mongodb.com/docs/manual/core/gridfs/.

1. A file is written before the transaction whose row names it, and is `pending`.
2. The transaction that stores the row settles the file: one commit makes both.
3. What is still pending is removed: by whoever wrote it, when the write fails, or a day later by a
   sweep, when the process died.

The collections are GridFS's own, so its tools read them. Its driver is not used: it holds 48 MB
before it sends any, and makes a file known only after its pieces, so that a crash would leave
pieces that nobody finds.
INVARIANT: a settled file never changes, and the versions that name it are kept for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from pymongo import ASCENDING, IndexModel
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError

from fhir_server.fhir.errors import Unavailable
from fhir_server.store.mongo.errors import translated
from fhir_server.store.rows import File

PIECE: Final = 1020 * 1024
"""Bytes of a chunk. Divisible by three, so that chunks are base64 one by one. INVARIANT: files are
read in the pieces that they were written in, so this number stays."""

PENDING_FOR: Final = timedelta(days=1)
"""How long a write may take before a sweep removes its file."""

FILES: Final = "large.files"
CHUNKS: Final = "large.chunks"


def large_collections() -> Iterator[tuple[str, list[IndexModel]]]:
    """Yield name and indexes of the two collections."""
    yield FILES, [IndexModel([("pending", ASCENDING)], sparse=True)]
    yield CHUNKS, [IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)]


class Files:
    """The files of one database."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        """Use `database`; nothing is sent yet."""
        self._files = database[FILES]
        self._chunks = database[CHUNKS]

    def write(self, pieces: Iterable[bytes], holds: Literal["raw", "data"]) -> File:
        """Keep `pieces`, of any size, in a pending file, journaled on a majority when this returns.

        No more than one chunk is held. When `pieces` raises, or MongoDB does, the file is removed.
        """
        id_ = secrets.token_hex(16)
        try:
            self._begin(id_)
            length = 0
            for n, chunk in enumerate(_rechunked(pieces)):
                self._put(id_, n, chunk)
                length += len(chunk)
            self._end(id_, length)
        except BaseException:
            self.discard(id_)
            raise
        return File(id_, length, holds)

    def read(self, file: File) -> bytes:
        """Return all of `file`; raise `Unavailable` when any of it is missing."""
        return b"".join(self.stream(file))

    def stream(self, file: File, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of `file` from `start` to before `end`, a chunk at a time.

        Each chunk is asked for when it is wanted: a slow reader holds no cursor. Raises as `read`.
        """
        end = file.length if end is None else end
        for n in range(start // PIECE, -(-end // PIECE)):
            first = n * PIECE
            chunk = self._get(file.id, n)
            if len(chunk) != min(PIECE, file.length - first):
                raise Unavailable("a stored file can't be read; tell who runs this server")
            yield chunk[max(0, start - first) : end - first]

    def settle(self, file: File, session: ClientSession) -> None:
        """Bind `file` to the transaction of `session`; raise `Unavailable` when it was removed."""
        found = self._files.update_one(
            {"_id": file.id, "pending": {"$ne": "doomed"}},
            {"$unset": {"pending": 1}},
            session=session,
        )
        if not found.matched_count:
            raise Unavailable("the body took too long to arrive; send it again")

    def discard(self, id_: str) -> None:
        """Remove a file that is still pending. Never raises: the sweep does what this can't."""
        with suppress(PyMongoError):
            # A transaction that is about to settle it is waited for, and one that comes later fails.
            doomed = {"$set": {"pending": "doomed"}}
            if self._files.update_one(
                {"_id": id_, "pending": {"$exists": True}}, doomed
            ).matched_count:
                self._chunks.delete_many({"files_id": id_})
                self._files.delete_one({"_id": id_})

    @translated
    def left_over(self) -> list[str]:
        """Return the files of writes that never ended."""
        before = datetime.now(UTC) - PENDING_FOR
        query = {"pending": {"$exists": True}, "uploadDate": {"$lt": before}}
        return [found["_id"] for found in self._files.find(query, {"_id": 1})]

    def sweep(self) -> int:
        """Remove the files of writes that never ended; return how many there were."""
        found = self.left_over()
        for id_ in found:
            self.discard(id_)
        return len(found)

    @translated
    def _begin(self, id_: str) -> None:
        now = datetime.now(UTC)
        self._files.insert_one(
            {"_id": id_, "length": 0, "chunkSize": PIECE, "uploadDate": now, "pending": "new"}
        )

    @translated
    def _put(self, id_: str, n: int, chunk: bytes) -> None:
        self._chunks.insert_one({"files_id": id_, "n": n, "data": chunk})

    @translated
    def _end(self, id_: str, length: int) -> None:
        found = self._files.update_one({"_id": id_, "pending": "new"}, {"$set": {"length": length}})
        if not found.matched_count:
            raise Unavailable("the body took too long to arrive; send it again")

    @translated
    def _get(self, id_: str, n: int) -> bytes:
        found = self._chunks.find_one({"files_id": id_, "n": n}, {"data": 1})
        return found["data"] if found else b""


def _rechunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `PIECE`, the last one shorter."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)
