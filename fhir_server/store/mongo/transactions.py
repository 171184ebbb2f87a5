"""Transactions: one write's, or those of many small writes that share a commit.

A journaled commit on a majority costs the same for one resource as for ten, and most of what a
small write costs at all. So writes that come while a transaction runs gather for the next
(`store/together.py`), one after another in it, each seeing those before it.

- A write that is refused takes back what it had done, and the others go on.
- Whatever else goes wrong, each write of the round is carried out once more in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Generic, TypeVar, cast

from pymongo import MongoClient, timeout
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, DocumentTooLarge, ExecutionTimeout, PyMongoError

from fhir_server.fhir.errors import Conflict, FhirError, Unavailable
from fhir_server.store.mongo.errors import translate
from fhir_server.store.mongo.large import Files
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.mongo.uploads import Missing, Uploads
from fhir_server.store.together import Together

T = TypeVar("T")
Document = dict[str, Any]

RETRY_SECONDS: Final = 5.0
"""How long a transaction is tried anew: a restarted MongoDB is back in two."""
UPLOAD_ATTEMPTS: Final = 4
"""How often a large row may come out otherwise when it is run again, because others write too."""
ROUND_SECONDS: Final = 10.0
"""How long a round may last: MongoDB's driver would try to commit for two minutes."""
_AWAY: Final = (ConnectionFailure, ExecutionTimeout)
_UNKNOWN: Final = "UnknownTransactionCommitResult"
"""All of a round may stand, or nothing: to try again could do it twice."""
ROUND_ATTEMPTS: Final = 2
"""How often a round is tried before its writes part: one that conflicts must not hold up the rest."""


@dataclass(slots=True)
class _Shared(Generic[T]):
    """A write in a round, and how it went; not done when it must be carried out alone."""

    work: Callable[[Unit], T]
    is_done: bool = False
    result: T | None = None
    error: BaseException | None = None


class _Apart(Exception):
    """The writes of a round can't share a transaction."""


class Transactions:
    """Runs what writes, each in one transaction: all of it or nothing, again when MongoDB says so."""

    def __init__(
        self, client: MongoClient[Document], database: Database[Document], files: Files
    ) -> None:
        """Use sessions of `client` on `database`, and `files` for what is too large for a row."""
        self._client = client
        self._db = database
        self._files = files
        self._rounds: Together[_Shared[Any], None] = Together(self._round)

    def alone(self, work: Callable[[Unit], T]) -> T:
        """Run `work` in a transaction of its own.

        `work` may run several times and must keep no state of its own. MongoDB's driver tries for
        two minutes; here `Unavailable` is raised once MongoDB is away for a few seconds. Rows that
        are too large go to files, which are written before the transaction that stores.
        """
        with Uploads(self._files) as uploads:
            for _ in range(UPLOAD_ATTEMPTS):
                try:
                    return self._once(work, uploads)
                except Missing:
                    uploads.write()
        raise Conflict("the resource was written by someone else at the same time; try again")

    def _once(self, work: Callable[[Unit], T], uploads: Uploads) -> T:
        deadline = monotonic() + RETRY_SECONDS

        def run(unit: Unit) -> T:
            if monotonic() > deadline:
                raise Unavailable
            return work(unit)

        try:
            return self._run(run, uploads)
        except (PyMongoError, DocumentTooLarge) as error:
            raise _meaning(error) from error

    def shared(self, work: Callable[[Unit], T]) -> T:
        """Run `work`, which is small, in one transaction with others that come at the same time."""
        mine = _Shared(work)
        self._rounds.do((mine,))
        if mine.error is not None:
            raise mine.error
        return cast(T, mine.result) if mine.is_done else self.alone(work)

    def _run(self, work: Callable[[Unit], T], uploads: Uploads) -> T:
        def run(session: ClientSession) -> T:
            unit = Unit(self._db, session, uploads)
            done = work(unit)
            uploads.check()
            unit.flush()
            return done

        with self._client.start_session() as session:
            return session.with_transaction(run)

    def _round(self, writes: Sequence[_Shared[Any]]) -> None:
        """Carry out `writes`, and end in any case: those of the next round wait meanwhile."""
        with timeout(ROUND_SECONDS):
            if len(writes) == 1:
                self._single(writes[0])
            else:
                self._several(writes)

    def _several(self, writes: Sequence[_Shared[Any]]) -> None:
        """Carry out `writes` in one transaction; leave them as they are if that can't be."""
        attempts = 0

        def run(unit: Unit) -> list[tuple[Any, FhirError | None]]:
            nonlocal attempts
            attempts += 1
            if attempts > ROUND_ATTEMPTS:
                raise _Apart
            return [_attempt(write, unit) for write in writes]

        try:
            with Uploads(self._files) as uploads:
                outcomes = self._run(run, uploads)
        except PyMongoError as error:
            if error.has_error_label(_UNKNOWN) or isinstance(error, _AWAY):
                for write in writes:
                    write.error, write.is_done = _meaning(error), True
            return
        except Exception:  # noqa: BLE001 - whatever it is, its own write meets it again, alone
            return
        for write, (result, refusal) in zip(writes, outcomes, strict=True):
            write.result, write.error, write.is_done = result, refusal, True

    def _single(self, write: _Shared[Any]) -> None:
        try:
            write.result = self.alone(write.work)
        except BaseException as error:  # noqa: BLE001 - raised by `shared`
            write.error = error
        write.is_done = True


def _meaning(error: PyMongoError | DocumentTooLarge) -> Exception:
    """Return what `error` means once there is no trying again."""
    found = translate(error)
    return Unavailable() if found is error else found


def _attempt(write: _Shared[Any], unit: Unit) -> tuple[Any, FhirError | None]:
    """Carry out one write of a round; a refused one leaves nothing of itself."""
    unit.mark()
    try:
        return write.work(unit), None
    except FhirError as refusal:
        if not unit.back():
            raise _Apart from refusal
        return None, refusal
