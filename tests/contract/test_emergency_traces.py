"""What an emergency leaves in the log and in the queue, and who reads it: R68, R69, R72."""

from __future__ import annotations

from fhir_server.consent.requester import Kind
from tests.contract.emergencies import (
    MINUTE,
    REASON,
    entities,
    notices,
    open_,
    purposes,
    session_of,
)
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    someone,
    the_patient,
    the_representative,
)
from tests.support.world import World

# what is told --------------------------------------------------------------------------------


def test_every_access_in_a_session_names_purpose_reason_and_task(world: World) -> None:
    """R68: reads, searches, refusals and writes; and those of others none of it."""
    doctor, member, anna = a_doctor(), a_doctor(), world.patient()
    world.team(anna, member)
    document, hidden = world.document(anna), world.document(anna, "MASQUE_PS")
    reply = open_(world, doctor, anna)
    session = session_of(reply)["session"]
    caller = world.as_(doctor)
    asked = [
        reply,
        caller.get(f"DocumentReference/{document}"),
        caller.get(f"DocumentReference?patient={anna}"),
        caller.get("DocumentReference"),
        caller.get(f"DocumentReference/{document}/_history"),
        caller.get(f"Patient/{anna}/$everything"),
        caller.get(f"DocumentReference/{hidden}"),
        caller.post("DocumentReference", make.a_document(anna).json()),
    ]
    for one in asked:
        found = world.traces(anna, request_id=one.headers["x-request-id"])
        assert found, one.body
        for event in found:
            assert purposes(event) == {("BTG", ""), ("BTG", REASON)}, one.body
            assert session in entities(event)
    others = world.as_(member).get(f"DocumentReference/{document}")
    (event,) = world.traces(anna, request_id=others.headers["x-request-id"])
    assert session not in entities(event)
    assert purposes(event) == {("TREAT", "")}


def test_an_access_to_two_records_tells_of_the_emergency_in_one(world: World) -> None:
    """R68, L36: the holder of the other learns of no emergency."""
    doctor, anna, bruno = a_doctor(), world.patient(), world.patient()
    world.team(bruno, doctor)
    for patient in (anna, bruno):
        world.document(patient)
    session = session_of(open_(world, doctor, anna))["session"]
    reply = world.as_(doctor).get("DocumentReference")
    assert reply.total == 2
    (mine,) = world.traces(anna, request_id=reply.headers["x-request-id"])
    (other,) = world.traces(bruno, request_id=reply.headers["x-request-id"])
    assert (("BTG", REASON) in purposes(mine), session in entities(mine)) == (True, True)
    assert purposes(other) == {("TREAT", "")}
    assert session not in entities(other)
    rules = [one["valueCode"] for one in other["extension"]]
    assert rules == ["care-team", "own-act"]


def test_an_access_is_no_emergency_any_more_when_its_session_is_over(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    document = world.document(anna)
    session = session_of(open_(world, doctor, anna))["session"]
    with world.later(seconds=31 * MINUTE):
        reply = world.as_(doctor).get(f"DocumentReference/{document}")
        (event,) = world.traces(anna, request_id=reply.headers["x-request-id"])
        assert purposes(event) == {("TREAT", "")}
        assert session not in entities(event)


def test_holder_and_attending_doctor_are_to_be_told_at_once(world: World) -> None:
    """R69: one notice a session, of the Task."""
    attending, doctor = a_doctor(), a_doctor()
    anna = world.patient(attending)
    session = session_of(open_(world, doctor, anna))["session"]
    (notice,) = notices(world, anna)
    assert notice.to == (f"patient:{anna}", f"rpps:{attending.rpps}")
    assert notice.refs == (session,)
    assert notice.due <= world.now * 1_000_000


def test_the_task_says_who_when_why_and_until_when(world: World) -> None:
    doctor, anna = a_doctor(name="Dr Test"), world.patient()
    found = session_of(open_(world, doctor, anna))
    task = world.as_(the_patient(anna)).get(found["session"]).json
    assert task["status"] == "requested"
    assert task["for"] == {"reference": f"Patient/{anna}"}
    assert task["code"]["coding"][0]["code"] == "emergency-review"
    assert task["reasonCode"]["coding"][0]["code"] == "BTG"
    assert task["reasonCode"]["text"] == REASON
    assert task["requester"]["identifier"]["value"] == f"8{doctor.rpps}"
    assert task["executionPeriod"]["end"] == found["until"]
    valid = world.trusted.post("Task/$validate", task)
    assert [one["severity"] for one in valid.json["issue"]] == ["warning"], valid.body


# who sees the queue --------------------------------------------------------------------------


def test_the_queue_is_read_by_those_concerned_alone(world: World) -> None:
    """R72: holder, representative, attending doctor, opener and auditor; no colleague."""
    attending, member, doctor = a_doctor(), a_doctor(), a_doctor()
    anna = world.patient(attending)
    world.team(anna, member)
    session = session_of(open_(world, doctor, anna))["session"]
    for who, seen in (
        (the_patient(anna), True),
        (the_representative(anna), True),
        (attending, True),
        (doctor, True),
        (an_auditor(), True),
        (member, False),
        (a_doctor(), False),
        (an_administrator(), False),
        (a_hospital(), False),
        (someone(Kind.INSURER), False),
    ):
        caller = world.as_(who)
        assert caller.get(session).status == (200 if seen else 404), who.kind
        found = caller.get(f"Task?patient={anna}&code=emergency-review&status=requested")
        assert found.total == int(seen), who.kind


def test_the_opener_sees_their_own_task_when_the_session_is_over(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    session = session_of(open_(world, doctor, anna))["session"]
    with world.later(seconds=31 * MINUTE):
        for change in (None, "team"):
            if change:
                world.team(anna, a_doctor())  # of which a stranger learns nothing
            assert world.as_(doctor).get(session).status == 200
            assert world.as_(doctor).get("Task?code=emergency-review").total == 1


def test_an_auditor_sees_no_task_of_care(world: World) -> None:
    anna = world.patient()
    task = {
        "resourceType": "Task",
        "id": make.new_id(),
        "status": "requested",
        "intent": "order",
        "for": make.reference(f"Patient/{anna}"),
    }
    world.has(task)
    auditor = world.as_(an_auditor())
    assert auditor.get(f"Task/{task['id']}").status == 404
    assert auditor.get(f"Task?patient={anna}").total == 0
