"""Group commit: entries of concurrent requests reach MongoDB in one journaled write.

A request waits until its own entries are durable on a majority; while one write is on its way,
the next ones gather behind it. Alone, a request pays one write; together, they share it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fhir_server.store.rows import Row


class Appender(Protocol):
    """Where entries go: the store."""

    def append(self, rows: Sequence[Row]) -> None:
        """Insert rows durably, or raise."""


@dataclass(slots=True)
class _Batch:
    """Entries that will be written together, and how that went."""

    rows: list[Row] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class AccessLog:
    """One a process; `commit` is called by many threads at once."""

    def __init__(self, store: Appender) -> None:
        """Write to `store`."""
        self._store = store
        self._gate = threading.Lock()
        self._writing = threading.Lock()
        self._gathering = _Batch()

    def commit(self, rows: Sequence[Row]) -> None:
        """Return once `rows` are durable; raises what the store raised, for every one of them.

        INVARIANT: nothing is disclosed before this returns.
        """
        if not rows:
            return
        with self._gate:
            batch = self._gathering
            batch.rows.extend(rows)
        with self._writing:
            if not batch.done.is_set():
                with self._gate:
                    self._gathering = _Batch()
                self._write(batch)
        if batch.error is not None:
            raise batch.error

    def _write(self, batch: _Batch) -> None:
        try:
            self._store.append(batch.rows)
        except BaseException as error:
            batch.error = error
            raise
        finally:
            batch.done.set()
