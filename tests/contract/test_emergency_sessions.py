"""`$break-glass` and `$review`: sessions, what they open, who is told, and who reviews them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.records.people import systems
from fhir_server.store.mongo.outbox import Outbox
from fhir_server.store.rows import Notice
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    a_pharmacist,
    an_administrator,
    an_auditor,
    breaking_the_glass,
    regulating,
    someone,
    the_patient,
    the_representative,
)
from tests.support.replies import Caller, Json, Reply, differ
from tests.support.world import World

MINUTE = 60
REASON = "Coma, aucun proche joignable"


def open_(world: World, who: Requester, patient: str, **but: Any) -> Reply:
    """Ask for a session on a record, as whoever confirms all that has to be."""
    given = {"reason": REASON, "patientUnable": True} | but
    return world.as_(who).post(f"Patient/{patient}/$break-glass", make.parameters(**given))


def session_of(reply: Reply) -> dict[str, str]:
    """Return patient, session and until of an opening."""
    assert reply.status == 200, reply.body
    return {
        one["name"]: one.get("valueInstant") or one["valueReference"]["reference"]
        for one in reply.json["parameter"]
    }


def total(world: World, who: Requester, patient: str) -> int:
    return world.as_(who).get(f"DocumentReference?patient={patient}").total


def notices(world: World, patient: str, kind: str = "emergency-access") -> list[Notice]:
    found = Outbox(world.store).list("waiting", 10_000)
    return [one.notice for one in found if (one.notice.patient, one.notice.kind) == (patient, kind)]


def purposes(event: Json) -> set[tuple[str, str]]:
    """Return code and reason of what an AuditEvent says that it was for."""
    user = event["agent"][0]["purposeOfUse"][0]
    code = event["purposeOfEvent"][0]["coding"][0]["code"]
    return {(code, ""), (user["coding"][0]["code"], user.get("text", ""))}


def entities(event: Json) -> set[str]:
    return {one["what"].get("reference", "") for one in event["entity"] if "what" in one}


# opening -------------------------------------------------------------------------------------


def test_a_session_opens_one_record_to_one_professional(world: World) -> None:
    """R63, L61."""
    doctor, anna, bruno = a_doctor(), world.patient(), world.patient()
    for patient in (anna, bruno):
        world.document(patient)
    assert total(world, doctor, anna) == 0
    found = session_of(open_(world, doctor, anna))
    assert found["patient"] == f"Patient/{anna}"
    assert total(world, doctor, anna) == 1
    assert world.as_(doctor).get(f"Patient/{anna}").status == 200
    assert total(world, doctor, bruno) == 0
    assert total(world, a_doctor(), anna) == 0


def test_an_open_record_is_found_without_its_name(world: World) -> None:
    """A search over everything meets it too."""
    doctor, anna = a_doctor(), world.patient()
    shown = world.document(anna)
    open_(world, doctor, anna)
    assert world.as_(doctor).get("DocumentReference").ids == [shown]


def test_an_ins_names_the_record_where_its_id_is_not_known(world: World) -> None:
    patient = make.a_patient()
    anna, ins = world.has(patient), patient["identifier"][0]
    doctor = a_doctor()
    body = make.parameters(reason=REASON, patientUnable=True)
    for given in (
        {"name": "identifier", "valueIdentifier": ins},
        {"name": "identifier", "valueString": f"{ins['system']}|{ins['value']}"},
    ):
        sent = body | {"parameter": [*body["parameter"], given]}
        reply = world.as_(doctor).post("Patient/$break-glass", sent)
        assert session_of(reply)["patient"] == f"Patient/{anna}"


def test_a_request_that_is_sent_twice_opens_one_session_and_tells_once(world: World) -> None:
    """R69; another reason is another act, and a session that is over is not taken up again."""
    doctor, anna = a_doctor(), world.patient()
    first, again = (session_of(open_(world, doctor, anna)) for _ in range(2))
    assert first == again
    assert len(notices(world, anna)) == 1
    other = session_of(open_(world, doctor, anna, reason="Arrêt cardiaque"))
    assert other["session"] != first["session"]
    with world.later(seconds=31 * MINUTE):
        assert session_of(open_(world, doctor, anna))["session"] != first["session"]
    assert len(notices(world, anna)) == 3


def test_a_session_ends_by_itself(world: World) -> None:
    """L61: to the second, on a clock that the test sets, with nobody to end it."""
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    open_(world, doctor, anna)
    for minutes, seen in ((29, 1), (31, 0)):
        with world.later(seconds=minutes * MINUTE):
            assert total(world, doctor, anna) == seen
            status = world.as_(doctor).get(f"Patient/{anna}").status
            assert status == (200 if seen else 404)


def test_a_page_link_of_a_session_that_is_over_shows_nothing(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    for _ in range(2):
        world.document(anna)
    open_(world, doctor, anna)
    page = world.as_(doctor).get(f"DocumentReference?patient={anna}&_count=1")
    assert (page.total, bool(page.next)) == (2, True)
    with world.later(seconds=31 * MINUTE):
        after = world.as_(doctor).get(page.next)
        assert (after.total, after.ids) == (0, [])


def test_a_session_is_of_the_software_that_it_was_opened_in(world: World) -> None:
    doctor, anna = a_doctor(client="software-a"), world.patient()
    world.document(anna)
    open_(world, doctor, anna)
    assert total(world, doctor, anna) == 1
    assert total(world, replace(doctor, client="software-b"), anna) == 0
    assert total(world, replace(doctor, client=""), anna) == 0


def test_a_session_shows_no_masked_document_and_keeps_to_the_matrix(world: World) -> None:
    """R70, R37."""
    anna = world.patient()
    shown = world.document(anna)
    masked = world.document(anna, "MASQUE_PS")
    hospital = world.has(make.a_document(anna).typed(make.HOSPITAL))
    for who, seen in ((a_doctor(), {shown, hospital}), (a_pharmacist(), {shown})):
        open_(world, who, anna)
        found = world.as_(who).get(f"DocumentReference?patient={anna}")
        assert set(found.ids) == seen
        assert world.as_(who).get(f"DocumentReference/{masked}").status == 404


def test_an_opposition_ends_a_session_on_the_next_request_and_nothing_else(world: World) -> None:
    """R65, L50: the care team goes on reading."""
    stranger, member, anna = a_doctor(), a_doctor(), world.patient()
    world.team(anna, member)
    world.document(anna)
    for who in (stranger, member):
        session_of(open_(world, who, anna))
        assert total(world, who, anna) == 1
    world.consent(anna, "deny", purposes=("BTG",))
    assert (total(world, stranger, anna), total(world, member, anna)) == (0, 1)


def test_a_block_ends_a_session_on_the_next_request(world: World) -> None:
    """R24."""
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    open_(world, doctor, anna)
    world.consent(anna, "deny", doctor)
    assert total(world, doctor, anna) == 0


def test_a_session_outlives_a_change_of_the_record_s_other_rules(world: World) -> None:
    """The policy is compiled anew from what is stored, sessions included."""
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    open_(world, doctor, anna)
    world.team(anna, a_doctor())
    world.consent(anna, "permit", a_doctor())
    assert total(world, doctor, anna) == 1


def test_two_professionals_open_a_record_at_once_and_each_has_a_session(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    doctors = [a_doctor() for _ in range(6)]
    callers = [(world.as_(who), who) for who in doctors]
    body = make.parameters(reason=REASON, patientUnable=True)

    def ask(pair: tuple[Any, Requester]) -> Reply:
        found: Reply = pair[0].post(f"Patient/{anna}/$break-glass", body)
        return found

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(ask, callers))
    assert len({session_of(reply)["session"] for reply in replies}) == 6
    assert [total(world, who, anna) for who in doctors] == [1] * 6
    assert len(notices(world, anna)) == 6


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


# review --------------------------------------------------------------------------------------


def review(world: World, who: Requester, session: str, **given: Any) -> Reply:
    return world.as_(who).post(f"{session}/$review", make.parameters(**given))


def test_an_auditor_closes_a_review_with_its_outcome(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    session = session_of(open_(world, doctor, anna))["session"]
    note = "Aucune urgence au dossier des urgences"
    reply = review(world, an_auditor(), session, outcome="unjustified", note=note)
    assert reply.status == 200, reply.body
    task = world.as_(the_patient(anna)).get(session).json
    assert reply.json["parameter"][0]["resource"] == task
    assert (task["status"], task["meta"]["versionId"]) == ("completed", "2")
    assert task["businessStatus"]["coding"][0]["code"] == "unjustified"
    assert task["note"][0]["text"] == note
    assert world.as_(an_auditor()).get(f"Task?patient={anna}&status=requested").total == 0
    (event,) = world.traces(anna, request_id=reply.headers["x-request-id"])
    assert session in entities(event)
    valid = world.trusted.post("Task/$validate", task)
    assert [one["severity"] for one in valid.json["issue"]] == ["warning"], valid.body


def test_a_review_ends_a_session_that_is_still_open(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    session = session_of(open_(world, doctor, anna))["session"]
    assert total(world, doctor, anna) == 1
    assert review(world, an_auditor(), session, outcome="justified").status == 200
    assert total(world, doctor, anna) == 0


def test_only_an_auditor_reviews(world: World) -> None:
    """Who knows the Task is told so; for others there is none."""
    attending, doctor = a_doctor(), a_doctor()
    anna = world.patient(attending)
    session = session_of(open_(world, doctor, anna))["session"]
    for who in (doctor, attending, the_patient(anna)):
        reply = review(world, who, session, outcome="justified")
        assert (reply.status, reply.issue["code"]) == (403, "forbidden")
    for who in (a_doctor(), an_administrator(), a_hospital()):
        ids = (session.partition("/")[2], make.new_hex())
        replies = [review(world, who, f"Task/{id_}", outcome="justified") for id_ in ids]
        assert replies[0].status == 404
        assert differ(replies, *ids) == ""
    assert world.as_(an_auditor()).get(session).json["status"] == "requested"


def test_a_review_is_closed_once(world: World) -> None:
    session = session_of(open_(world, a_doctor(), world.patient()))["session"]
    assert review(world, an_auditor(), session, outcome="justified").status == 200
    again = review(world, an_auditor(), session, outcome="undecided", note="autre avis")
    assert (again.status, again.issue["code"]) == (409, "conflict")
    assert world.as_(an_auditor()).get(session).json["meta"]["versionId"] == "2"


def test_a_review_says_why_it_is_not_justified(world: World) -> None:
    session = session_of(open_(world, a_doctor(), world.patient()))["session"]
    for given, status in (
        ({"outcome": "fine"}, 400),
        ({"outcome": "unjustified"}, 422),
        ({"outcome": "undecided", "note": " "}, 422),
        ({"outcome": "justified", "note": "x" * 5001}, 422),
    ):
        reply = review(world, an_auditor(), session, **given)
        assert reply.status == status, given
        assert reply.issue["expression"] == ["Parameters.parameter"]
    assert world.as_(an_auditor()).get(session).json["status"] == "requested"


# emergencies that a token asks for -------------------------------------------------------------


@pytest.mark.parametrize("asking", [breaking_the_glass, regulating])
def test_an_emergency_by_token_is_put_up_for_review_once_a_day(
    world: World, asking: Callable[[str], Requester]
) -> None:
    """R64, R69: at its first access, in the same transaction."""
    anna = world.patient()
    document = world.document(anna)
    who = asking(anna)
    caller, auditor = world.as_(who), world.as_(an_auditor())
    for _ in range(3):
        assert caller.get(f"DocumentReference/{document}").status == 200
    assert caller.get(f"DocumentReference?patient={anna}").total == 1
    (task,) = [e["resource"] for e in auditor.get(f"Task?patient={anna}").entries]
    code = "BTG" if who.purpose is Purpose.BREAK_GLASS else "ETREAT"
    assert task["reasonCode"]["coding"][0]["code"] == code
    assert task["reasonCode"].get("text", "") == who.reason
    assert "end" not in task["executionPeriod"]
    (notice,) = notices(world, anna)
    assert notice.refs == (f"Task/{task['id']}",)
    with world.later(days=1):
        assert world.as_(who).get(f"DocumentReference/{document}").status == 200
    assert world.as_(an_auditor()).get(f"Task?patient={anna}").total == 2
    assert len(notices(world, anna)) == 2


def test_an_emergency_by_token_that_shows_nothing_is_not_put_up(world: World) -> None:
    """What was refused, and what was not there to be found."""
    anna = world.patient()
    masked = world.document(anna, "MASQUE_PS")
    caller = world.as_(breaking_the_glass(anna))
    assert caller.get(f"DocumentReference/{masked}").status == 404
    assert caller.get(f"DocumentReference?patient={anna}").total == 0
    assert world.as_(an_auditor()).get(f"Task?patient={anna}").total == 0
    assert notices(world, anna) == []


def test_an_emergency_by_token_in_which_something_is_changed_is_put_up_too(world: World) -> None:
    anna = world.patient()
    document = world.document(anna)
    mask = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
    caller = world.as_(breaking_the_glass(anna))
    assert caller.patch(f"DocumentReference/{document}", mask).status == 200
    assert world.as_(an_auditor()).get(f"Task?patient={anna}").total == 1
    assert len(notices(world, anna)) == 1


def test_a_task_of_an_emergency_by_token_opens_no_session(world: World) -> None:
    """L61: with the token goes the right."""
    anna = world.patient()
    world.document(anna)
    who = breaking_the_glass(anna)
    assert total(world, who, anna) == 1
    world.team(anna, a_doctor())
    later = replace(who, purpose=Purpose.TREATMENT, reason="", patient="")
    assert total(world, later, anna) == 0


def test_a_batch_in_an_emergency_puts_up_one_review(world: World) -> None:
    anna = world.patient()
    ids = [world.document(anna) for _ in range(3)]
    reads = [{"request": {"method": "GET", "url": f"DocumentReference/{id_}"}} for id_ in ids]
    reply = world.as_(breaking_the_glass(anna)).transact(*reads, kind="batch")
    assert [one["response"]["status"][:3] for one in reply.entries] == ["200"] * 3
    assert len(world.traces(anna, request_id=reply.headers["x-request-id"])) == 3
    assert world.as_(an_auditor()).get(f"Task?patient={anna}").total == 1


def test_many_emergencies_of_one_professional_are_reviewed_first(world: World) -> None:
    """The sixth of a day is unusual; the day after, the first is not."""
    doctor = a_doctor()
    tasks = [session_of(open_(world, doctor, world.patient()))["session"] for _ in range(6)]
    found = [world.trusted.get(task).json["priority"] for task in tasks]
    assert found == ["routine"] * 5 + ["urgent"]
    with world.later(days=1.1):
        task = session_of(open_(world, doctor, world.patient()))["session"]
        assert world.trusted.get(task).json["priority"] == "routine"


def test_whoever_regulates_calls_is_not_unusual_for_it(world: World) -> None:
    """R64: a record for each call, one caller after another."""
    regulator = regulating("")
    for _ in range(6):
        anna = world.patient()
        world.document(anna)
        assert total(world, replace(regulator, patient=anna), anna) == 1
    name = f"{systems()['IDNPS']}|8{regulator.rpps}"
    found = world.trusted.get(f"Task?requester:identifier={name}")
    priorities = [entry["resource"]["priority"] for entry in found.entries]
    assert priorities == ["routine"] * 6


def test_an_emergency_that_is_asked_for_many_times_at_once_is_put_up_once(world: World) -> None:
    """Whatever the processes remember, and whoever comes first."""
    anna = world.patient()
    document = world.document(anna)
    who = breaking_the_glass(anna)
    workers = [World(world.store, world._home) for _ in range(4)]
    callers = [worker.as_(who) for worker in workers for _ in range(4)]
    for worker in workers:
        assert worker.trusted.get(f"DocumentReference/{document}").status == 200

    def ask(caller: Caller) -> int:
        return caller.get(f"DocumentReference/{document}").status

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, callers)) == [200] * 16
    assert world.as_(an_auditor()).get(f"Task?patient={anna}").total == 1
    assert len(notices(world, anna)) == 1
    assert len(notices(world, anna, "first-access")) == 1
