"""429 over HTTP, on a real MongoDB: who is counted as what, and by all workers together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pymongo.read_concern import ReadConcern

from fhir_server.http import counting
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.rates import RateCounts
from fhir_server.store.mongo.store import MongoStore
from tests.integration.test_serve import eventually
from tests.support.people import a_doctor, a_hospital
from tests.support.replies import Caller, Reply
from tests.support.world import World

LIMIT, REFUSED = 6, 3
Worker = Callable[..., World]


@pytest.fixture(scope="module")
def worker(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """Give what starts one more worker of one installation, at the beginning of a minute.

    It is a minute that no other test is in: all of them come from one address.
    """
    minutes = count(1, 3)
    home = tmp_path_factory.mktemp("home")
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, module_database_name)

        def start(**settings: Any) -> World:
            bounds = {
                "rate_limit_per_minute": LIMIT,
                "rate_limit_refused_per_minute": REFUSED,
            }
            world = World(store, home, **(bounds | settings))
            world._ahead = 60 * next(minutes) - world.now % 60
            return world

        yield start


def statuses(caller: Caller, times: int, **headers: str) -> list[int]:
    return [caller.get("Patient/nobody", **headers).status for _ in range(times)]


def throttled(reply: Reply) -> int:
    """Return the seconds to wait, after checking that the refusal is one for asking too often."""
    assert reply.status == 429
    assert reply.issue["code"] == "throttled"
    assert reply.headers["cache-control"] == "private, no-store"
    seconds = int(reply.headers["retry-after"])
    assert reply.issue["diagnostics"] == f"too many requests; try again in {seconds} s"
    assert 1 <= seconds <= 2 * counting.WINDOW
    return seconds


def test_over_its_limit_a_caller_is_told_when_to_come_again(worker: Worker) -> None:
    world = worker()
    doctor = world.as_(a_doctor())
    assert statuses(doctor, LIMIT) == [404] * LIMIT
    seconds = throttled(doctor.get("Patient/nobody"))
    with world.later(seconds=seconds):
        assert doctor.get("Patient/nobody").status == 404


def test_a_limit_is_that_of_one_caller_alone(worker: Worker) -> None:
    world = worker()
    first, second = world.as_(a_doctor()), world.as_(a_doctor())
    assert statuses(first, LIMIT + 1)[-1] == 429
    assert statuses(second, 1) == [404]


def test_one_subject_in_two_softwares_is_two_callers_and_with_two_tokens_one(
    worker: Worker,
) -> None:
    world = worker()
    doctor = a_doctor(client="cabinet")
    elsewhere = a_doctor(rpps=doctor.rpps, client="hôpital")
    assert statuses(world.as_(doctor), LIMIT + 1)[-1] == 429
    assert statuses(world.as_(doctor), 1) == [429]
    assert statuses(world.as_(elsewhere), 1) == [404]


def test_two_workers_share_a_limit(worker: Worker) -> None:
    one, other = worker(rate_limit_per_minute=40), worker(rate_limit_per_minute=40)
    other._ahead = one._ahead
    hospital = a_hospital()
    assert statuses(one.as_(hospital), 40) == [404] * 40
    # The other hears of it with its second exchange at the latest, and answers little till then.
    assert eventually(
        lambda: statuses(one.as_(hospital), 1) + statuses(other.as_(hospital), 1) == [429, 429],
        seconds=5,
    )
    assert statuses(other.as_(a_doctor()), 1) == [404]


def test_counts_of_many_workers_add_up_in_mongodb(mongo_uri: str, database_name: str) -> None:
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, database_name)
        store.prepare()
        one, other = RateCounts(store), RateCounts(store)
        assert one.exchange(7, {"a": 3, "b": 1}) == {"a": 3, "b": 1}
        assert other.exchange(7, {"a": 4}) == {"a": 7}
        assert one.exchange(8, {"a": 1}) == {"a": 1}
        assert other.exchange(8, {"a": 0}) == {"a": 1}
        indexes = mongo[database_name].rate.index_information().values()
        (expiry,) = (index for index in indexes if "expireAfterSeconds" in index)
        assert expiry["key"] == [("at", 1)]


def test_what_is_stored_of_a_caller_is_a_hash(mongo_uri: str, database_name: str) -> None:
    with connect(mongo_uri) as mongo:
        RateCounts(MongoStore(mongo, database_name)).exchange(7, {"rpps:99790000001": 3})
        rate = mongo[database_name].get_collection("rate", read_concern=ReadConcern("local"))
        (stored,) = rate.find()
        assert set(stored) == {"_id", "count", "at"}
        assert re.fullmatch("7/[0-9a-f]{32}", stored["_id"])


def test_refused_tokens_have_a_limit_by_address(worker: Worker) -> None:
    world = worker()
    guesser = Caller(world.app.test_client(), "a.b.c")
    assert statuses(guesser, REFUSED) == [401] * REFUSED
    throttled(guesser.get("Patient/nobody"))
    # Who has a token is not held back by who guesses at the same address.
    assert statuses(world.as_(a_doctor()), LIMIT) == [404] * LIMIT


def test_a_request_without_a_token_counts_as_refused_where_one_is_needed(worker: Worker) -> None:
    world = worker(auth="smart")
    stranger = Caller(world.app.test_client())
    assert statuses(stranger, REFUSED + 1) == [401] * REFUSED + [429]
    assert stranger.get("metadata").status == 200


def test_what_is_open_has_the_ordinary_limit_by_address(worker: Worker) -> None:
    world = worker()
    stranger = Caller(world.app.test_client())
    found = [stranger.get("metadata").status for _ in range(LIMIT)]
    assert found == [200] * LIMIT
    throttled(stranger.get("metadata"))


def test_behind_a_proxy_that_is_believed_addresses_are_those_it_names(worker: Worker) -> None:
    world = worker(trusted_proxies="127.0.0.0/8")
    guesser = Caller(world.app.test_client(), "a.b.c")
    first, second = {"X_Forwarded_For": "198.51.100.1"}, {"X_Forwarded_For": "198.51.100.2"}
    assert statuses(guesser, REFUSED + 1, **first)[-1] == 429
    assert statuses(guesser, 1, **second) == [401]


def test_a_header_of_the_caller_s_own_changes_no_address(worker: Worker) -> None:
    world = worker()
    guesser = Caller(world.app.test_client(), "a.b.c")
    found = [
        guesser.get("Patient/nobody", X_Forwarded_For=f"198.51.100.{number}").status
        for number in range(REFUSED + 1)
    ]
    assert found == [401] * REFUSED + [429]


def test_health_has_no_limit(worker: Worker) -> None:
    client = worker().app.test_client()
    assert [client.get("/health/live").status_code for _ in range(LIMIT * 3)] == [200] * LIMIT * 3


def test_without_limits_nothing_is_counted(worker: Worker) -> None:
    world = worker(rate_limit="off")
    assert statuses(world.as_(a_doctor()), LIMIT * 3) == [404] * LIMIT * 3
    guesser = Caller(world.app.test_client(), "a.b.c")
    assert statuses(guesser, REFUSED * 3) == [401] * REFUSED * 3


def test_without_mongodb_a_limit_holds_in_its_worker(tmp_path: Path) -> None:
    with connect("mongodb://127.0.0.1:9/?directConnection=true&serverSelectionTimeoutMS=50") as no:
        world = World(MongoStore(no, "nowhere"), tmp_path, rate_limit_refused_per_minute=REFUSED)
        world._ahead = 60 - world.now % 60
        guesser = Caller(world.app.test_client(), "a.b.c")
        assert statuses(guesser, REFUSED + 1) == [401] * REFUSED + [429]
