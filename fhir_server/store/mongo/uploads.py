"""The files that the rows of one transaction need, written while no transaction is open.

A transaction sees no file that was written after it began, and one that waits for a file holds
others up. So one that meets a row too large for MongoDB says what it would store, and is undone;
the files are written; it runs again and finds them.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from types import TracebackType
from typing import Final, Self

from pymongo.client_session import ClientSession

from fhir_server.store.mongo.large import Files
from fhir_server.store.rows import File, Row

LARGEST_ROW: Final = 8 * 1024 * 1024
"""Bytes of JSON that a row holds; MongoDB takes 16 MB, search values and facts included."""


class Missing(Exception):
    """The transaction can't be committed before its files are written."""


class Uploads:
    """Files by the bytes that they hold. On leaving, what no transaction settled is removed."""

    def __init__(self, files: Files) -> None:
        """Write to `files`, when asked."""
        self._files = files
        self._written: dict[str, File] = {}
        self._wanted: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        """Begin with none."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Remove what is still pending: all of it after a failure, else what a rerun left."""
        for file in self._written.values():
            self._files.discard(file.id)

    def named(self, row: Row, session: ClientSession) -> Row:
        """Return `row` with its file, which the transaction of `session` settles.

        Only for a row that has a file, or is larger than `LARGEST_ROW`.
        """
        if (file := row.file) is None:
            digest = sha256(row.raw).hexdigest()
            file = self._written.get(digest)
            if file is None:
                self._wanted[digest] = row.raw
                return replace(row, file=File(digest, len(row.raw), "raw"))
            row = replace(row, file=file)
        self._files.settle(file, session)
        return row

    def read(self, file: File) -> bytes:
        """Return what a file holds, or will hold once it is written."""
        wanted = self._wanted.get(file.id)
        return self._files.read(file) if wanted is None else wanted

    def check(self) -> None:
        """Raise `Missing` when the transaction wants a file that is not written."""
        if self._wanted:
            raise Missing

    def write(self) -> None:
        """Write what is wanted."""
        for digest, raw in self._wanted.items():
            self._written[digest] = self._files.write([raw], "raw")
        self._wanted.clear()
