"""Group commit: entries of concurrent requests reach MongoDB in one journaled write.

Alone, a request pays one write; together, they share it (`store/together.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fhir_server.store.rows import Notice, Row
from fhir_server.store.together import Together


class Appender(Protocol):
    """Where entries go: the store."""

    def append(self, rows: Sequence[Row]) -> None:
        """Insert rows durably, or raise."""


class Queue(Protocol):
    """Where notices of accesses go: the outbox."""

    def queue(self, notices: Sequence[Notice]) -> None:
        """Queue durably what was not queued before, or raise."""


class AccessLog:
    """One a process; `commit` is called by many threads at once."""

    def __init__(self, store: Appender, outbox: Queue) -> None:
        """Write entries to `store`, and the notices that go with them to `outbox`."""
        self._store = store
        self._outbox = outbox
        self._writes: Together[Row | Notice, None] = Together(self._write)

    def commit(self, rows: Sequence[Row], notices: Sequence[Notice] = ()) -> None:
        """Return once all are durable; raises what the store raised, for every one of them.

        INVARIANT: nothing is disclosed before this returns.
        """
        if rows:
            self._writes.do((*rows, *notices))

    def _write(self, items: Sequence[Row | Notice]) -> None:
        """Write entries first, so that no notice tells of what the log does not know."""
        self._store.append([item for item in items if isinstance(item, Row)])
        if notices := {item.key: item for item in items if isinstance(item, Notice)}:
            self._outbox.queue(list(notices.values()))
