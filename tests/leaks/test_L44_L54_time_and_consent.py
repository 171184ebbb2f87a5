"""L44 to L54: time, ids, caches, and Consents that don't hold."""

from __future__ import annotations

import pytest

from tests.leaks.conftest import Room, furnish, same
from tests.support import resources as make
from tests.support.people import a_doctor, breaking_the_glass, the_patient
from tests.support.world import World

DOC = "DocumentReference"


@pytest.mark.parametrize(
    "window", ["_lastUpdated=ge2020-01-01", "_lastUpdated=lt2020-01-01", "date=ge2024-01-01"]
)
@pytest.mark.parametrize(
    "more", ["&_sort=date", "&_summary=count", "&_sort=_lastUpdated", "&_sort=-date"]
)
def test_L44_windows_of_time_show_no_hidden_activity(
    room: Room, twin: Room, window: str, more: str
) -> None:
    same(room, twin, f"{DOC}?patient={{patient}}&{window}{more}")


def test_L45_ids_are_random_and_versions_run_by_resource(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    caller = world.as_(doctor)
    made = []
    for _ in range(10):
        world.document(anna, "MASQUE_PS")
        made.append(caller.post(DOC, make.a_document(anna).json()))
    ids = [one.id for one in made]
    assert {one.headers["etag"] for one in made} == {'W/"1"'}
    assert len({id_[:6] for id_ in ids}) == 10
    assert ids not in (sorted(ids), sorted(ids, reverse=True))


def test_L45_what_hides_a_resource_takes_no_version_of_others(world: World, room: Room) -> None:
    before = room.doctor.get(room.shown[0]).headers
    newer = make.a_document(room.id).replacing(room.hidden[0])
    world.has(newer.masked())
    assert room.doctor.get(room.shown[0]).headers["etag"] == before["etag"]
    assert room.doctor.get(room.shown[0]).headers["last-modified"] == before["last-modified"]


@pytest.mark.parametrize(
    "path", ["{shown}", "{hidden}", "DocumentReference?patient={id}", "nothing/x"]
)
def test_L49_no_answer_may_be_shared(room: Room, path: str) -> None:
    reply = room.doctor.get(path.format(shown=room.shown[0], hidden=room.hidden[0], id=room.id))
    assert reply.headers["cache-control"] == "private, no-store"
    assert "Authorization" in reply.headers["vary"]


@pytest.mark.parametrize("how", ["deny", "team", "closed", "mask", "delete", "attending"])
def test_L50_a_revocation_holds_on_the_next_request(world: World, how: str) -> None:
    doctor = a_doctor()
    patient = make.a_patient(*([doctor] if how == "attending" else []))
    anna = world.has(patient)
    team = make.a_care_team(anna, a_doctor() if how == "attending" else doctor)
    world.has(team)
    document = make.a_document(anna)
    world.has(document)
    caller = world.as_(doctor)
    asked = (
        document.ref,
        f"{DOC}?patient={anna}",
        f"{DOC}?identifier=urn:oid:2.25.{document.number}",
    )
    assert [caller.get(path).status for path in asked] == [200, 200, 200]
    assert caller.get(asked[1]).total == 1
    match how:
        case "deny":
            world.consent(anna, "deny", doctor)
        case "team":
            world.has(team | {"status": "inactive"})
        case "closed":
            world.has(patient | {"active": False})
        case "mask":
            world.has(document.masked())
        case "delete":
            world.lacks(f"CareTeam/{team['id']}")
        case "attending":
            world.has({name: v for name, v in patient.items() if name != "generalPractitioner"})
    assert caller.get(document.ref).status == 404
    assert [caller.get(path).total for path in asked[1:]] == [0, 0]


def test_L50_an_authorisation_ends_by_itself(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.consent(anna, "permit", doctor)
    for days, total in ((364, 1), (366, 0)):
        with world.later(days=days):
            assert world.as_(doctor).get(f"{DOC}?patient={anna}").total == total


def test_L52_a_consent_withdrawn_between_two_pages_ends_the_walk(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    for _ in range(3):
        world.document(anna)
    consent = make.a_consent(anna, "permit", doctor)
    world.has(consent)
    caller = world.as_(doctor)
    page = caller.get(f"{DOC}?patient={anna}&_count=1")
    assert page.total == 3
    world.has(consent | {"status": "inactive"})
    after = caller.get(page.next)
    assert (after.total, after.ids, after.next) == (0, [], "")


@pytest.mark.parametrize("status", ["active", "draft", "inactive", "entered-in-error"])
@pytest.mark.parametrize(
    ("period", "now"),
    [
        ({}, True),
        ({"start": "2020-01-01"}, True),
        ({"end": "2999-01-01"}, True),
        ({"start": "2020", "end": "2999"}, True),
        ({"end": "2021-01-01"}, False),
        ({"start": "2999-01-01"}, False),
    ],
)
@pytest.mark.parametrize(("dated", "begun"), [("2999-01-01", False), ("", True)])
def test_L53_only_a_consent_in_force_grants(
    world: World, status: str, period: make.Json, now: bool, dated: str, begun: bool
) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    more = {"dateTime": dated} if dated else {}
    provision = {"period": period} if period else {}
    world.consent(anna, "permit", doctor, status=status, provision=provision, **more)
    granted = status == "active" and now and begun
    assert world.as_(doctor).get(f"{DOC}?patient={anna}").total == granted


def test_L54_an_empty_set_of_records_opens_none(world: World) -> None:
    world.document(world.patient())
    for caller in (world.as_(a_doctor()), world.as_(the_patient(make.new_id()))):
        for type_ in (DOC, "Patient", "Observation", "Consent", "AuditEvent", "List", "Binary"):
            assert caller.get(type_).total == 0, type_


def test_L61_the_glass_is_broken_for_one_record_with_a_reason(world: World) -> None:
    room, other = furnish(world, hidden=2), furnish(world, hidden=0)
    emergency = world.as_(breaking_the_glass(of=room.id))
    assert emergency.get(f"{DOC}?patient={room.id}").total == 3
    assert emergency.get(room.hidden[0]).status == 404
    assert emergency.get(f"{DOC}?patient={other.id}").total == 0
    mute = world.as_(breaking_the_glass(of=room.id, reason=""))
    assert mute.get(f"{DOC}?patient={room.id}").total == 0


def test_L61_the_glass_does_not_let_in_who_is_blocked_or_opposed(world: World) -> None:
    room = furnish(world, hidden=0)
    blocked = breaking_the_glass(of=room.id)
    world.consent(room.id, "deny", blocked)
    assert world.as_(blocked).get(f"{DOC}?patient={room.id}").total == 0
    assert world.as_(breaking_the_glass(of=room.id)).get(f"{DOC}?patient={room.id}").total == 3
    world.consent(room.id, "deny", purposes=("BTG",))
    assert world.as_(breaking_the_glass(of=room.id)).get(f"{DOC}?patient={room.id}").total == 0


def test_L61_a_token_that_is_over_breaks_no_glass(world: World) -> None:
    room = furnish(world, hidden=0)
    emergency = world.as_(breaking_the_glass(of=room.id))
    with world.later(seconds=3601):
        assert emergency.get(f"{DOC}?patient={room.id}").status == 401
