"""A session opens one record to one professional for some minutes: R63 to R65, L61."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from fhir_server.consent.requester import Requester
from tests.contract.emergencies import (
    MINUTE,
    REASON,
    notices,
    open_,
    session_of,
    total,
)
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_pharmacist,
)
from tests.support.replies import Reply
from tests.support.world import World

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


def test_a_request_that_is_sent_four_times_at_once_opens_one_session(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    open_(world, a_doctor(), anna)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: open_(world, doctor, anna), range(4)))
    assert len({session_of(reply)["session"] for reply in replies}) == 1
    assert len(notices(world, anna)) == 2


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
