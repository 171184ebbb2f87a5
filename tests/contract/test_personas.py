"""Five personas, five answers: the main job of the demonstration, by id and by total."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir_server.demo.personas import persona, personas
from fhir_server.demo.world import bundles
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support.resources import INS
from tests.support.world import World

ABSENT = {
    "attending-doctor": set(),
    "care-team-doctor": {"masked-consultation"},
    "patient": {"awaited-pathology"},
}
PRESENT = {
    "optician": {"ophthalmology", "other-prescription"},
    "podiatrist": {
        *("nursing-follow-up", "care-protocol", "imaging", "cardiology", "foot-care"),
        *("summary", "biology", "prescription", "dispensation"),
    },
    "pharmacist": {
        *("treatment-given", "discharge-letter", "other-prescription", "care-protocol"),
        *("foot-care", "vaccination", "summary", "biology", "prescription", "dispensation"),
    },
}
"""Of the table in `fhir_server/demo/README.md`, the keys of the documents."""
TOTALS = {
    "attending-doctor": 24,
    "care-team-doctor": 23,
    "pharmacist": 10,
    "nurse": 21,
    "podiatrist": 9,
    "optician": 2,
    "dentist": 14,
    "emergency-doctor": 23,
    "samu-regulator": 23,
    "patient": 23,
}
QUESTION = f"DocumentReference?patient.identifier={INS}|288035518990193&status=current"


@pytest.fixture(scope="module")
def demo(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server with the demonstration records, loaded over HTTP."""
    with connect(mongo_uri) as mongo:
        world = World(MongoStore(mongo, module_database_name), tmp_path_factory.mktemp("home"))
        for bundle in bundles():
            loaded = world.trusted.post("", bundle)
            assert loaded.status == 200, loaded.body[:400]
        yield world


def keys(demo: World, name: str) -> set[str]:
    reply = demo.as_(persona(name).requester).get(f"{QUESTION}&_count=100")
    return {id_.removeprefix("demo-document-01-") for id_ in reply.ids}


@pytest.mark.parametrize("name", [one.name for one in personas()])
def test_each_persona_counts_what_the_table_says(demo: World, name: str) -> None:
    reply = demo.as_(persona(name).requester).get(QUESTION)
    assert reply.status == 200
    assert reply.total == TOTALS.get(name, 0)


@pytest.mark.parametrize("name", sorted(PRESENT))
def test_some_personas_see_exactly_these(demo: World, name: str) -> None:
    assert keys(demo, name) == PRESENT[name]


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_some_personas_miss_exactly_these(demo: World, name: str) -> None:
    reply = demo.trusted.get(f"{QUESTION}&_count=100")
    everything = {id_.removeprefix("demo-document-01-") for id_ in reply.ids}
    assert everything - keys(demo, name) == ABSENT[name]


@pytest.mark.parametrize("name", [*TOTALS, "unrelated-doctor", "bank"])
@pytest.mark.parametrize("size", [1, 7, 23])
def test_total_count_and_pages_agree(demo: World, name: str, size: int) -> None:
    caller = demo.as_(persona(name).requester)
    total = TOTALS.get(name, 0)
    assert caller.get(f"{QUESTION}&_summary=count").total == total
    assert caller.get(f"{QUESTION}&_count=0").total == total
    pages = caller.walk(f"{QUESTION}&_sort=-date&_count={size}")
    ids = [id_ for page in pages for id_ in page.ids]
    assert len(ids) == len(set(ids)) == total
    assert {page.total for page in pages} == {total}
    assert all(len(page.ids) == size for page in pages[:-1])
    assert len(pages) == max(1, -(-total // size))
