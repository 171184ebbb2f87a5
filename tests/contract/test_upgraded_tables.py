"""A database that was indexed by other tables is indexed anew, and not searched half (L55)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir_server.search import registry
from fhir_server.search.additions import Additions, shipped
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.parameters import Parameters
from fhir_server.store.mongo.store import MongoStore
from tests.contract.test_custom_parameters import when_ready
from tests.support.world import World

NAME = "http://hl7.org/fhir/SearchParameter/Organization-name"
CONTENT = "http://hl7.org/fhir/SearchParameter/Resource-content"
SUBJECT = "http://hl7.org/fhir/SearchParameter/Observation-subject"


@pytest.fixture
def store(mongo_uri: str, database_name: str, tmp_path: Path) -> Iterator[MongoStore]:
    """Give a database in which an organisation and an observation were stored."""
    with connect(mongo_uri) as client:
        found = MongoStore(client, database_name)
        world = served(found, tmp_path)
        world.has({"resourceType": "Organization", "id": "o", "name": "Clinique des Alpes"})
        world.has({"resourceType": "Patient", "id": "p"})
        world.has(
            {"resourceType": "Observation", "id": "b", "status": "final", "code": {"text": "x"}}
            | {"subject": {"reference": "Patient/p"}}
        )
        yield found
        registry.grow(Additions(shipped()), {})


def served(store: MongoStore, home: Path) -> World:
    """Return a server that has just been started."""
    registry.grow(Additions(shipped()), {})
    return World(store, home, parameter_seconds=0.05)


def stored_by_another(store: MongoStore, url: str, type_: str, code: str) -> None:
    """Let it be as if an older server with another definition had stored everything."""
    store._db.search_parameter.update_one(
        {"_id": "#marks", "marks.url": url}, {"$set": {"marks.$.mark": "older"}}
    )
    store._db[type_].update_many({}, {"$unset": {f"idx.{code}": 1}})


@pytest.mark.parametrize(
    ("url", "code", "query"),
    [(NAME, "name", "name=clinique"), (CONTENT, "_content", "_content=alpe")],
)
def test_what_another_table_indexed_is_refused_until_it_is_indexed_anew(
    store: MongoStore, tmp_path: Path, url: str, code: str, query: str
) -> None:
    stored_by_another(store, url, "Organization", code)
    world = served(store, tmp_path)
    refused = world.trusted.get(f"Organization?{query}")
    assert (refused.status, refused.issue["code"]) == (409, "transient")
    assert (
        f"search parameter `{code}` of Organization is being indexed"
        in (refused.issue["diagnostics"])
    )
    assert world.trusted.get("Organization?_id=o").ids == ["o"]
    assert when_ready(world.trusted, f"Organization?{query}").ids == ["o"]
    assert Parameters(store).all() == []


def test_a_compartment_is_not_searched_by_half_of_its_parameters(
    store: MongoStore, tmp_path: Path
) -> None:
    stored_by_another(store, SUBJECT, "Observation", "subject")
    world = served(store, tmp_path)
    assert world.trusted.get("Patient/p/Observation").status == 409
    assert when_ready(world.trusted, "Patient/p/Observation").ids == ["b"]


def test_a_start_with_the_same_tables_leaves_everything_as_it_is(
    store: MongoStore, tmp_path: Path
) -> None:
    before: list[Any] = list(store._db.search_parameter.find().sort("_id"))
    world = served(store, tmp_path)
    assert world.trusted.get("Organization?name=clinique").ids == ["o"]
    assert list(store._db.search_parameter.find().sort("_id")) == before


def test_a_database_without_marks_is_taken_as_indexed_and_gets_them(
    store: MongoStore, tmp_path: Path
) -> None:
    store._db.search_parameter.delete_one({"_id": "#marks"})
    world = served(store, tmp_path)
    assert world.trusted.get("Organization?name=clinique").ids == ["o"]
    assert Parameters(store).marks()[NAME]
