"""Index what is stored by parameters that were declared after it, while the server serves.

1. One worker takes a lease, which ends by itself if the worker does.
2. It waits until every worker knows the parameter, and every write that began before has ended: from
   then on no row is written without it.
3. It goes through the rows of its types by id, sets what they are found by, and notes how far it
   came: whoever takes over goes on from there. A row that is written meanwhile is left to its writer.
4. The parameter is ready, and searches use it.

Values of what is no longer declared are taken out in the same way. Version, date and body of a
resource stay as they are, and no entry of the access log is made: nobody learns anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic, sleep
from typing import Any, Final

from fhir_server import observe
from fhir_server.definitions import SearchParameter
from fhir_server.fhir.errors import FhirError
from fhir_server.fhir.json import parse
from fhir_server.search import words
from fhir_server.search.additions import read_definition, shipped
from fhir_server.search.index import IndexValues, indexer
from fhir_server.search.types import Locale
from fhir_server.store.mongo.parameters import TABLES, Declared, Parameters, Progress
from fhir_server.store.rows import Row

BATCH: Final = 100
LEASE_SECONDS: Final = 30
LONGEST_TRANSACTION: Final = 60.0
"""MongoDB ends one that lasts longer (`transactionLifetimeLimitSeconds`)."""

Change = tuple[Row, dict[str, Any], set[str]]


class _Taken(Exception):
    """The parameter, or the lease, is no longer what this work is about."""


class Reindexing:
    """The work of one process: at most one thread, while something is to be done."""

    def __init__(self, parameters: Parameters, locale: Locale, *, settle_seconds: float) -> None:
        """Work on `parameters`; values are read as `locale` says.

        After `settle_seconds` every worker knows of a change (`records/additions.py`).
        """
        self._parameters = parameters
        self._locale = locale
        self._settle_seconds = settle_seconds
        self._thread: threading.Thread | None = None
        self._settled: frozenset[str] = frozenset()

    def begin(self) -> None:
        """Do what is to be done, in the background, unless that is under way here."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="reindexing", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self.work()
        except FhirError:
            return  # MongoDB is away: what is left is begun again when it is next asked for
        except Exception as error:  # noqa: BLE001 - a thread's last line of defence
            observe.failed(error, "reindexing")

    def work(self) -> None:
        """Do all there is to do, unless another worker does it. Raise Unavailable."""
        while self._parameters.lease(LEASE_SECONDS):
            if not (one := next(self._pending(), None)):
                self._parameters.release()
                return
            try:
                self._settle(one)
                self._scan(one)
            except _Taken:
                continue

    def _pending(self) -> Iterator[Declared]:
        """Yield what is to be done; what leaves first, since its code may be declared anew."""
        found = self._parameters.all()
        yield from (one for one in found if one.state == "leaving")
        yield from (one for one in found if one.state == "waiting")

    # before the rows -------------------------------------------------------------------------

    def _settle(self, one: Declared) -> None:
        """Wait until no write goes on that does not know of `one`."""
        if one.progress.settled or one.mark in self._settled:
            return
        # What was declared before the wait began is settled by it too.
        marks = {each.mark for each in self._pending()}
        self._end_others()
        self._settled = frozenset(marks)

    def _end_others(self) -> None:
        self._wait(self._settle_seconds)
        deadline = monotonic() + LONGEST_TRANSACTION
        before = self._parameters.open_transactions()
        while monotonic() < deadline:
            if before is not None:
                now = self._parameters.open_transactions()
                before = before if now is None else before & now
                if not before:
                    return
            self._wait(0.1 if before is not None else 1.0)

    def _wait(self, seconds: float) -> None:
        sleep(seconds)
        if not self._parameters.lease(LEASE_SECONDS):
            raise _Taken

    # the rows --------------------------------------------------------------------------------

    def _scan(self, one: Declared) -> None:
        what = read_definition(one.body)
        progress = one.progress
        if not progress.settled:
            progress = Progress(settled=True, total=self._parameters.count(what.base))
            self._note(one, progress)
        for type_ in what.base:
            if type_ >= progress.type:
                after = progress.after if type_ == progress.type else ""
                progress = self._scan_type(one, what, replace(progress, type=type_, after=after))
        defined = one.id.startswith(TABLES) or what.url in {own.url for own in shipped()}
        self._parameters.finish(one, forget=defined or one.state == "leaving")

    def _scan_type(self, one: Declared, what: SearchParameter, progress: Progress) -> Progress:
        type_ = progress.type
        leaving = one.state == "leaving"
        values = _nothing if leaving else _reader(type_, what)
        while rows := self._parameters.rows(type_, progress.after, BATCH):
            begun = monotonic()
            changes = [_change(what.code, row, self._values(values, row)) for row in rows]
            self._parameters.refill(type_, changes)
            progress = replace(progress, after=rows[-1].id, done=progress.done + len(rows))
            self._note(one, progress)
            sleep(monotonic() - begun)  # half of the time is the callers'
        return progress

    def _values(
        self, values: Callable[[dict[str, Any], Locale], IndexValues], row: Row
    ) -> IndexValues:
        return values(parse(row.raw).resource, self._locale)

    def _note(self, one: Declared, progress: Progress) -> None:
        if not (self._parameters.lease(LEASE_SECONDS) and self._parameters.note(one, progress)):
            raise _Taken


def _reader(type_: str, what: SearchParameter) -> Callable[[dict[str, Any], Locale], IndexValues]:
    """Return what reads the values of one parameter; words have no expression."""
    if what.code not in words.CODES:
        return indexer(type_, [what])

    def read(resource: dict[str, Any], _: Locale) -> IndexValues:
        found = words.values(type_, resource)
        return IndexValues({what.code: found[what.code]} if what.code in found else {}, {})

    return read


def _nothing(_: dict[str, Any], __: Locale) -> IndexValues:
    return IndexValues({}, {})


def _change(code: str, row: Row, values: IndexValues) -> Change:
    """Return what is to be set in `row`, and what is to be taken out of it."""
    put = {f"idx.{name}": value for name, value in values.values.items()}
    put |= {f"srt.{name}": value for name, value in values.keys.items()}
    has = {f"idx.{name}": value for name, value in row.idx.items() if _is_of(code, name)}
    has |= {f"srt.{name}": value for name, value in row.srt.items() if _is_of(code, name)}
    changed = {name: value for name, value in put.items() if has.get(name) != value}
    return row, changed, has.keys() - put.keys()


def _is_of(code: str, name: str) -> bool:
    return name == code or name.startswith(f"{code}:")
