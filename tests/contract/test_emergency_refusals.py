"""Who is refused an emergency session learns nothing, and nobody forges one: L61."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fhir_server.consent.requester import Kind, Requester
from fhir_server.records.people import systems
from tests.contract.emergencies import (
    REASON,
    notices,
    open_,
    purposes,
    session_of,
    total,
)
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    regulating,
    someone,
    the_patient,
    the_representative,
)
from tests.support.replies import differ
from tests.support.world import World

# refusals ------------------------------------------------------------------------------------


def blocked(world: World, who: Requester) -> str:
    anna = world.patient()
    world.consent(anna, "deny", who)
    return anna


def opposed(world: World, who: Requester) -> str:
    anna = world.patient()
    world.consent(anna, "deny", purposes=("BTG",))
    return anna


def closed(world: World, who: Requester) -> str:
    return world.patient(active=False)


def absent(world: World, who: Requester) -> str:
    return make.new_id()


SHUT: tuple[Callable[[World, Requester], str], ...] = (absent, blocked, opposed, closed)


def test_who_is_refused_does_not_learn_whether_there_is_a_record(world: World) -> None:
    """L61, L17, L18: absent, closed, blocked and opposed are one answer."""
    doctor = a_doctor()
    ids = [case(world, doctor) for case in SHUT]
    replies = [open_(world, doctor, id_) for id_ in ids]
    assert (replies[0].status, replies[0].issue["code"]) == (404, "not-found")
    assert "regulation" in replies[0].issue["diagnostics"]
    assert differ(replies, *ids) == ""


def test_who_is_refused_by_an_ins_does_not_learn_it_either(world: World) -> None:
    doctor, patients = a_doctor(), [make.a_patient() for _ in range(3)]
    world.has(patients[0])
    world.has(patients[1])
    world.consent(patients[0]["id"], "deny", doctor)
    world.consent(patients[1]["id"], "deny", purposes=("BTG",))
    replies = []
    for patient in patients:
        ins = f"{make.INS}|{patient['identifier'][0]['value']}"
        body = make.parameters(reason=REASON, patientUnable=True, identifier=ins)
        replies.append(world.as_(doctor).post("Patient/$break-glass", body))
    assert replies[0].status == 404
    assert differ(replies) == ""


@pytest.mark.parametrize("case", SHUT, ids=lambda case: case.__name__)
def test_a_refusal_opens_nothing_and_puts_nothing_up(
    world: World, case: Callable[[World, Requester], str]
) -> None:
    doctor = a_doctor()
    anna = case(world, doctor)
    open_(world, doctor, anna)
    assert notices(world, anna) == []
    assert world.as_(an_auditor()).get(f"Task?patient={anna}").total == 0
    assert world.as_(doctor).get(f"Patient/{anna}").status == 404


def test_a_refusal_is_in_the_history_of_the_holder_alone(world: World) -> None:
    """R71: with its reason."""
    doctor = a_doctor()
    anna = opposed(world, doctor)
    reply = open_(world, doctor, anna)
    (event,) = world.traces(anna, request_id=reply.headers["x-request-id"])
    assert event["outcome"] == "4"
    assert ("BTG", REASON) in purposes(event)
    assert world.as_(the_patient(anna)).get(f"AuditEvent/{event['id']}").status == 200
    assert world.as_(doctor).get(f"AuditEvent/{event['id']}").status == 404


@pytest.mark.parametrize(
    "who",
    [
        someone(Kind.INSURER),
        someone(Kind.OCCUPATIONAL_MEDICINE, rpps="99790000001"),
        someone(Kind.SECRETARY, rpps="99790000001"),
        a_hospital(),
        an_administrator(),
        an_auditor(),
        replace(a_doctor(), rpps=""),
        regulating("x"),
        the_patient("x"),
        the_representative("x"),
    ],
    ids=lambda who: f"{who.kind}-{bool(who.rpps)}",
)
def test_only_a_named_professional_breaks_the_glass(world: World, who: Requester) -> None:
    """R63, R64: the centre 15 has a purpose of its own. The same for every record."""
    ids = [world.patient(), make.new_id()]
    replies = [open_(world, who, id_) for id_ in ids]
    assert (replies[0].status, replies[0].issue["code"]) == (403, "forbidden")
    assert differ(replies, *ids) == ""


def test_a_reason_and_the_patients_state_are_part_of_the_act(world: World) -> None:
    """R63: refused before any record is looked at."""
    doctor, ids = a_doctor(), (world.patient(), make.new_id())
    for but, status, code in (
        ({"reason": "  "}, 422, "business-rule"),
        ({"reason": "x" * 2001}, 422, "business-rule"),
        ({"patientUnable": False}, 422, "business-rule"),
        ({"identifier": f"{make.INS}|1"}, 400, "invalid"),
    ):
        replies = [open_(world, doctor, id_, **but) for id_ in ids]
        assert (replies[0].status, replies[0].issue["code"]) == (status, code), but
        assert differ(replies, *ids) == ""
    for name in ("reason", "patientUnable"):
        given = {"reason": REASON, "patientUnable": True}
        given.pop(name)
        path = f"Patient/{ids[0]}/$break-glass"
        reply = world.as_(doctor).post(path, make.parameters(**given))
        assert (reply.status, reply.issue["code"]) == (400, "required")
        assert name in reply.issue["diagnostics"]
    assert total(world, doctor, ids[0]) == 0


def test_a_record_is_named_by_its_whole_ins_and_nothing_less(world: World) -> None:
    """R14."""
    doctor = world.as_(a_doctor())
    for identifier in ("", "2790351215", f"{make.INS}|", "urn:other|279035121518989"):
        more = {"identifier": identifier} if identifier else {}
        body = make.parameters(reason=REASON, patientUnable=True, **more)
        reply = doctor.post("Patient/$break-glass", body)
        assert (reply.status, reply.issue["code"]) == (400, "value"), identifier


# forged Tasks --------------------------------------------------------------------------------


def test_a_task_that_a_client_wrote_opens_nothing(world: World) -> None:
    """L31, L33, L61: whoever writes it, the trusted system included."""
    doctor, other, anna = a_doctor(), a_doctor(), world.patient()
    world.document(anna)
    session = session_of(open_(world, other, anna))["session"]
    real = world.trusted.get(session).json
    requester = {"identifier": {"system": systems()["IDNPS"], "value": f"8{doctor.rpps}"}}
    forged = {name: value for name, value in real.items() if name not in ("id", "meta")}
    forged |= {"requester": requester}
    made = world.as_(doctor).post("Task", forged)
    assert made.status == 201
    world.has(forged | {"id": make.new_id()})
    world.team(anna, a_doctor())  # the policy is compiled anew
    assert total(world, doctor, anna) == 0


def test_nobody_changes_the_task_of_an_emergency(world: World) -> None:
    """R71: neither its opener nor the holder, the auditor or the trusted system."""
    doctor, anna = a_doctor(), world.patient()
    session = session_of(open_(world, doctor, anna))["session"]
    task = world.trusted.get(session)
    longer = {"op": "replace", "path": "/executionPeriod/end", "value": "2999-01-01T00:00:00Z"}
    for who in (doctor, the_patient(anna), an_auditor()):
        caller = world.as_(who)
        for reply in (
            caller.patch(session, longer),
            caller.put(task.json),
            caller.delete(session),
        ):
            assert (reply.status, reply.issue["code"]) == (405, "not-supported")
    for reply in (world.trusted.put(task.json), world.trusted.delete(session)):
        assert reply.status == 405
    assert world.trusted.get(session).body == task.body
