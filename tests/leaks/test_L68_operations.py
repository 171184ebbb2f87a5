"""L68 and its neighbours: an operation tells no more than the interaction that it stands for."""

from __future__ import annotations

import pytest

from tests.leaks.conftest import Room, bare, furnish, same, uniform
from tests.support import resources as make
from tests.support.people import EXCLUDED, a_doctor, a_hospital, someone, the_patient
from tests.support.replies import told_apart
from tests.support.world import World

DOC = "DocumentReference"
META = make.parameters(meta={"valueMeta": {"tag": [{"code": "x"}]}})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{DOC}/{{id}}/$meta"),
        ("POST", f"{DOC}/{{id}}/$meta"),
        ("GET", f"{DOC}/{{id}}/_history/1/$meta"),
        ("GET", f"{DOC}/{{id}}/$validate?mode=delete"),
        ("GET", f"{DOC}/{{id}}/$validate?mode=profile"),
    ],
)
def test_L68_what_is_hidden_is_absent_to_an_operation(room: Room, method: str, path: str) -> None:
    ids = {"hidden": bare(room.hidden[0]), "absent": make.new_id()}
    assert uniform(room.doctor, method, path, **ids).status == 404


@pytest.mark.parametrize("name", ["$meta-add", "$meta-delete"])
def test_L68_what_is_hidden_can_not_be_labelled(room: Room, name: str) -> None:
    ids = {"hidden": bare(room.hidden[0]), "absent": make.new_id()}
    reply = uniform(room.doctor, "POST", f"{DOC}/{{id}}/{name}", META, **ids)
    assert (reply.status, reply.issue["code"]) == (404, "not-found")


@pytest.mark.parametrize("mode", ["", "?mode=create", "?mode=update", "?mode=delete"])
def test_L68_no_rehearsal_tells_a_hidden_resource_from_none(room: Room, mode: str) -> None:
    """A rehearsed change is refused as the change itself is."""
    ids = {"hidden": bare(room.hidden[0]), "absent": make.new_id()}
    body = make.a_document(room.id).json()
    reply = uniform(room.doctor, "POST", f"{DOC}/{{id}}/$validate{mode}", body, **ids)
    assert reply.status == 404


@pytest.mark.parametrize("path", ["Patient/{id}/$everything", "Patient/{id}/$meta"])
def test_L68_a_record_without_a_link_is_absent_to_an_operation(
    world: World, room: Room, path: str
) -> None:
    ids = {"other": room.id, "absent": make.new_id()}
    for who in (a_doctor(), a_hospital(), *map(someone, EXCLUDED)):
        assert uniform(world.as_(who), "GET", path, **ids).status == 404


def test_L68_documents_of_an_unknown_patient_are_none(world: World, room: Room) -> None:
    ids = {"other": room.id, "absent": make.new_id()}
    reply = uniform(world.as_(a_doctor()), "GET", f"{DOC}/$docref?patient={{id}}", **ids)
    assert (reply.status, reply.total) == (200, 0)


@pytest.mark.parametrize("query", ["", "&start=2020-01-01", "&type=11502-2", "&_count=1"])
def test_L68_documents_by_operation_are_those_of_a_search(
    room: Room, twin: Room, query: str
) -> None:
    same(room, twin, f"{DOC}/$docref?patient={{patient}}{query}")


def test_L68_labels_of_masked_documents_are_in_use_for_nobody_who_may_not_know_them(
    world: World, room: Room
) -> None:
    """L69: the labels of a type are those of what is visible."""
    code = make.new_hex()
    before = room.doctor.get(f"{DOC}/$meta")
    masked = make.a_document(room.id).masked().json()
    world.has(masked | {"meta": {"tag": [{"code": code}], "profile": ["urn:secret"]}})
    assert told_apart(before, room.doctor.get(f"{DOC}/$meta")) == ""
    assert code in world.as_(the_patient(room.id)).get(f"{DOC}/$meta").body.decode()


def test_L68_a_rehearsal_into_a_foreign_record_tells_what_a_deposit_would(world: World) -> None:
    """R22: who feeds may, and learns no more of what is there."""
    empty, full = furnish(world, hidden=0), furnish(world, hidden=2)
    hospital = world.as_(a_hospital())
    replies = [
        hospital.post(f"{DOC}/$validate?mode=create", make.a_document(one.id).json())
        for one in (empty, full)
    ]
    assert told_apart(replies[0], replies[1]) == ""
