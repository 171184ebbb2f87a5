"""Who is to be told what: first accesses (R73), announcements (R50); metrics of emergencies."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.consent.requester import Requester
from fhir_server.store.mongo.outbox import Listed, Outbox
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    an_auditor,
    breaking_the_glass,
    regulating,
    the_patient,
)
from tests.support.replies import Reply
from tests.support.world import DAY, World

STATES = ("waiting", "delivered", "failed", "cancelled")


def listed(world: World, patient: str, kind: str) -> list[Listed]:
    """Return every notice of a kind about a record, whatever its state."""
    outbox = Outbox(world.store)
    found = [one for state in STATES for one in outbox.list(state, 10_000)]
    return [one for one in found if (one.notice.patient, one.notice.kind) == (patient, kind)]


def first_accesses(world: World, patient: str) -> list[str]:
    return [one.notice.key for one in listed(world, patient, "first-access")]


# first accesses --------------------------------------------------------------------------------


def test_the_first_access_of_a_professional_is_told_to_the_holder_once(world: World) -> None:
    """R73: once for each, whatever they ask for and however often."""
    doctors, anna = (a_doctor(), a_doctor()), world.patient()
    world.team(anna, *doctors)
    document = world.document(anna)
    for doctor in doctors:
        for path in (
            f"DocumentReference/{document}",
            f"DocumentReference?patient={anna}",
            f"Patient/{anna}/$everything",
            "DocumentReference/_history",
        ):
            reply = world.as_(doctor).get(path)
            assert reply.status == 200
            first = reply if path.endswith(document) and doctor is doctors[0] else None
            if first is not None:
                request_id = first.headers["x-request-id"]
    found = listed(world, anna, "first-access")
    assert {one.notice.key for one in found} == {
        f"first-access/{anna}/rpps:{doctor.rpps}" for doctor in doctors
    }
    assert {one.notice.to for one in found} == {(f"patient:{anna}",)}
    (event,) = world.traces(anna, request_id=request_id)
    assert (f"AuditEvent/{event['id']}",) in {one.notice.refs for one in found}


@pytest.mark.parametrize(
    "path",
    [
        "DocumentReference?patient={id}",
        "DocumentReference",
        "Patient/{id}/$everything",
        "DocumentReference/_history",
        "Patient/{id}/*",
    ],
)
def test_every_way_of_reading_a_record_is_a_first_access(world: World, path: str) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    world.document(anna)
    assert world.as_(doctor).get(path.format(id=anna)).status == 200
    assert len(first_accesses(world, anna)) == 1


def test_an_access_to_two_records_is_the_first_in_each(world: World) -> None:
    doctor, records = a_doctor(), (world.patient(), world.patient())
    for patient in records:
        world.team(patient, doctor)
        world.document(patient)
    assert world.as_(doctor).get("DocumentReference").total == 2
    for patient in records:
        assert first_accesses(world, patient) == [f"first-access/{patient}/rpps:{doctor.rpps}"]


def test_another_worker_queues_no_first_access_again(world: World) -> None:
    """What a process remembers is a help and no more."""
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    document = world.document(anna)
    assert world.as_(doctor).get(f"DocumentReference/{document}").status == 200
    other = World(world.store, world._home)
    assert other.as_(doctor).get(f"DocumentReference/{document}").status == 200
    assert len(first_accesses(world, anna)) == 1


def test_what_shows_nothing_of_a_record_is_no_first_access(world: World) -> None:
    """A refusal, an empty page, a question about the status, a deposit, one's own trace."""
    patient = make.a_patient()
    anna, ins = world.has(patient), patient["identifier"][0]
    document = world.document(anna)
    who = a_doctor()
    stranger = world.as_(who)
    assert stranger.get(f"DocumentReference/{document}").status == 404
    assert stranger.get(f"DocumentReference?patient={anna}").total == 0
    status = f"Patient/$record-status?identifier={ins['system']}|{ins['value']}"
    assert stranger.get(status).status == 200
    assert stranger.post("DocumentReference", make.a_document(anna).json()).status == 201
    assert stranger.get(f"AuditEvent?patient={anna}").total == 1
    assert first_accesses(world, anna) == []


def test_the_holder_software_and_the_trusted_system_are_no_professionals(world: World) -> None:
    anna, hospital = world.patient(), a_hospital()
    document = world.document(anna)
    world.consent(anna, "permit", hospital)
    for caller in (world.as_(the_patient(anna)), world.as_(hospital), world.trusted):
        assert caller.get(f"DocumentReference/{document}").status == 200
    assert first_accesses(world, anna) == []


def test_a_regulator_s_first_access_is_told_too(world: World) -> None:
    anna = world.patient()
    document = world.document(anna)
    assert world.as_(regulating(anna)).get(f"DocumentReference/{document}").status == 200
    assert len(first_accesses(world, anna)) == 1


# announcements ---------------------------------------------------------------------------------


def due(world: World, patient: str) -> list[tuple[str, str, float]]:
    """Return reference, state and days until they are due of the announcements of a record."""
    return [
        (one.notice.refs[0], one.state, round((one.notice.due / 1e6 - world.now) / DAY, 1))
        for one in listed(world, patient, "announcement-due")
    ]


def deposited(world: World, who: Requester, patient: str) -> str:
    """Deposit a document that waits for its announcement; return `DocumentReference/id`."""
    document = make.a_document(patient).labelled("INVISIBLE_PATIENT").json()
    made = world.as_(who).post("DocumentReference", document)
    assert made.status == 201, made.body
    return f"DocumentReference/{made.id}"


def relabelled(world: World, who: Requester, ref: str, *labels: str) -> Reply:
    value = [make.label(code) for code in ("N", *labels)]
    return world.as_(who).patch(ref, {"op": "replace", "path": "/securityLabel", "value": value})


