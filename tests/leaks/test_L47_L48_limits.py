"""L47 and L48: limits and lengths depend on what a caller sends and may know, on nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.leaks.conftest import Room, furnish
from tests.support import resources as make
from tests.support.replies import told_apart
from tests.support.world import World

LIMIT = 8


@pytest.fixture(scope="module")
def limited(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server whose limit is soon reached, for all but the trusted system, which has two."""
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, module_database_name)
        home = tmp_path_factory.mktemp("home")
        world = World(store, home, rate_limit_per_minute=LIMIT)
        world._ahead = 60 - world.now % 60
        # What is stored is stored by another worker, without a limit.
        other = World(store, home, rate_limit="off")
        other._ahead = world._ahead
        world.trusted = other.trusted
        yield world


def test_L47_a_limit_is_reached_after_as_many_requests_whatever_they_find(limited: World) -> None:
    room, twin = furnish(limited, hidden=2), furnish(limited, hidden=0)
    for one, hidden in ((room, room.hidden[0]), (twin, f"DocumentReference/{make.new_id()}")):
        paths = [f"DocumentReference?patient={one.id}", hidden, one.shown[0], f"{hidden}/_history"]
        statuses = [one.doctor.get(path).status for path in paths * 3]
        assert statuses[:LIMIT] == [200, 404, 200, 404] * (LIMIT // 4)
        assert statuses[LIMIT:] == [429] * (12 - LIMIT)


def test_L47_over_the_limit_hidden_and_absent_are_refused_alike(limited: World) -> None:
    room = furnish(limited, hidden=2)
    for _ in range(LIMIT):
        room.doctor.get("Patient/nobody")
    absent = make.new_id()
    first = room.doctor.get(room.hidden[0])
    second = room.doctor.get(f"DocumentReference/{absent}")
    assert first.status == second.status == 429
    assert first.without("retry-after")[2][:60] == second.without("retry-after")[2][:60]


@pytest.mark.parametrize(
    "path",
    [
        "DocumentReference?patient={patient}&_sort=date",
        "DocumentReference?patient={patient}&_sort=date&_count=2",
        "{shown}",
        "{shown}/_history",
    ],
)
def test_L48_packed_answers_tell_no_more_than_plain_ones(room: Room, twin: Room, path: str) -> None:
    """The bodies are the same once ids are put out, so what packs them sees the same."""
    plain, packed = [], []
    for one in (room, twin):
        asked = path.format(patient=one.id, shown=one.shown[0])
        plain.append(one.doctor.get(asked))
        packed.append(one.doctor.get(asked, Accept_Encoding="gzip"))
    assert told_apart(plain[0], plain[1], *room.names, *twin.names) == ""
    encodings = {reply.headers.get("content-encoding") for reply in packed}
    assert len(encodings) == 1


def test_L48_a_refusal_is_never_packed(room: Room) -> None:
    hidden = room.doctor.get(room.hidden[0], Accept_Encoding="gzip")
    absent = room.doctor.get(f"DocumentReference/{make.new_id()}", Accept_Encoding="gzip")
    assert "content-encoding" not in hidden.headers
    assert hidden.headers["content-length"] == absent.headers["content-length"]
