"""L01 to L07: totals, counts, pages and page links tell of visible rows alone."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest

from fhir_server.consent.requester import Kind, Purpose
from tests.leaks.conftest import Room, bare, furnish, same
from tests.support import resources as make
from tests.support.people import a_doctor, someone, the_patient
from tests.support.world import World

QUESTION = "DocumentReference?patient={patient}"


@pytest.mark.parametrize("total", ["", "&_total=accurate", "&_total=estimate", "&_total=none"])
def test_L01_L03_totals_count_what_is_visible(room: Room, twin: Room, total: str) -> None:
    reply = same(room, twin, QUESTION + total + "&_sort=date")
    assert reply.json.get("total") == (None if "none" in total else 3)
    assert {f"DocumentReference/{id_}" for id_ in reply.ids} == set(room.shown)


@pytest.mark.parametrize("size", ["", "&_count=1", "&_count=0"])
def test_L03_an_estimate_is_made_of_visible_rows(room: Room, twin: Room, size: str) -> None:
    reply = same(room, twin, f"{QUESTION}&_total=estimate{size}&_sort=date")
    assert reply.total == 3


def test_L03_an_estimate_says_no_more_after_a_document_was_masked(world: World, room: Room) -> None:
    world.has(make.a_document(room.id).but(id=bare(room.shown[0])).masked())
    path = f"DocumentReference?patient={room.id}&_total=estimate"
    assert room.doctor.get(path).total == 2


@pytest.mark.parametrize("how", ["_summary=count", "_count=0", "_count=0&_total=estimate"])
def test_L02_counts_alone_are_the_same_number(room: Room, twin: Room, how: str) -> None:
    assert same(room, twin, f"{QUESTION}&{how}").total == 3


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_L04_L05_every_page_is_full_but_the_last_and_none_is_empty(
    room: Room, twin: Room, size: int
) -> None:
    same(room, twin, f"{QUESTION}&_sort=date&_count={size}")
    pages = room.doctor.walk(f"DocumentReference?patient={room.id}&_sort=date&_count={size}")
    assert [len(page.ids) for page in pages] == [size] * (3 // size) + [3 % size] * (3 % size > 0)
    walked = [f"DocumentReference/{id_}" for page in pages for id_ in page.ids]
    assert walked == list(room.shown)


def test_L06_a_cursor_is_sealed(room: Room) -> None:
    page = room.doctor.get(f"DocumentReference?patient={room.id}&_count=1")
    cursor = page.next.partition("_cursor=")[2]
    plain = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for name in room.names:
        assert name.encode() not in plain
        assert name not in cursor


def test_L07_a_cursor_is_worthless_to_another_caller(world: World, room: Room) -> None:
    page = room.doctor.get(f"DocumentReference?patient={room.id}&_count=1")
    colleague = a_doctor()
    world.team(room.id, colleague)
    for who in (colleague, the_patient(room.id), someone(Kind.BANK)):
        stolen = world.as_(who).get(page.next)
        forged = world.as_(who).get("DocumentReference?_cursor=AAAA")
        assert stolen.status == 400
        assert stolen.without() == forged.without()


def test_L07_a_cursor_of_a_person_is_worthless_under_another_purpose(
    world: World, room: Room
) -> None:
    page = room.doctor.get(f"DocumentReference?patient={room.id}&_count=1")
    emergency = replace(room.who, purpose=Purpose.BREAK_GLASS, reason="coma", patient=room.id)
    assert world.as_(emergency).get(page.next).status == 400


def test_L07_a_page_after_a_revocation_is_empty(world: World) -> None:
    room = furnish(world, hidden=0)
    page = room.doctor.get(f"DocumentReference?patient={room.id}&_count=1")
    world.consent(room.id, "deny", room.who)
    after = room.doctor.get(page.next)
    assert (after.total, after.ids, after.next) == (0, [], "")


def test_L52_a_mask_between_two_pages_holds_on_the_second(world: World, room: Room) -> None:
    page = room.doctor.get(f"DocumentReference?patient={room.id}&_count=1&_sort=date")
    masked = make.a_document(room.id).but(id=bare(room.shown[1])).masked()
    world.has(masked)
    rest = room.doctor.walk(page.next)
    walked = [id_ for one in rest for id_ in one.ids]
    assert walked == [bare(room.shown[2])]
    assert {one.total for one in rest} == {2}


def test_L05_no_page_follows_when_all_that_is_left_is_masked(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    world.document(patient, date="2024-01-01")
    for _ in range(3):
        world.document(patient, "MASQUE_PS", date="2024-02-01")
    reply = world.as_(doctor).get(f"DocumentReference?patient={patient}&_sort=date&_count=1")
    assert (reply.total, reply.next) == (1, "")
