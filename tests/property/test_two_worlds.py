"""Non-interference: a caller can't tell a world from the same world without what is hidden.

`design/consent.md` section 5. Two servers on a real MongoDB: one holds everything, the other only
what the caller may know by the oracle. Whatever sequence of requests is sent to both, the answers
are the same but for server instants, generated ids and sealed page links.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support.random_requests import CLOSING, Ask, Words, asks, send
from tests.support.random_worlds import CALLERS, caller_of, lived_in, models, places
from tests.support.replies import Json, Reply, entry, told_apart
from tests.support.two_worlds import Model
from tests.support.world import World

SEQUENCES = int(os.environ.get("PROVE_SEQUENCES") or os.environ.get("PROVE_N") or 25)
_GENERATED = re.compile(rb"\b[0-9a-f]{32}\b")


@pytest.fixture(scope="module")
def worlds(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, World]]:
    """Give two servers that share the key of their tokens and nothing else."""
    home: Path = tmp_path_factory.mktemp("home")
    with connect(mongo_uri) as mongo:
        whole = World(MongoStore(mongo, module_database_name), home)
        yield whole, World(MongoStore(mongo, f"{module_database_name[:34]}_b"), home)
        mongo.drop_database(f"{module_database_name[:34]}_b")


def fill(world: World, resources: list[Json]) -> None:
    puts = (entry("PUT", f"{one['resourceType']}/{one['id']}", one) for one in resources)
    loaded = world.trusted.transact(*puts)
    assert loaded.status == 200, loaded.body[:600]


def plain(reply: Reply) -> Reply:
    """Return an answer with the ids that the server made numbered in the order of their coming."""
    numbers: dict[bytes, bytes] = {}

    def number(found: re.Match[bytes]) -> bytes:
        return numbers.setdefault(found[0], f"{len(numbers):032d}".encode())

    headers = {
        name: _GENERATED.sub(number, value.encode()).decode()
        for name, value in reply.headers.items()
        if name != "x-request-id"
    }
    return Reply(reply.status, headers, _GENERATED.sub(number, reply.body))


@pytest.mark.proof
@settings(
    max_examples=SEQUENCES,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    model=models(),
    who=st.sampled_from(CALLERS),
    place=places,
    sequence=st.lists(asks, min_size=6, max_size=14),
)
def test_what_is_hidden_might_as_well_not_exist(
    worlds: tuple[World, World], model: Model, who: str, place: int, sequence: list[Ask]
) -> None:
    model = lived_in(model)
    requester = caller_of(model, who, place)
    whole, lesser = worlds
    fill(whole, model.resources())
    known = model.known(requester)
    if kept := model.resources(known):
        fill(lesser, kept)
    callers = [world.as_(requester) for world in worlds]
    last: tuple[Reply | None, Reply | None] = (None, None)
    for number, ask in enumerate((*sequence, *CLOSING)):
        words = Words(model, ask, number)
        first, second = (
            send(caller, ask, words, before) for caller, before in zip(callers, last, strict=True)
        )
        last = (first, second)
        assert told_apart(plain(first), plain(second)) == "", (requester, ask, sorted(known))
