"""The server finds what a slow reading of R4's search page finds: ids, order, totals and pages.

`tests/oracle/search.py` is the second reading. `SEARCH_QUERIES=20000` sets how many searches are
tried; each world is asked `PER_WORLD` of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.search.registry import supported
from tests.oracle.search import Oracle
from tests.oracle.search_drawing import Pick
from tests.oracle.search_queries import Asking, Pairs
from tests.oracle.search_worlds import MAKERS, resources
from tests.support.replies import Json, Reply, entry
from tests.support.world import World
from tests.support.world import world as world

QUERIES = int(os.environ.get("SEARCH_QUERIES", "200"))
PER_WORLD = 25
BASE = "http://127.0.0.1:8080/fhir"
HOWS = ("whole", "whole", "walk", "form", "count", "split")
_SERIAL = count(1)


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


def asked(world: World, type_: str, pairs: Pairs, how: str, size: int) -> tuple[list[str], int]:
    """Ask in one of several ways; return the ids in their order, and the total."""
    words = urlencode(pairs)
    match how:
        case "walk":
            pages = world.trusted.walk(f"{type_}?{words}&_count={size}")
            for page in pages[:-1]:
                assert len(page.ids) == size, "a page that is not the last is not full"
            return [id_ for page in pages for id_ in right(page).ids], pages[0].total
        case "form":
            reply = world.trusted.form(f"{type_}/_search", words)
        case "split":
            first, rest = urlencode(pairs[:1]), urlencode(pairs[1:])
            reply = world.trusted.form(f"{type_}/_search?{first}", rest)
        case _:
            reply = world.trusted.get(f"{type_}?{words}")
    return right(reply).ids, reply.total


def right(reply: Reply) -> Reply:
    assert reply.status == 200, reply.body[:400]
    return reply


@settings(
    max_examples=max(1, QUERIES // PER_WORLD),
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_search_finds_what_a_reading_of_every_resource_finds(
    world: World, data: st.DataObject
) -> None:
    def pick(choices: Sequence[Any]) -> Any:
        return data.draw(st.sampled_from(choices))

    check(world, pick)


def check(world: World, pick: Pick) -> None:
    """Make a world and compare the two answers to some searches of it."""
    documents = filled(world, resources(pick, f"w{next(_SERIAL)}"))
    oracle = Oracle(documents, BASE, parameters=supported)
    asking = Asking(pick, oracle)
    for _ in range(PER_WORLD):
        type_, pairs = asking.query()
        how = pick(HOWS)
        expected = oracle.search(type_, pairs)
        if how == "count":
            reply = right(world.trusted.get(f"{type_}?{urlencode([*pairs, COUNT])}"))
            found = (reply.total, reply.entries)
            assert found == (len(expected), []), f"{type_}?{urlencode(pairs)}"
            continue
        ids, total = asked(world, type_, pairs, how, pick((1, 2, 3)))
        assert (ids, total) == (expected, len(expected)), f"{how} {type_}?{urlencode(pairs)}"


COUNT = ("_summary", "count")
