"""Small writes that come together share a transaction, and none can tell (ADR 0017)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from fhir_server.fhir.errors import Conflict, FhirError, PreconditionFailed, Unavailable
from fhir_server.predicate import Has
from fhir_server.store.mongo import transactions
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.embedded import EmbeddedMongo
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Row

Work = Callable[[Unit], Any]
TYPE = "Basic"


def a_row(id_: str, version: int = 1, **acl: Any) -> Row:
    return Row(TYPE, id_, version, 1000 + version, b"{}", acl or {"labels": ["N"]})


@pytest.fixture
def store(mongo_uri: str, database_name: str) -> Iterator[MongoStore]:
    with connect(mongo_uri) as client:
        made = MongoStore(client, database_name)
        made.prepare()
        made.prepare_types([TYPE])
        yield made


@contextmanager
def one_round(store: MongoStore) -> Iterator[Callable[[Work], Future[Any]]]:
    """Give what starts a write; all started inside share the round that begins at the end."""
    entered, go_on = threading.Event(), threading.Event()

    def hold(_: Unit) -> None:
        entered.set()
        assert go_on.wait(10)

    with ThreadPoolExecutor(12) as pool:

        def start(work: Work) -> Future[Any]:
            gathered = len(store._transactions._rounds._gathering.items)
            write = pool.submit(store.transact, work, shared=True)
            while len(store._transactions._rounds._gathering.items) == gathered:
                pass
            return write

        first = pool.submit(store.transact, hold, shared=True)
        assert entered.wait(10)
        try:
            yield start
        finally:
            go_on.set()
            first.result(10)


def inserting(id_: str, seen: list[int]) -> Work:
    def work(unit: Unit) -> str:
        seen.append(id(unit))
        unit.insert(a_row(id_))
        return id_

    return work


def test_writes_that_come_together_share_one_transaction(store: MongoStore) -> None:
    seen: list[int] = []
    with one_round(store) as start:
        writes = [start(inserting(id_, seen)) for id_ in ("a", "b", "c")]
    assert [write.result(10) for write in writes] == ["a", "b", "c"]
    assert len(set(seen)) == 1
    assert all(store.exists(TYPE, id_) for id_ in ("a", "b", "c"))


def test_a_write_sees_those_before_it_in_its_round(store: MongoStore) -> None:
    def search(unit: Unit) -> tuple[bool, list[str]]:
        return unit.get(TYPE, "a") is not None, [row.id for row in unit.find(TYPE, Has("_id", "a"))]

    with one_round(store) as start:
        start(inserting("a", []))
        looked = start(search)
    assert looked.result(10) == (True, ["a"])


@pytest.mark.parametrize("searches", [False, True], ids=["kept", "sent"])
def test_a_refused_write_leaves_nothing_and_lets_the_others_go_on(
    store: MongoStore, searches: bool
) -> None:
    def refused(unit: Unit) -> None:
        unit.insert(a_row("refused"))
        if searches:
            assert len(unit.find(TYPE, Has("_id", "refused"))) == 1
        raise PreconditionFailed("no")

    with one_round(store) as start:
        before = start(inserting("before", []))
        middle = start(refused)
        after = start(inserting("after", []))
    assert (before.result(10), after.result(10)) == ("before", "after")
    with pytest.raises(PreconditionFailed):
        middle.result(10)
    assert store.exists(TYPE, "before")
    assert store.exists(TYPE, "after")
    assert not store.exists(TYPE, "refused")


def test_what_a_refused_write_had_changed_is_as_it_was_for_the_next(store: MongoStore) -> None:
    store.transact(lambda unit: unit.insert(a_row("x")))

    def refused(unit: Unit) -> None:
        old = unit.get(TYPE, "x")
        assert old is not None
        unit.replace(old, a_row("x", 2))
        raise PreconditionFailed("no")

    def version(unit: Unit) -> int:
        row = unit.get(TYPE, "x")
        return row.version if row else 0

    with one_round(store) as start:
        start(inserting("y", []))
        start(refused)
        seen = start(version)
    assert seen.result(10) == 1
    assert store.version(TYPE, "x", 2) is None


def test_a_fault_in_one_write_is_its_own(store: MongoStore) -> None:
    def broken(unit: Unit) -> None:
        unit.insert(a_row("half"))
        raise KeyError("a fault of the server")

    with one_round(store) as start:
        write = start(broken)
        other = start(inserting("other", []))
    assert other.result(10) == "other"
    with pytest.raises(KeyError):
        write.result(10)
    assert store.exists(TYPE, "other")
    assert not store.exists(TYPE, "half")


def test_two_writes_of_one_id_in_a_round_leave_one(store: MongoStore) -> None:
    with one_round(store) as start:
        writes = [start(inserting("same", [])), start(inserting("other", []))]
        writes.append(start(inserting("same", [])))
    errors = [write.exception(10) for write in writes]
    assert [type(error) for error in errors].count(Conflict) == 1
    assert store.exists(TYPE, "other")
    assert store.exists(TYPE, "same")


def test_one_of_a_round_that_conflicts_with_another_process_does_not_fail_it(
    store: MongoStore, mongo_uri: str, database_name: str
) -> None:
    store.transact(lambda unit: unit.insert(a_row("x")))
    disturbed = 0

    def update(unit: Unit) -> int:
        nonlocal disturbed
        old = unit.get(TYPE, "x")
        assert old is not None
        if disturbed < 2:
            disturbed += 1
            with connect(mongo_uri) as elsewhere:
                elsewhere[database_name][TYPE].update_one({"_id": "x"}, {"$inc": {"updated": 1}})
        unit.replace(old, a_row("x", old.version + 1))
        return old.version + 1

    with one_round(store) as start:
        written = start(update)
        other = start(inserting("other", []))
    assert written.result(10) == 2
    assert other.result(10) == "other"
    found = store.get(TYPE, "x")
    assert found is not None
    assert found.version == 2


def test_counters_raised_by_many_threads_lose_nothing(store: MongoStore) -> None:
    names = [f"c{number}" for number in range(4)]
    store.transact(lambda unit: unit.append(map(a_row, names)))

    def raised(number: int) -> bool:
        def work(unit: Unit) -> None:
            old = unit.get(TYPE, names[number % 4])
            assert old is not None
            unit.replace(old, a_row(old.id, old.version + 1))
            if number % 5 == 0:
                unit.find(TYPE, Has("_id", old.id))
            if number % 3 == 0:
                raise PreconditionFailed("no")

        with suppress(FhirError):
            store.transact(work, shared=number % 7 != 0)
            return True
        return False

    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(raised, range(240)))
    assert done == [number % 3 != 0 for number in range(240)]
    for place, name in enumerate(names):
        versions = [row.version for row in store.versions(TYPE, name)]
        kept = sum(done[number] for number in range(240) if number % 4 == place)
        assert versions == list(range(kept + 1, 0, -1))


DOCTOR = "Practitioner/x"


@pytest.mark.parametrize(
    ("meets", "runs"), [(lambda unit: unit.claim(DOCTOR), 2), (lambda unit: unit.claim("no"), 1)]
)
def test_a_change_of_what_a_write_shares_makes_it_run_again(
    store: MongoStore, meets: Work, runs: int
) -> None:
    ran = 0

    def reading(unit: Unit) -> None:
        nonlocal ran
        ran += 1
        unit.get(TYPE, "anything")  # from here on, what others commit is not seen
        if ran == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(store.transact, meets).result(10)
        unit.share([DOCTOR])

    store.transact(reading)
    assert ran == runs


def test_writes_that_only_share_do_not_meet(store: MongoStore) -> None:
    """Regression: all records of one doctor waited for each other. By chance one in 16 does."""
    met = 0
    for _ in range(12):
        ran = 0

        def reading(unit: Unit) -> None:
            nonlocal ran
            ran += 1
            unit.get(TYPE, "anything")
            if ran == 1:
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(store.transact, lambda other: other.share([DOCTOR])).result(10)
            unit.share([DOCTOR])

        store.transact(reading)
        met += ran > 1
    assert met < 8


def test_a_mongodb_that_answers_no_more_holds_up_a_round_and_the_next_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: who waited for a commit, waited as long as the driver tries, two minutes."""
    monkeypatch.setattr(transactions, "ROUND_SECONDS", 0.5)
    mongo = EmbeddedMongo(tmp_path, cache_gb=0.25)
    try:
        with connect(mongo.start()) as client:
            store = MongoStore(client, "t")
            store.prepare()
            store.prepare_types([TYPE])
            assert mongo.pid is not None
            os.kill(mongo.pid, signal.SIGSTOP)
            try:
                with ThreadPoolExecutor(6) as pool:
                    works = [inserting(id_, []) for id_ in "abcdef"]
                    writes = [pool.submit(store.transact, work, shared=True) for work in works]
                    for write in writes:
                        assert isinstance(write.exception(20), Unavailable)
            finally:
                os.kill(mongo.pid, signal.SIGCONT)
            assert store.transact(inserting("after", []), shared=True) == "after"
    finally:
        mongo.stop()
