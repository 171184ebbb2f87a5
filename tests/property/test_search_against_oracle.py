"""The server finds what a slow reading of R4's search page finds: ids, order, totals and pages.

`tests/oracle/search.py` is the second reading. Hypothesis draws two hundred searches;
`SEARCH_QUERIES=20000` draws so many more at random, in `SHARDS` tests that several processes can
share (`-n`), each told again by its number and `SEARCH_SEED`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from itertools import count
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.search import registry
from fhir_server.search.additions import Additions, shipped
from fhir_server.search.registry import supported
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.oracle import search_terms as terms
from tests.oracle.search import Oracle
from tests.oracle.search_across import included
from tests.oracle.search_drawing import Pick
from tests.oracle.search_wider_queries import Question, Wider, refs_included
from tests.oracle.search_worlds import MAKERS, resources
from tests.support.replies import Json, Reply, entry
from tests.support.world import World

FEW, PER_WORLD = 200, 25
QUERIES = int(os.environ.get("SEARCH_QUERIES", "0"))
SEED = os.environ.get("SEARCH_SEED", "0")
SHARDS = 8
BASE = "http://127.0.0.1:8080/fhir"
HOWS = ("whole", "whole", "walk", "form", "count", "split")
COUNT = ("_summary", "count")
_SERIAL = count(1)

COMPOSITE: Json = {
    "resourceType": "SearchParameter",
    "id": "status-code",
    "url": "https://example.org/SearchParameter/status-code",
    "name": "StatusCode",
    "status": "active",
    "description": "A status with a code.",
    "code": "status-code",
    "base": ["Observation"],
    "type": "composite",
    "expression": "Observation",
    "component": [
        {
            "definition": "http://hl7.org/fhir/SearchParameter/Observation-status",
            "expression": "status",
        },
        {"definition": "http://hl7.org/fhir/SearchParameter/clinical-code", "expression": "code"},
    ],
}
"""A parameter of one's own: it is asked as R4's are, behind `_has` and in chains too."""


@pytest.fixture(scope="module")
def world(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server that knows a small terminology and a composite of one's own."""
    with connect(mongo_uri) as client:
        store = MongoStore(client, module_database_name)
        made = World(store, tmp_path_factory.mktemp("home"), parameter_seconds=0.05)
        for one in (*terms.resources(), COMPOSITE):
            made.has(one)
        deadline = monotonic() + 60
        while made.trusted.get("Observation?status-code=final$a").status == 409:
            assert monotonic() < deadline
            sleep(0.1)
        yield made
        registry.grow(Additions(shipped()), {})


def filled(world: World, bodies: Sequence[Json]) -> list[Json]:
    """Store `bodies` where no others of their types are; return them as they are read back."""
    for type_ in MAKERS:
        old = world.trusted.get(f"{type_}?_count=1000&_elements=id").ids
        gone = [entry("DELETE", f"{type_}/{id_}") for id_ in old]
        assert not gone or world.trusted.transact(*gone).status == 200
    refs = [f"{one['resourceType']}/{one['id']}" for one in bodies]
    puts = (entry("PUT", ref, one) for ref, one in zip(refs, bodies, strict=True))
    loaded = world.trusted.transact(*puts)
    assert loaded.status == 200, loaded.body[:600]
    read = world.trusted.transact(*(entry("GET", ref) for ref in refs), kind="batch")
    return [one["resource"] for one in read.entries]


def asked(world: World, question: Question, how: str, size: int) -> tuple[list[str], int]:
    """Ask in one of several ways; return the ids in their order, and the total."""
    path, pairs = question.path, question.asked
    words = urlencode(pairs)
    search = f"{path}/_search" if path else "_search"
    match how:
        case "walk":
            pages = world.trusted.walk(f"{path}?{words}&_count={size}")
            for page in pages[:-1]:
                assert len(page.ids) == size, f"a page that is not the last is not full: {question}"
            return [id_ for page in pages for id_ in right(page).ids], pages[0].total
        case "form":
            reply = world.trusted.form(search, words)
        case "split":
            first, rest = urlencode(pairs[:1]), urlencode(pairs[1:])
            reply = world.trusted.form(f"{search}?{first}", rest)
        case _:
            reply = world.trusted.get(f"{path}?{words}")
    return right(reply, str(question)).ids, reply.total


def right(reply: Reply, question: str = "") -> Reply:
    assert reply.status == 200, (question, reply.body[:400])
    return reply


@settings(
    max_examples=FEW // PER_WORLD,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_search_finds_what_a_reading_of_every_resource_finds(
    world: World, data: st.DataObject
) -> None:
    def pick(choices: Sequence[Any]) -> Any:
        return data.draw(st.sampled_from(choices))

    check(world, pick, PER_WORLD)


@pytest.mark.skipif(not QUERIES, reason="NOT RUN: SEARCH_QUERIES says how many more to try")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_many_searches_find_what_a_reading_of_every_resource_finds(
    world: World, shard: int
) -> None:
    drawn = random.Random(f"{SEED}/{shard}")
    for _ in range(max(1, QUERIES // SHARDS // (4 * PER_WORLD))):
        check(world, drawn.choice, 4 * PER_WORLD)


def check(world: World, pick: Pick, queries: int) -> None:
    """Make a world and compare the two answers to some searches of it."""
    documents = filled(world, resources(pick, f"w{next(_SERIAL)}"))
    oracle = Oracle(documents, BASE, parameters=supported)
    asking = Wider(pick, oracle)
    for _ in range(queries):
        compare(world, oracle, asking.question(), pick)


def compare(world: World, oracle: Oracle, question: Question, pick: Pick) -> None:
    """Compare what both find, in one of the ways to ask."""
    matches = oracle.found(question.types, question.pairs, question.inside)
    expected = [one["id"] for one in matches]
    if question.includes:
        reply = right(world.trusted.get(f"{question}&_count=1000"), str(question))
        beside = included(oracle, matches, question.includes)
        assert set(reply.ids) == set(expected), str(question)
        told = refs_included(reply.entries)
        if any(one["search"]["mode"] == "outcome" for one in reply.entries):
            # A bound was reached, which the answer says: what is there is right, and not all.
            assert told < beside, f"{question}: {sorted(told - beside)}"
            return
        assert told == beside, f"{question}: {sorted(told - beside)}, {sorted(beside - told)}"
        return
    how = pick(HOWS)
    if how == "count":
        words = urlencode([*question.asked, COUNT])
        reply = right(world.trusted.get(f"{question.path}?{words}"), str(question))
        assert (reply.total, reply.entries) == (len(expected), []), str(question)
        return
    ids, total = asked(world, question, how, pick((1, 2, 3)))
    assert (ids, total) == (expected, len(expected)), f"{how} {question}"
