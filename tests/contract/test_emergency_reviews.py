"""Emergencies are reviewed by an auditor, those of tokens too: design/consent.md section 6."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.consent.requester import Purpose, Requester
from fhir_server.records.people import systems
from tests.contract.emergencies import (
    entities,
    notices,
    open_,
    session_of,
    total,
)
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    breaking_the_glass,
    regulating,
    the_patient,
)
from tests.support.replies import Caller, Reply, differ
from tests.support.world import World

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
