"""Group commit: entries of concurrent requests reach MongoDB in one journaled write.

1. A request that finds no write on its way writes its entries at once.
2. While it does, those of others gather behind it; one of them is told to write them all.
3. Each request goes on when its own entries are durable on a majority.

Alone, a request pays one write; together, they share it. Each waits on a lock of its own, so that
the end of a write wakes those whose entries it held and nobody else.
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
    """Entries that will be written together, who waits for them, and how that went."""

    rows: list[Row] = field(default_factory=list)
    waiting: list[threading.Lock] = field(default_factory=list)
    is_done: bool = False
    error: BaseException | None = None


class AccessLog:
    """One a process; `commit` is called by many threads at once."""

    def __init__(self, store: Appender) -> None:
        """Write to `store`."""
        self._store = store
        self._gate = threading.Lock()
        self._is_writing = False
        self._gathering = _Batch()

    def commit(self, rows: Sequence[Row]) -> None:
        """Return once `rows` are durable; raises what the store raised, for every one of them.

        INVARIANT: nothing is disclosed before this returns.
        """
        if not rows:
            return
        turn: threading.Lock | None = None
        with self._gate:
            batch = self._gathering
            batch.rows.extend(rows)
            if self._is_writing:
                turn = threading.Lock()
                turn.acquire()
                batch.waiting.append(turn)
            else:
                self._is_writing = True
                self._gathering = _Batch()
        if turn is not None:
            turn.acquire()  # until the batch is written, or is this request's to write
        if not batch.is_done:
            self._write(batch)
        if batch.error is not None:
            raise batch.error

    def _write(self, batch: _Batch) -> None:
        try:
            self._store.append(batch.rows)
        except BaseException as error:  # noqa: BLE001 - raised by `commit`, in every waiting request
            batch.error = error
        finally:
            batch.is_done = True
            self._hand_over()
            for turn in batch.waiting:
                turn.release()

    def _hand_over(self) -> None:
        """Let one of those who gathered meanwhile write, before those who are done go on."""
        with self._gate:
            following = self._gathering
            self._is_writing = bool(following.rows)
            if self._is_writing:
                self._gathering = _Batch()
        if following.waiting:
            following.waiting.pop(0).release()
