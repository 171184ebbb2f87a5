"""L10, L12, L15: a hop and an include meet only what the caller may know."""

from __future__ import annotations

import pytest

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
def test_l10_a_chain_goes_through_no_hidden_resource(world: World, chain: str) -> None:
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


def test_l10_a_chain_through_a_hidden_and_an_absent_resource_answer_alike(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    encounter = make.an_encounter(anna, "MASQUE_PS")
    world.has(encounter)
    caller, ids = world.as_(doctor), (encounter["id"], make.new_id())
    path = "DocumentReference?encounter:Encounter._id={}"
    replies = [caller.get(path.format(id_)) for id_ in ids]
    assert differ(replies, *ids) == ""


def test_l10_a_chain_leads_into_no_other_record(world: World, room: Room) -> None:
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


def test_l10_the_own_patient_is_not_met_through_a_blocked_one(world: World) -> None:
    room = furnish(world, hidden=0)
    assert room.doctor.get("DocumentReference?patient.family=genêt").total >= 3
    world.consent(room.id, "deny", room.who)
    assert room.doctor.get(f"DocumentReference?patient._id={room.id}").total == 0


def test_l12_an_include_brings_nothing_hidden(world: World) -> None:
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


def test_l12_an_include_of_a_chain_s_newer_version_brings_nothing_hidden(
    world: World, room: Room
) -> None:
    pointer = make.a_list(room.id, *room.shown, *room.hidden)
    world.has(pointer)
    reply = room.doctor.get(f"List?_id={pointer['id']}&_include=List:item")
    assert reply.refs == {f"List/{pointer['id']}", *room.shown}
    assert reply.total == 1


def test_l12_an_include_brings_no_patient_of_another_record(world: World) -> None:
    doctor, anna, other = a_doctor(), world.patient(), world.patient()
    world.team(anna, doctor)
    body = make.an_observation(anna, performer=[make.reference(f"Patient/{other}")])
    world.has(body)
    reply = world.as_(doctor).get(f"Observation?_id={body['id']}&_include=Observation:performer")
    assert reply.refs == {f"Observation/{body['id']}"}


@pytest.mark.parametrize(
    "name", ["_revinclude", "_include:iterate", "_has:Observation:subject:code"]
)
def test_l13_what_is_not_checked_yet_is_not_served(room: Room, name: str) -> None:
    reply = room.doctor.get(f"DocumentReference?patient={room.id}&{name}=List:item")
    assert reply.status == 400
    assert room.id.encode() not in reply.body


def test_l15_a_reference_is_kept_alike_whether_its_target_is_hidden_or_absent(
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
def test_l10_a_reference_search_by_hidden_and_absent_id_answer_alike(
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
