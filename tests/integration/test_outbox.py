"""The outbox on a real MongoDB: queued once, claimed by one, tried again later, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fhir_server.cli import cli
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.outbox import FIRST_PAUSE, LONGEST_PAUSE, MOST_TRIES, Outbox
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Notice

LEASE = 1_000
NOTICE = Notice("emergency/Task/t", "emergency-access", "anna", ("patient:anna",), ("Task/t",), 10)


@pytest.fixture
def store(mongo_uri: str, database_name: str) -> Iterator[MongoStore]:
    with connect(mongo_uri) as mongo:
        found = MongoStore(mongo, database_name)
        found.prepare()
        yield found


@pytest.fixture
def outbox(store: MongoStore) -> Outbox:
    return Outbox(store)


def states(outbox: Outbox) -> dict[str, int]:
    return {state: count for (_, state), count in outbox.counts().items()}


def test_nothing_is_queued_twice(outbox: Outbox, store: MongoStore) -> None:
    outbox.queue([NOTICE, replace(NOTICE, key="other")])
    outbox.queue([NOTICE])
    store.transact(lambda unit: unit.queue(NOTICE))
    assert states(outbox) == {"waiting": 2}
    (claimed, _) = outbox.claim(5, LEASE, at=10)
    assert outbox.delivered(claimed)
    outbox.queue([NOTICE])
    assert states(outbox) == {"delivered": 1, "waiting": 1}


def test_a_refused_transaction_queues_nothing(outbox: Outbox, store: MongoStore) -> None:
    class Refused(Exception):
        pass

    def work(unit: Unit) -> None:
        unit.queue(NOTICE)
        raise Refused

    with pytest.raises(Refused):
        store.transact(work)
    assert states(outbox) == {}


def test_a_notice_is_claimed_when_it_is_due_and_not_before(outbox: Outbox) -> None:
    outbox.queue([NOTICE])
    assert outbox.claim(5, LEASE, at=9) == []
    (claimed,) = outbox.claim(5, LEASE, at=10)
    assert replace(claimed, claim="", tries=0) == NOTICE
    assert claimed.tries == 1


def test_the_longest_due_are_claimed_first_and_no_more_than_asked(outbox: Outbox) -> None:
    outbox.queue([replace(NOTICE, key=f"n{due}", due=due) for due in (30, 10, 20)])
    assert [one.key for one in outbox.claim(2, LEASE, at=40)] == ["n10", "n20"]
    assert [one.key for one in outbox.claim(2, LEASE, at=40)] == ["n30"]


def test_many_deliverers_claim_each_notice_once(outbox: Outbox) -> None:
    outbox.queue([replace(NOTICE, key=f"n{number}") for number in range(40)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: outbox.claim(10, LEASE, at=10), range(8)))
    keys = [one.key for claimed in found for one in claimed]
    assert sorted(keys) == sorted({f"n{number}" for number in range(40)})


def test_a_claim_that_nobody_ends_is_over_after_its_lease(outbox: Outbox) -> None:
    """Who comes late may no longer speak for it."""
    outbox.queue([NOTICE])
    (first,) = outbox.claim(1, LEASE, at=10)
    assert outbox.claim(1, LEASE, at=10 + LEASE - 1) == []
    (second,) = outbox.claim(1, LEASE, at=10 + LEASE)
    assert second.tries == 2
    assert not outbox.delivered(first)
    assert not outbox.failed(first, "late", at=10 + LEASE)
    assert outbox.delivered(second)
    assert states(outbox) == {"delivered": 1}


def test_what_failed_is_tried_again_later_each_time(outbox: Outbox) -> None:
    outbox.queue([NOTICE])
    at, pauses = 10, []
    for _ in range(MOST_TRIES - 1):
        (claimed,) = outbox.claim(1, LEASE, at=at)
        assert outbox.failed(claimed, "mail-refused", at=at)
        (listed,) = outbox.list("waiting", 5)
        assert listed.why == "mail-refused"
        pauses.append(listed.next - at)
        assert outbox.claim(1, LEASE, at=listed.next - 1) == []
        at = listed.next
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE
    (claimed,) = outbox.claim(1, LEASE, at=at)
    assert outbox.failed(claimed, "mail-refused", at=at)
    assert states(outbox) == {"failed": 1}
    assert outbox.claim(1, LEASE, at=2**60) == []


def test_what_is_cancelled_is_not_told_even_by_who_holds_it(
    outbox: Outbox, store: MongoStore
) -> None:
    outbox.queue([NOTICE])
    (claimed,) = outbox.claim(1, LEASE, at=10)
    store.transact(lambda unit: unit.cancel(NOTICE.key))
    assert not outbox.delivered(claimed)
    assert states(outbox) == {"cancelled": 1}
    assert outbox.claim(1, LEASE, at=2**60) == []


def test_what_was_cancelled_waits_again_when_its_cause_comes_back(
    outbox: Outbox, store: MongoStore
) -> None:
    store.transact(lambda unit: unit.queue(NOTICE))
    store.transact(lambda unit: unit.cancel(NOTICE.key))
    store.transact(lambda unit: unit.queue(replace(NOTICE, due=20)))
    assert outbox.claim(1, LEASE, at=19) == []
    assert len(outbox.claim(1, LEASE, at=20)) == 1


def test_what_was_told_is_not_cancelled(outbox: Outbox, store: MongoStore) -> None:
    outbox.queue([NOTICE])
    (claimed,) = outbox.claim(1, LEASE, at=10)
    outbox.delivered(claimed)
    store.transact(lambda unit: unit.cancel(NOTICE.key))
    assert states(outbox) == {"delivered": 1}


# the console ---------------------------------------------------------------------------------


def console(mongo_uri: str, database: str, home: Path, *more: str) -> str:
    environment = {"FHIR_SERVER_DATABASE": database}
    given = ["outbox", "--mongodb-uri", mongo_uri, "--data-dir", str(home), *more]
    done = CliRunner().invoke(cli, given, env=environment)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_console_counts_and_lists(
    mongo_uri: str, outbox: Outbox, database_name: str, tmp_path: Path
) -> None:
    assert "nothing was ever queued" in console(mongo_uri, database_name, tmp_path)
    outbox.queue([NOTICE, replace(NOTICE, key="other", kind="first-access", due=2**60)])
    (claimed,) = outbox.claim(1, LEASE, at=10)
    outbox.failed(claimed, "mail-refused", at=10)
    told = console(mongo_uri, database_name, tmp_path)
    assert [line.split() for line in told.splitlines()] == [
        ["1", "waiting", "emergency-access"],
        ["1", "waiting", "first-access"],
    ]
    listed = console(mongo_uri, database_name, tmp_path, "--list", "waiting", "--limit", "1")
    assert "Task/t  to patient:anna  1 tries, last: mail-refused" in listed
    assert "first-access  Task/t" not in listed


def test_the_console_speaks_json(
    mongo_uri: str, outbox: Outbox, database_name: str, tmp_path: Path
) -> None:
    outbox.queue([NOTICE])
    counts = json.loads(console(mongo_uri, database_name, tmp_path, "--json"))
    assert counts == {"counts": [{"kind": "emergency-access", "state": "waiting", "count": 1}]}
    told = json.loads(console(mongo_uri, database_name, tmp_path, "--json", "--list", "waiting"))
    (notice,) = told["notices"]
    assert notice["to"] == ["patient:anna"]
    assert notice["due"] == "1970-01-01T00:00:00+00:00"
