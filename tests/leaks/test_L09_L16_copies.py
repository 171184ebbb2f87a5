"""L09, L15, L16: what a visible resource repeats of a hidden one is neither found by nor shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.leaks.conftest import Room
from tests.support import resources as make
from tests.support.replies import Json, differ
from tests.support.world import World

SECRET = "Mucoviscidose"
XHTML = "http://www.w3.org/1999/xhtml"


def narrative(status: str, words: str = SECRET) -> Json:
    return {"text": {"status": status, "div": f'<div xmlns="{XHTML}">{words}</div>'}}


def a_task(of: str, ref: str) -> Json:
    return {
        "resourceType": "Task",
        "id": make.new_id(),
        "status": "requested",
        "intent": "order",
        "for": make.reference(f"Patient/{of}"),
        "focus": make.reference(ref),
        "input": [{"type": {"text": "x"}, "valueReference": make.reference(f"Patient/{of}")}],
    }


POINTERS: dict[str, tuple[str, Callable[..., Json]]] = {
    "List": ("item", make.a_list),
    "Composition": ("entry", make.a_composition),
    "Provenance": ("target", make.a_provenance),
}


@pytest.mark.parametrize("type_", POINTERS)
@pytest.mark.parametrize(
    "query",
    [
        "{code}={hidden}",
        "{code}={hidden},{shown}",
        "{code}:missing=false",
        "{code}:missing=true",
        "_filter={code} eq {hidden}",
        "_filter=not ({code} eq {hidden})",
        "{code}:DocumentReference.type=11502-2",
        "{code}:DocumentReference.description=secret",
    ],
)
def test_L09_a_filter_takes_an_entry_that_is_hidden_as_absent(
    world: World, room: Room, type_: str, query: str
) -> None:
    """Nothing is bisected: with a hidden entry and without, each question has one answer."""
    code, build = POINTERS[type_]
    hidden = f"DocumentReference/{world.document(room.id, 'MASQUE_PS', description='secret')}"
    found = []
    for refs in ((room.shown[0], hidden), (room.shown[0],)):
        body = build(room.id, *refs)
        world.has(body)
        asked = query.format(code=code, hidden=hidden, shown=room.shown[0])
        reply = room.doctor.get(f"{type_}?_id={body['id']}&{asked}")
        assert reply.status in (200, 400), reply.body
        found.append((reply, body["id"]))
    assert differ([reply for reply, _ in found], *(id_ for _, id_ in found)) == ""


def test_L09_a_test_of_a_patch_reads_no_entry_that_is_hidden(world: World, room: Room) -> None:
    """L28 as well: who may not change a List is refused before its paths are looked at."""
    listed = world.has(make.a_list(room.id, room.shown[0], room.hidden[0]))
    replies = [
        room.doctor.patch(
            f"List/{listed}",
            {"op": "test", "path": "/entry/1/item/reference", "value": value},
        )
        for value in (room.hidden[0], "DocumentReference/other")
    ]
    assert replies[0].status == 405
    assert differ(replies) == ""


@pytest.mark.parametrize("status", ["generated", "extensions"])
@pytest.mark.parametrize("path", ["{}/{}", "{}/{}/_history/1", "{}?_id={}"])
def test_L16_a_narrative_made_of_the_entries_is_emptied_whether_one_is_hidden_or_not(
    world: World, room: Room, status: str, path: str
) -> None:
    for build in (make.a_list, make.a_composition):
        told = []
        for refs in ((room.shown[0], room.hidden[0]), (room.shown[0],)):
            body = build(room.id, *refs) | narrative(status)
            if body["resourceType"] == "Composition":
                body["section"][0] |= narrative(status)
            world.has(body)
            told.append((room.doctor.get(path.format(body["resourceType"], body["id"])), body))
        (full, one), (bare, other) = told
        assert differ([full, bare], one["id"], other["id"]) == ""
        assert SECRET.encode() not in full.body
        assert b'"status":"empty"' in full.body


def test_L16_the_holder_s_own_view_of_a_document_s_narrative_is_kept(
    world: World, room: Room
) -> None:
    """A document points to nothing by its entries: its narrative is its own."""
    body = make.a_document(room.id).json() | narrative("generated")
    world.has(body)
    assert SECRET.encode() in room.doctor.get(f"DocumentReference/{body['id']}").body


def test_L16_the_words_beside_a_hidden_reference_go_with_it(world: World, room: Room) -> None:
    listed = make.a_list(room.id, room.shown[0], room.hidden[0])
    listed["entry"][1] |= {"flag": {"text": SECRET}}
    listed["entry"][1]["item"]["display"] = SECRET
    task = a_task(room.id, room.hidden[0])
    task["focus"]["display"] = SECRET
    task["input"].append({"type": {"text": "x"}, "valueReference": make.reference(room.shown[0])})
    for body in (listed, task):
        world.has(body)
        reply = room.doctor.get(f"{body['resourceType']}/{body['id']}")
        assert reply.status == 200
        assert SECRET.encode() not in reply.body


@pytest.mark.parametrize("search", ["_text", "_content"])
def test_L16_no_word_of_a_hidden_entry_finds_what_points_to_it(
    world: World, room: Room, search: str
) -> None:
    body = make.a_list(room.id, room.shown[0], room.hidden[0]) | narrative("generated")
    body["entry"][1]["item"]["display"] = SECRET
    world.has(body)
    replies = [room.doctor.get(f"List?patient={room.id}&{search}={w}") for w in (SECRET, "autre")]
    assert differ(replies, SECRET, "autre") == ""