def test_two_weeks_after_its_deposit_a_document_is_due_to_be_announced(world: World) -> None:
    """R50: computed at the deposit, and claimable from that instant on."""
    doctor, anna = a_doctor(), world.patient()
    ref = deposited(world, doctor, anna)
    assert due(world, anna) == [(ref, "waiting", 14.0)]
    (one,) = listed(world, anna, "announcement-due")
    assert one.notice.to == (f"patient:{anna}",)
    assert one.next == one.notice.due


def test_a_document_that_everybody_sees_is_not_to_be_announced(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    world.document(anna, "MASQUE_PS")
    assert due(world, anna) == []


def test_an_announcement_that_took_place_needs_no_notice(world: World) -> None:
    """R50: the label is lifted, so the notice is cancelled; put on again, it waits again."""
    doctor, anna = a_doctor(), world.patient()
    ref = deposited(world, doctor, anna)
    assert relabelled(world, doctor, ref).status == 200
    assert due(world, anna) == [(ref, "cancelled", 14.0)]
    assert relabelled(world, doctor, ref, "INVISIBLE_PATIENT").status == 200
    assert due(world, anna) == [(ref, "waiting", 14.0)]


def test_a_document_that_is_deleted_needs_no_notice(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    ref = deposited(world, doctor, anna)
    assert world.as_(doctor).delete(ref).status == 204
    assert [state for _, state, _ in due(world, anna)] == ["cancelled"]


def test_a_label_that_comes_later_counts_from_the_deposit(world: World) -> None:
    """R50: two weeks after the deposit, whenever the label is set."""
    doctor, anna = a_doctor(), world.patient()
    made = world.as_(doctor).post("DocumentReference", make.a_document(anna).json())
    ref = f"DocumentReference/{made.id}"
    with world.later(days=5):
        assert relabelled(world, doctor, ref, "INVISIBLE_PATIENT").status == 200
        assert due(world, anna) == [(ref, "waiting", 9.0)]


def test_what_is_visible_already_after_a_month_needs_no_notice(world: World) -> None:
    """R51: an import of an old document."""
    anna = world.patient()
    world.document(anna, "INVISIBLE_PATIENT", date="2020-01-01")
    assert due(world, anna) == []


def test_a_refused_deposit_queues_nothing(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    body = make.a_document(anna).labelled("INVISIBLE_PATIENT", "MASQUE_PS").json()
    assert world.as_(doctor).post("DocumentReference", body).status == 422
    assert due(world, anna) == []


def test_any_result_may_wait_for_its_announcement(world: World) -> None:
    """R49 speaks of a data item, not of documents alone."""
    anna = world.patient()
    id_ = world.has(make.an_observation(anna, "INVISIBLE_PATIENT"))
    assert due(world, anna) == [(f"Observation/{id_}", "waiting", 14.0)]


# metrics ---------------------------------------------------------------------------------------


def numbers(world: World) -> dict[str, float]:
    """Return what `/metrics` tells of emergencies, by event; `waiting` and `age` of the queue."""
    text = world.app.test_client().get("/metrics").text
    events = re.findall(r'fhir_server_emergencies_total{event="(\w+)"} (\S+)', text)
    found = {event: float(value) for event, value in events}
    for name, metric in (("waiting", "reviews"), ("age", "review_age_seconds")):
        (value,) = re.findall(rf"^fhir_server_emergency_{metric} (\S+)", text, re.MULTILINE)
        found[name] = float(value)
    return found


def opened(world: World, who: Requester, patient: str) -> Reply:
    given: dict[str, Any] = {"reason": "coma", "patientUnable": True}
    return world.as_(who).post(f"Patient/{patient}/$break-glass", make.parameters(**given))


def test_the_metrics_count_what_became_of_emergencies(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    document = world.document(anna)
    before = numbers(world)
    session = opened(world, doctor, anna).json["parameter"][1]["valueReference"]["reference"]
    assert opened(world, doctor, make.new_id()).status == 404
    world.as_(doctor).get(f"DocumentReference/{document}")
    world.as_(breaking_the_glass(anna)).get(f"DocumentReference/{document}")
    after = numbers(world)
    added = {name: after[name] - before[name] for name in ("opened", "refused", "access")}
    assert added == {"opened": 1, "refused": 1, "access": 2}
    assert after["waiting"] - before["waiting"] == 2
    done = make.parameters(outcome="justified")
    assert world.as_(an_auditor()).post(f"{session}/$review", done).status == 200
    reviewed = numbers(world)
    assert reviewed["reviewed"] - before["reviewed"] == 1
    assert after["waiting"] - reviewed["waiting"] == 1


def test_the_metrics_tell_how_long_the_oldest_emergency_has_waited(world: World) -> None:
    opened(world, a_doctor(), world.patient())
    with world.later(days=3):
        assert numbers(world)["age"] >= 3 * DAY - 60


def test_the_metrics_count_the_unusual_and_name_nobody(world: World) -> None:
    """More emergencies of one professional in a day than `emergency_alert`; L59."""
    doctor, records = a_doctor(), [world.patient() for _ in range(6)]
    before = numbers(world)
    for patient in records[:5]:
        opened(world, doctor, patient)
    assert numbers(world)["unusual"] == before["unusual"]
    world.document(records[5])
    by_token = replace(breaking_the_glass(records[5]), rpps=doctor.rpps)
    assert world.as_(by_token).get(f"DocumentReference?patient={records[5]}").total == 1
    assert numbers(world)["unusual"] - before["unusual"] == 1
    told = world.app.test_client().get("/metrics").text
    for name in (doctor.rpps, *records):
        assert name not in told
