"""Group commit: entries of concurrent requests reach MongoDB in one journaled write.

Alone, a request pays one write; together, they share it (`store/together.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fhir_server.store.rows import Row
from fhir_server.store.together import Together


class Appender(Protocol):
    """Where entries go: the store."""

    def append(self, rows: Sequence[Row]) -> None:
        """Insert rows durably, or raise."""


class AccessLog:
    """One a process; `commit` is called by many threads at once."""

    def __init__(self, store: Appender) -> None:
        """Write to `store`."""
        self._writes: Together[Row, None] = Together(store.append)

    def commit(self, rows: Sequence[Row]) -> None:
        """Return once `rows` are durable; raises what the store raised, for every one of them.

        INVARIANT: nothing is disclosed before this returns.
        """
        if rows:
            self._writes.do(rows)
