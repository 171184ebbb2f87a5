"""L61: the flag of an emergency without the right to it, after its time, or against a block."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.leaks.conftest import Room, bare, furnish
from tests.support import resources as make
from tests.support.people import a_doctor, breaking_the_glass
from tests.support.replies import Reply, differ
from tests.support.world import World

DOC = "DocumentReference"
HALF_AN_HOUR = 30 * 60


def opened(world: World, who: Requester, patient: str) -> Reply:
    """Ask for a session on a record."""
    body = make.parameters(reason="coma", patientUnable=True)
    return world.as_(who).post(f"Patient/{patient}/$break-glass", body)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PROFESSIONAL])
def test_L61_the_flag_in_another_role_opens_nothing(world: World, kind: Kind) -> None:
    room = furnish(world, hidden=0)
    who = breaking_the_glass(room.id, kind=kind)
    if kind in (Kind.TRUSTED_SYSTEM, Kind.PATIENT, Kind.REPRESENTATIVE):
        assert opened(world, who, room.id).status == 403
        return
    assert world.as_(who).get(f"{DOC}?patient={room.id}").total == 0
    assert opened(world, who, room.id).status == 403
    assert world.as_(who).get(f"{DOC}?patient={room.id}").total == 0


@pytest.mark.parametrize("but", [{"reason": ""}, {"patient": ""}, {"patient": "another"}])
def test_L61_the_flag_without_a_reason_or_for_another_record_opens_nothing(
    world: World, room: Room, but: dict[str, str]
) -> None:
    who = breaking_the_glass(room.id, **but)
    assert world.as_(who).get(f"{DOC}?patient={room.id}").total == 0
    assert world.as_(who).get(room.shown[0]).status == 404


def test_L61_a_session_does_not_outlive_its_time(world: World, room: Room) -> None:
    who = a_doctor()
    assert opened(world, who, room.id).status == 200
    assert world.as_(who).get(room.shown[0]).status == 200
    with world.later(seconds=HALF_AN_HOUR):
        replies = [world.as_(who).get(ref) for ref in (room.shown[0], f"{DOC}/{make.new_id()}")]
    assert replies[0].status == 404
    ids = [bare(room.shown[0]), replies[1].json["issue"][0]["diagnostics"].split("/")[1].split()[0]]
    assert differ(replies, *ids) == ""


def test_L61_a_blocked_professional_stays_out_by_token_and_by_session(
    world: World, room: Room
) -> None:
    """R24, TD0.2 NB1."""
    who = breaking_the_glass(room.id)
    assert opened(world, who, room.id).status == 200
    world.consent(room.id, "deny", who)
    for caller in (who, replace(who, purpose=Purpose.TREATMENT, reason="", patient="")):
        assert opened(world, caller, room.id).status == 404
        assert world.as_(caller).get(room.shown[0]).status == 404
        assert world.as_(caller).get(f"{DOC}?patient={room.id}").total == 0


def test_L61_an_emergency_shows_what_is_not_masked_and_counts_nothing_else(
    world: World, room: Room, twin: Room
) -> None:
    """R70: the record with two masked documents and the one without answer alike."""
    who = a_doctor()
    replies = []
    for one in (room, twin):
        assert opened(world, who, one.id).status == 200
        replies.append(world.as_(who).get(f"{DOC}?patient={one.id}&_sort=date"))
        for ref in one.hidden:
            assert world.as_(who).get(ref).status == 404
    assert [reply.total for reply in replies] == [3, 3]
    assert differ(replies, *room.names, *twin.names) == ""


def test_L61_another_s_session_is_not_borrowed(world: World, room: Room) -> None:
    """Neither by a colleague nor by the same number in another role."""
    who = a_doctor()
    assert opened(world, who, room.id).status == 200
    for other in (a_doctor(), replace(who, kind=Kind.SECRETARY), replace(who, kind=Kind.AUDITOR)):
        assert world.as_(other).get(f"{DOC}?patient={room.id}").total == 0
        assert world.as_(other).get(room.shown[0]).status == 404


def test_L61_the_queue_tells_a_colleague_of_no_emergency(world: World) -> None:
    """L36: two records of one team, one of which was opened in an emergency."""
    colleague = a_doctor()
    calm, opened_ = (world.patient() for _ in range(2))
    for patient in (calm, opened_):
        world.team(patient, colleague)
    assert opened(world, a_doctor(), opened_).status == 200
    for path in ("Task?patient={}", "Task?subject=Patient/{}", "AuditEvent?patient={}"):
        replies = [world.as_(colleague).get(path.format(id_)) for id_ in (calm, opened_)]
        assert replies[0].total == replies[1].total
        assert differ(replies, calm, opened_) == ""
