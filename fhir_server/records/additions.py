"""Keep this process's search parameters those that the installation declared.

A worker asks for the number of changes once in `fresh_seconds` at most, when something is about to
be read or written; so that long after a SearchParameter was written every worker fills it in what
it writes.
While one waits, its progress is asked for too, and whoever asks begins the work if nobody does.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

from fhir_server.records.reindexing import Reindexing
from fhir_server.search import registry
from fhir_server.search.additions import Additions, read_definition, shipped
from fhir_server.search.types import Locale
from fhir_server.store.mongo.parameters import Declared, Parameters
from fhir_server.store.mongo.store import MongoStore

FRESH_SECONDS: Final = 1.0
"""How long a worker may not know of a change, unless it is told another time."""


class KnownParameters:
    """What one process knows of the declared parameters of one installation."""

    def __init__(
        self, store: MongoStore, locale: Locale, *, fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        """Know R4's and the shipped ones; nothing is asked yet.

        INVARIANT: `fresh_seconds` is the same for all workers of an installation: the indexing of
        what was stored begins when twice that long has passed.
        """
        self._parameters = Parameters(store)
        self._reindexing = Reindexing(self._parameters, locale, settle_seconds=2 * fresh_seconds)
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._version = 0
        self._known: dict[str, str] = {}
        self._pending = False

    def fresh(self, *, now: bool = False) -> None:
        """Learn of what changed, if that was last done long enough ago, or `now`."""
        if not now and monotonic() - self._asked < self._fresh_seconds:
            return
        with self._lock:
            if now or monotonic() - self._asked >= self._fresh_seconds:
                begun = monotonic()
                self._learn()
                self._asked = begun

    def _learn(self) -> None:
        version = self._parameters.version()
        if version == self._version and not self._pending:
            return
        found = self._parameters.all()
        self._pending = any(one.state != "ready" for one in found)
        self._version = version
        self._tell(found)
        if self._pending:
            self._reindexing.begin()

    def _tell(self, found: list[Declared]) -> None:
        """Hand what changed to the registry; the same parameters stay the same value."""
        known = {one.id: f"{one.mark} {one.state}" for one in found}
        searched = [(one, read_definition(one.body)) for one in found if one.state != "leaving"]
        waiting = {what.url: one.progress.percent for one, what in searched if one.state != "ready"}
        to = registry.additions()
        if known != self._known:
            added = {what.url: what for what in (*shipped(), *(what for _, what in searched))}
            to = Additions(tuple(added.values()), frozenset(waiting))
            self._known = known
        registry.grow(to, waiting)
