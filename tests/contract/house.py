"""A record whose resources lead to one another, and one where little may be met at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Caller, Json, Reply
from tests.support.world import World


@dataclass(frozen=True)
class House:
    """Two records of the same doctor; every id is of this house alone."""

    anna: str
    ben: str
    encounter: str
    observation: str
    derived: str
    document: str
    list: str
    doctor: Caller


def a_practitioner(**rest: object) -> Json:
    return {"resourceType": "Practitioner", "id": make.new_id()} | rest


@pytest.fixture
def house(world: World) -> House:
    """Give Anna an encounter, two observations, a document and a list of them; Ben a document."""
    doctor = a_doctor()
    anna, ben = world.patient(), world.patient(name=[{"family": "BRUN"}])
    for patient in (anna, ben):
        world.team(patient, doctor)
    performer = world.has(a_practitioner(name=[{"family": "Performante"}]))
    encounter = world.has(make.an_encounter(anna))
    observation = world.has(
        make.an_observation(
            anna,
            encounter=make.reference(f"Encounter/{encounter}"),
            performer=[make.reference(f"Practitioner/{performer}")],
        )
    )
    derived = world.has(
        make.an_observation(
            anna,
            code=make.concept("1234-5"),
            derivedFrom=[make.reference(f"Observation/{observation}")],
        )
    )
    document = world.has(make.a_document(anna).but(encounter=f"Encounter/{encounter}"))
    world.has(make.a_document(ben))
    refs = (f"DocumentReference/{document}", f"Observation/{observation}")
    listed = world.has(make.a_list(anna, *refs))
    return House(anna, ben, encounter, observation, derived, document, listed, world.as_(doctor))


def modes(reply: Reply) -> dict[str, str]:
    """Return `Type/id` → `search.mode` of the entries, each of which must be there once."""
    refs = [f"{e['resource']['resourceType']}/{e['resource'].get('id')}" for e in reply.entries]
    assert len(set(refs)) == len(refs)
    return dict(zip(refs, (e["search"]["mode"] for e in reply.entries), strict=True))


def refused(reply: Reply, code: str, *words: str) -> None:
    """Check a refusal: its status, its code, and what it names."""
    assert (reply.status, reply.issue["code"]) == (400, code), reply.body
    for word in words:
        assert word in reply.issue["diagnostics"]


@pytest.fixture(scope="module")
def narrow(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a server on which a hop meets two resources, and a page includes two."""
    name = "test_search_across_narrow"
    with connect(mongo_uri) as mongo:
        yield World(
            MongoStore(mongo, name), tmp_path_factory.mktemp("narrow"), hop_limit=2, include_limit=2
        )
        mongo.drop_database(name)
