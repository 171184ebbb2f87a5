"""Non-interference: a caller can't tell a world from the same world without what is hidden.

`design/consent.md` section 5. Two servers on a real MongoDB: one holds everything, the other only
what the caller may know by the oracle. Whatever sequences of requests are sent to both, the
answers are the same (`tests/support/two_worlds.py`).

`make prove N=…` sets how many sequences are played: in shards, each with a seed, that several
workers share. A world serves some sequences one after another: what the last one left is where
the next begins. The first shard is the same every day; the others draw anew, from `PROVE_SEED`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import SystemRandom
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Verbosity, given, seed, settings
from hypothesis import strategies as st

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.model import Model, Paper, Person
from tests.support.random_requests import Ask, sequences
from tests.support.random_worlds import CALLERS, caller_of, lived_in, models, places
from tests.support.two_worlds import Pair
from tests.support.world import World

SEQUENCES = int(os.environ.get("PROVE_SEQUENCES") or os.environ.get("PROVE_N") or 60)
PER_SHARD = 1000
SHARDS = max(2, -(-SEQUENCES // PER_SHARD))
PER_WORLD = 5 if SEQUENCES < 1000 else 20
FIXED_SEED = 20_240_301


@pytest.fixture
def pair(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Give two servers that share the key of their tokens and nothing else."""
    home, name = tmp_path_factory.mktemp("home"), f"worlds_{uuid4().hex[:8]}"
    with connect(mongo_uri) as mongo:
        yield Pair(*(World(MongoStore(mongo, f"{name}_{which}"), home) for which in "ab"))
        for which in "ab":
            mongo.drop_database(f"{name}_{which}")


@pytest.mark.proof
@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_is_hidden_might_as_well_not_exist(
    pair: Pair, shard: int, record_property: Callable[[str, object], None]
) -> None:
    fresh = int(os.environ.get("PROVE_SEED") or SystemRandom().randrange(10**9))
    chosen = FIXED_SEED if shard == 0 else fresh + shard
    rounds = max(1, -(-SEQUENCES // (SHARDS * PER_WORLD)))

    @seed(chosen)
    @settings(
        max_examples=rounds,
        database=None,
        print_blob=False,
        verbosity=Verbosity.quiet,  # the story tells the world better than its parts do
        suppress_health_check=list(HealthCheck),
    )
    @given(
        model=models(),
        who=st.sampled_from(CALLERS),
        place=places,
        played=st.lists(sequences, min_size=PER_WORLD, max_size=PER_WORLD),
    )
    def play(model: Model, who: str, place: int, played: list[list[Ask]]) -> None:
        world = lived_in(model)
        pair.play(world, caller_of(world, who, place), played)

    start = time.monotonic()
    try:
        play()
    finally:
        rate = pair.sequences / (time.monotonic() - start)
        told = f"{pair.sequences} sequences, {pair.requests} requests, {rate:.1f} sequences/s"
        record_property("proof", f"two worlds, seed {chosen}: {told}")


@pytest.mark.parametrize("ask", ["DocumentReference?patient={p}&_summary=count", "$meta"])
def test_a_world_that_is_told_apart_is_told_in_words(pair: Pair, ask: str) -> None:
    """The comparison sees what is in one world alone, and says what was asked and answered."""
    person = Person(team=(0,))
    papers = tuple(
        Paper(0, "DocumentReference", make.BIOLOGY, (label,), None, None, False, False)
        for label in ("R", "V")
    )
    world = lived_in(Model("", (person, person), (), papers, (), ()))
    doctor = world.professionals[0]
    with pytest.raises(AssertionError) as found:
        pair.play(world, doctor, [[Ask("search", 0, 0, ask)]], lost=frozenset({world.ref(1)}))
    story = str(found.value)
    assert doctor.rpps in story
    assert world.ref(1) in story
    assert ask.format(p=world.patient(0)) in story
    pair.play(world_again(world), doctor, [[Ask("search", 0, 0, ask)]])


def world_again(world: Model) -> Model:
    """Return the same world under another name."""
    return replace(world, name=f"{world.name}x")
