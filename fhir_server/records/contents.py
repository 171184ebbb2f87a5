"""What a Binary holds when it is too large to be held in memory (ADR 0015).

Its JSON without `data` is the row's; the content lies in a file, which is read only for who may
know the row, after the access is logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fhir_server.records.view import View
from fhir_server.store.rows import File


@contextmanager
def received(view: View, pieces: Iterable[bytes]) -> Iterator[File]:
    """Keep what `pieces` yield in a file while inside; it stays when a write inside names it.

    Nothing stays when `pieces` raises, the write is refused, or MongoDB is away.
    """
    files = view.context.store.files
    file = files.write(pieces, "data")
    try:
        yield file
    finally:
        files.discard(file.id)


def content(view: View, file: File, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from `start` to before `end` of the content of a row that `view` has read."""
    return view.context.store.files.stream(file, start, end)
