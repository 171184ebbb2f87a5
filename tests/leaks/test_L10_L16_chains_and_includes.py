"""L10-L16: a hop, forwards or back, and an include meet only what the caller may know."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.demo.codes import VISIBILITY
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.leaks.conftest import Room, bare, furnish
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import differ, told_apart
from tests.support.world import World


@pytest.mark.parametrize(
    "chain",
    [
        "encounter:Encounter.type=psy",
        "encounter:Encounter._id={encounter}",
        "encounter:Encounter.status=finished",
        "encounter:Encounter.subject:Patient.family=gen",
    ],
)
def test_L10_a_chain_goes_through_no_hidden_resource(world: World, chain: str) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    counts = []
    for labels in ((), ("MASQUE_PS",)):
        encounter = make.an_encounter(anna, *labels)
        world.has(encounter)
        document = make.a_document(anna).but(encounter=f"Encounter/{encounter['id']}")
        world.has(document)
        asked = chain.format(encounter=encounter["id"])
        reply = world.as_(doctor).get(f"DocumentReference?_id={document.id}&{asked}")
        assert reply.status == 200, reply.body
        counts.append(reply.total)
    assert counts == [1, 0]


def test_L10_a_chain_through_a_hidden_and_an_absent_resource_answer_alike(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    encounter = make.an_encounter(anna, "MASQUE_PS")
    world.has(encounter)
    caller, ids = world.as_(doctor), (encounter["id"], make.new_id())
    path = "DocumentReference?encounter:Encounter._id={}"
    replies = [caller.get(path.format(id_)) for id_ in ids]
    assert differ(replies, *ids) == ""


def test_L10_a_chain_leads_into_no_other_record(world: World, room: Room) -> None:
    body = make.a_patient(name=[{"family": "Introuvable"}])
    other = world.has(body)
    world.document(other)
    for path in (
        "DocumentReference?patient.family=introuvable",
        f"DocumentReference?patient.identifier={make.INS}|{body['identifier'][0]['value']}",
        f"DocumentReference?patient._id={other}",
        f"Observation?subject:Patient.identifier={body['identifier'][0]['value']}",
    ):
        assert room.doctor.get(path).total == 0


def test_L10_the_own_patient_is_not_met_through_a_blocked_one(world: World) -> None:
    room = furnish(world, hidden=0)
    assert room.doctor.get("DocumentReference?patient.family=genêt").total >= 3
    world.consent(room.id, "deny", room.who)
    assert room.doctor.get(f"DocumentReference?patient._id={room.id}").total == 0


def test_L12_an_include_brings_nothing_hidden(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    caller = world.as_(doctor)
    for labels, expected in (((), 2), (("MASQUE_PS",), 1)):
        encounter = make.an_encounter(anna, *labels)
        world.has(encounter)
        document = make.a_document(anna).but(encounter=f"Encounter/{encounter['id']}")
        world.has(document)
        reply = caller.get(
            f"DocumentReference?_id={document.id}&_include=DocumentReference:encounter"
        )
        assert (reply.total, len(reply.entries)) == (1, expected)


def test_L12_an_include_of_a_chain_s_newer_version_brings_nothing_hidden(
    world: World, room: Room
) -> None:
    pointer = make.a_list(room.id, *room.shown, *room.hidden)
    world.has(pointer)
    reply = room.doctor.get(f"List?_id={pointer['id']}&_include=List:item")
    assert reply.refs == {f"List/{pointer['id']}", *room.shown}
    assert reply.total == 1


def test_L12_an_include_brings_no_patient_of_another_record(world: World) -> None:
    doctor, anna, other = a_doctor(), world.patient(), world.patient()
    world.team(anna, doctor)
    body = make.an_observation(anna, performer=[make.reference(f"Patient/{other}")])
    world.has(body)
    reply = world.as_(doctor).get(f"Observation?_id={body['id']}&_include=Observation:performer")
    assert reply.refs == {f"Observation/{body['id']}"}


HAS = (
    "_has:DocumentReference:patient:_id={document}",
    "_has:DocumentReference:patient:description:missing=false&_has:DocumentReference:patient:_id={document}",
    "_has:DocumentReference:patient:_has:List:item:_id={list}",
    "_has:DocumentReference:patient:encounter:Encounter.status=finished",
)


@pytest.mark.parametrize("has", HAS)
def test_L11_nothing_hidden_is_met_on_the_way_back(world: World, has: str) -> None:
    doctor, totals = a_doctor(), []
    for labels in ((), ("MASQUE_PS",)):
        anna = world.patient()
        world.team(anna, doctor)
        encounter = world.has(make.an_encounter(anna))
        document = world.has(
            make.a_document(anna).labelled(*labels).but(encounter=f"Encounter/{encounter}")
        )
        listed = world.has(make.a_list(anna, f"DocumentReference/{document}"))
        asked = has.format(document=document, list=listed)
        reply = world.as_(doctor).get(f"Patient?_id={anna}&{asked}")
        assert reply.status == 200, reply.body
        totals.append(reply.total)
    assert totals == [1, 0]


def test_L11_what_a_hidden_source_points_to_is_not_told_from_what_nothing_points_to(
    world: World, room: Room
) -> None:
    values = (bare(room.hidden[0]), make.new_id())
    path = f"Patient?_id={room.id}&_has:DocumentReference:patient:_id={{}}"
    replies = [room.doctor.get(path.format(value)) for value in values]
    assert (replies[0].status, replies[0].total) == (200, 0)
    assert differ(replies, *values) == ""


def test_L11_a_source_that_is_seen_leads_to_nothing_hidden(world: World, room: Room) -> None:
    listed = world.has(make.a_list(room.id, *room.shown, *room.hidden))
    for asked in (f"_has:List:item:_id={listed}", f"_list={listed}"):
        reply = room.doctor.get(f"DocumentReference?{asked}")
        assert reply.refs == set(room.shown)
        assert reply.total == len(room.shown)


@pytest.mark.parametrize(
    "asked",
    [
        "item={hidden}",
        "item={hidden},{absent}",
        "item={hidden}/_history/1",
        "item:DocumentReference._id={id}",
        "item:DocumentReference._id={id},{absent_id}",
    ],
)
def test_L36_a_list_is_not_found_by_what_is_hidden_in_it(
    world: World, room: Room, asked: str
) -> None:
    absent = f"DocumentReference/{make.new_id()}"
    listed = world.has(
        make.a_list(room.id, f"{room.hidden[0]}/_history/1", *room.hidden, room.shown[0])
    )
    for doctor, total in ((room.doctor, 0), (world.trusted, 1)):
        query = asked.format(
            hidden=room.hidden[0], id=bare(room.hidden[0]), absent=absent, absent_id=bare(absent)
        )
        reply = doctor.get(f"List?_id={listed}&{query}")
        assert (reply.status, reply.total) == (200, total), query
    both = f"List?_id={listed}&item={room.hidden[0]},{room.shown[0]}"
    assert room.doctor.get(both).total == 1


@pytest.mark.parametrize(
    "asked", ["source:missing=false", "source:missing=true", "_filter=source pr true"]
)
def test_L36_what_is_cut_in_a_list_is_as_present_as_what_is_left_of_it(
    world: World, room: Room, asked: str
) -> None:
    """Its one source is a device that the doctor may not know: shown, and found, as `-` that was
    stored; another answer to `:missing` would tell the two apart.
    """
    device = world.has(
        {"resourceType": "Device", "id": make.new_id(),
         "meta": {"security": [{"code": "MASQUE_PS", "system": VISIBILITY}]},
         "patient": make.reference(f"Patient/{room.id}")}
    )  # fmt: skip
    found = []
    for source in (make.reference(f"Device/{device}"), {"display": "-"}):
        listed = world.has(make.a_list(room.id, room.shown[0], source=source))
        assert room.doctor.get(f"List/{listed}").json["source"] == {"display": "-"}
        found.append(room.doctor.get(f"List?_id={listed}&{asked}").total)
    assert found == ([0, 0] if asked.endswith("missing=true") else [1, 1])


def test_L11_a_list_that_is_hidden_has_no_items(world: World, room: Room) -> None:
    hidden = world.has(make.a_list(room.id, *room.hidden))
    absent = make.new_id()
    replies = [room.doctor.get(f"DocumentReference?_list={id_}") for id_ in (hidden, absent)]
    assert (replies[0].status, replies[0].total) == (200, 0)
    assert differ(replies, hidden, absent) == ""


@pytest.mark.parametrize(
    "include",
    [
        "_revinclude=DocumentReference:patient",
        "_revinclude=DocumentReference:*",
        "_revinclude=DocumentReference:subject:Patient&_revinclude:iterate=List:item",
    ],
)
def test_L13_a_reverse_include_brings_nothing_hidden(room: Room, include: str) -> None:
    reply = room.doctor.get(f"Patient?_id={room.id}&{include}")
    assert reply.refs == {f"Patient/{room.id}", *room.shown}
    assert (reply.total, len(reply.entries)) == (1, 1 + len(room.shown))


def test_L13_iterating_does_not_go_through_what_is_hidden(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    for labels, expected in (((), 3), (("MASQUE_PS",), 1)):
        last = world.has(make.an_observation(anna))
        middle = world.has(
            make.an_observation(anna, *labels, derivedFrom=[make.reference(f"Observation/{last}")])
        )
        first = world.has(
            make.an_observation(anna, derivedFrom=[make.reference(f"Observation/{middle}")])
        )
        path = f"Observation?_id={first}&_include:iterate=Observation:derived-from"
        assert len(world.as_(doctor).get(path).entries) == expected
        path = f"Observation?_id={last}&_revinclude:iterate=Observation:derived-from"
        assert len(world.as_(doctor).get(path).entries) == expected


def test_L13_a_reverse_include_brings_nothing_of_another_record(world: World) -> None:
    doctor, anna, other = a_doctor(), world.patient(), world.patient()
    world.team(anna, doctor)
    world.has(make.an_observation(other, performer=[make.reference(f"Patient/{anna}")]))
    for asked in ("Observation:performer", "Observation:*", "*"):
        reply = world.as_(doctor).get(f"Patient?_id={anna}&_revinclude={asked}")
        assert not any(ref.startswith("Observation/") for ref in reply.refs)


def test_L14_what_is_hidden_takes_no_place_among_what_is_included(
    mongo_uri: str, tmp_path: Path
) -> None:
    name = "test_leaks_l14"
    with connect(mongo_uri) as mongo:
        small = World(MongoStore(mongo, name), tmp_path, include_limit=3)
        room = furnish(small, hidden=2)
        path = f"Patient?_id={room.id}&_revinclude=DocumentReference:patient"
        reply = room.doctor.get(path)
        assert reply.refs == {f"Patient/{room.id}", *room.shown}
        assert "outcome" not in {one["search"]["mode"] for one in reply.entries}
        mongo.drop_database(name)


def test_L15_a_reference_is_kept_alike_whether_its_target_is_hidden_or_absent(
    world: World, room: Room
) -> None:
    absent = f"DocumentReference/{make.new_id()}"
    replies = []
    for target in (room.hidden[0], absent):
        document = make.a_document(room.id)
        body = document.json() | {
            "relatesTo": [{"code": "appends", "target": {"reference": target}}]
        }
        world.has(body)
        replies.append((room.doctor.get(document.ref), document))
    (first, one), (second, other) = replies
    names = (one.id, one.number, other.id, other.number, bare(room.hidden[0]), bare(absent))
    assert told_apart(first, second, *names) == ""


@pytest.mark.parametrize(
    "target", ["Patient", "DocumentReference", "Encounter", "Practitioner", "Location"]
)
def test_L10_a_reference_search_by_hidden_and_absent_id_answer_alike(
    world: World, room: Room, target: str
) -> None:
    hidden = {
        "Patient": lambda: world.patient(),
        "DocumentReference": lambda: bare(room.hidden[0]),
        "Encounter": lambda: world.has(make.an_encounter(room.id, "MASQUE_PS")),
    }.get(target, make.new_id)()
    absent = make.new_id()
    code = {"DocumentReference": "related", "Patient": "subject"}.get(target, "related")
    replies = [room.doctor.get(f"DocumentReference?{code}={target}/{i}") for i in (hidden, absent)]
    assert differ(replies, hidden, absent) == ""
