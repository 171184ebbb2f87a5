"""L51, L55, L67: a decision is made for this caller, with every index, on what MongoDB holds now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient, ReadPreference
from pymongo.monitoring import CommandListener, CommandStartedEvent

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.leaks.conftest import Room, bare, furnish
from tests.support import resources as make
from tests.support.people import a_doctor, a_podiatrist, the_patient
from tests.support.world import World

DOC = "DocumentReference"

# L51 ---------------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Requester, str], Requester]] = {
    "nobody's purpose": lambda who, of: replace(who, purpose=Purpose.ADMINISTRATION),
    "a break-glass elsewhere": lambda who, of: replace(
        who, purpose=Purpose.BREAK_GLASS, patient=make.new_id(), reason="coma"
    ),
    "an excluded kind": lambda who, of: replace(who, kind=Kind.INSURER),
    "another number": lambda who, of: replace(who, rpps=a_doctor().rpps),
    "another profession": lambda who, of: replace(who, profession=a_podiatrist().profession),
    "a patient": lambda who, of: the_patient(of),
    "another patient": lambda who, of: the_patient(make.new_id()),
    "software": lambda who, of: replace(who, kind=Kind.ESTABLISHMENT_SOFTWARE, rpps=""),
}

CLOSED = ("an excluded kind", "another number", "another patient", "software")


@pytest.mark.parametrize("change", CHANGES)
def test_L51_what_was_decided_for_one_caller_is_used_for_no_other(
    world: World, change: str
) -> None:
    """Each is asked before and after the other: an answer that was kept would show."""
    room = furnish(world, hidden=2)
    other = world.as_(CHANGES[change](room.who, room.id))
    path = f"{DOC}?patient={room.id}&_sort=date"
    alone = other.get(path).refs
    for _ in range(3):
        assert room.doctor.get(path).refs == set(room.shown)
        assert other.get(path).refs == alone
        assert room.doctor.get(room.hidden[0]).status == 404
    if change in CLOSED:
        assert alone == set()


def test_L51_entries_of_one_batch_are_each_decided_by_themselves(world: World) -> None:
    one, two = furnish(world, hidden=2), furnish(world, hidden=0)
    asked = [
        {"request": {"method": "GET", "url": f"{DOC}?patient={room.id}"}}
        for room in (one, two, one)
    ]
    reply = one.doctor.transact(*asked, kind="batch")
    assert [entry["resource"]["total"] for entry in reply.entries] == [3, 0, 3]


# L55 ---------------------------------------------------------------------------------------------


def test_L55_without_its_indexes_a_search_finds_no_more(
    mongo_uri: str, module_database_name: str, tmp_path: Any
) -> None:
    """The predicate is part of the query, and not of an index that may be missing."""
    name = f"{module_database_name[:30]}_i"
    with connect(mongo_uri) as mongo:
        here = World(MongoStore(mongo, name), tmp_path)
        room = furnish(here, hidden=2)
        paths = [
            f"{DOC}?patient={room.id}&_sort=date",
            f"{DOC}?type=11502-2&_summary=count",
            f"{DOC}?security-label=MASQUE_PS",
            f"Patient?_has:{DOC}:patient:_id={bare(room.hidden[0])}",
        ]
        before = [room.doctor.get(path).without() for path in paths]
        for collection in (DOC, f"{DOC}.history", "Patient", "record_policy"):
            mongo[name][collection].drop_indexes()
        assert [room.doctor.get(path).without() for path in paths] == before
        mongo.drop_database(name)


def test_L55_a_parameter_that_is_not_indexed_yet_is_refused_and_widens_nothing(
    world: World, room: Room
) -> None:
    code = f"note{make.new_hex()[:8]}"
    stranger = world.as_(a_doctor())
    world.has(
        {
            "resourceType": "SearchParameter",
            "id": code,
            "url": f"https://example.org/SearchParameter/{code}",
            "name": code,
            "code": code,
            "status": "active",
            "description": "A test's own.",
            "base": [DOC],
            "type": "string",
            "expression": f"{DOC}.description",
        }
    )
    try:
        for caller, visible in ((room.doctor, 3), (stranger, 0)):
            for asked in (f"{code}=Compte", f"{code}:missing=false", f"{code}:contains=c"):
                reply = caller.get(f"{DOC}?patient={room.id}&{asked}")
                if reply.status == 200:
                    assert reply.total == visible
                else:
                    assert (reply.status, reply.issue["severity"]) in {
                        (400, "error"),
                        (409, "error"),
                    }
    finally:
        world.lacks(f"SearchParameter/{code}")


# L67 ---------------------------------------------------------------------------------------------


class Reads(CommandListener):
    """The reads that reach MongoDB: collection, read concern, and where they may be answered."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate", "count", "distinct"):
            command = event.command
            concern = command.get("readConcern", {}).get("level", "")
            mode = command.get("$readPreference", {}).get("mode", "primary")
            self.seen.append((str(command[event.command_name]), concern, mode))

    def succeeded(self, event: object) -> None:
        pass

    def failed(self, event: object) -> None:
        pass


@pytest.fixture
def listening(
    mongo_uri: str, module_database_name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, Reads]]:
    """Give a server, and the reads that it sends."""
    reads = Reads()
    opened = MongoClient.__init__

    def listened(self: Any, *args: Any, **options: Any) -> None:
        opened(self, *args, **options, event_listeners=[reads])

    monkeypatch.setattr(MongoClient, "__init__", listened)
    with connect(mongo_uri) as mongo:
        yield World(MongoStore(mongo, module_database_name), tmp_path), reads


def test_L67_what_decides_is_read_from_a_majority_on_the_primary(
    listening: tuple[World, Reads],
) -> None:
    world, reads = listening
    room = furnish(world, hidden=2)
    reads.seen.clear()
    assert room.doctor.get(f"{DOC}?patient={room.id}").total == 3
    assert room.doctor.get(room.hidden[0]).status == 404
    assert {"record_policy", DOC} <= {collection for collection, *_ in reads.seen}
    # `primaryPreferred` is what a driver says to the one server that it may speak to.
    told = {(concern, mode) for _, concern, mode in reads.seen}
    assert told <= {("majority", "primary"), ("majority", "primaryPreferred")}


def test_L67_a_uri_that_asks_for_secondaries_is_not_followed(mongo_uri: str) -> None:
    with connect(f"{mongo_uri}&readPreference=secondaryPreferred") as mongo:
        assert mongo.read_preference == ReadPreference.PRIMARY


def test_L67_a_revocation_through_one_server_holds_on_another_at_once(
    mongo_uri: str, module_database_name: str, tmp_path: Any
) -> None:
    with connect(mongo_uri) as first, connect(mongo_uri) as second:
        one, two = (World(MongoStore(it, module_database_name), tmp_path) for it in (first, second))
        room = furnish(one, hidden=0)
        elsewhere = two.as_(room.who)
        for _ in range(5):
            assert elsewhere.get(f"{DOC}?patient={room.id}").total == 3
            consent = make.a_consent(room.id, "deny", room.who)
            one.has(consent)
            assert elsewhere.get(f"{DOC}?patient={room.id}").total == 0
            one.has(consent | {"status": "inactive"})
