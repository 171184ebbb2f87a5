"""Searches over all of a professional's patients: exact, on the next request, on every worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_server.consent.requester import Requester
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor, breaking_the_glass
from tests.support.replies import Caller, entry
from tests.support.world import World

LIST = "DocumentReference?_sort=-date"
YEAR = 366


class Workers:
    """Two workers of one installation: writes go to the first, the second is asked."""

    def __init__(self, first: World, second: World) -> None:
        self.first, self.second = first, second

    def asked(self, who: Requester, path: str = LIST) -> list[str]:
        """Return what the second worker finds for `who`, after checking that the first agrees."""
        found = self.second.as_(who).get(path)
        assert found.status == 200, found.body
        assert self.first.as_(who).get(path).ids == found.ids
        return found.ids


@pytest.fixture(scope="module")
def workers(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workers]:
    """Give two servers on one database and one key directory."""
    home: Path = tmp_path_factory.mktemp("home")
    with connect(mongo_uri) as one, connect(mongo_uri) as other:
        yield Workers(
            World(MongoStore(one, module_database_name), home),
            World(MongoStore(other, module_database_name), home),
        )


def patients(world: World, doctor: Requester, count: int = 3) -> tuple[list[str], list[str]]:
    """Return as many records that a Consent opens to `doctor`, and the one document of each."""
    found = [world.patient() for _ in range(count)]
    for patient in found:
        world.consent(patient, "permit", doctor)
    return found, sorted(world.document(patient) for patient in found)


def test_a_list_finds_the_documents_of_every_record_and_of_no_other(workers: Workers) -> None:
    doctor, other = a_doctor(), a_doctor()
    _, documents = patients(workers.first, doctor)
    patients(workers.first, other)
    assert sorted(workers.asked(doctor)) == documents
    assert workers.second.as_(doctor).get(LIST).total == 3


def test_a_block_of_one_record_holds_on_the_next_request(workers: Workers) -> None:
    doctor = a_doctor()
    (first, *_), documents = patients(workers.first, doctor)
    assert sorted(workers.asked(doctor)) == documents
    consent = workers.first.consent(first, "deny", doctor)
    assert len(workers.asked(doctor)) == 2
    assert workers.second.as_(doctor).get(f"DocumentReference?patient={first}").total == 0
    workers.first.lacks(f"Consent/{consent}")
    assert sorted(workers.asked(doctor)) == documents


def test_an_authorisation_that_is_withdrawn_closes_the_record_at_once(workers: Workers) -> None:
    doctor = a_doctor()
    patient = workers.first.patient()
    document = workers.first.document(patient)
    body = make.a_consent(patient, "permit", doctor)
    workers.first.has(body)
    assert workers.asked(doctor) == [document]
    workers.first.has(body | {"status": "inactive"})
    assert workers.asked(doctor) == []
    workers.first.has(body)
    assert workers.asked(doctor) == [document]


def test_who_leaves_a_care_team_and_who_enters_it_sees_so_at_once(workers: Workers) -> None:
    before, after = a_doctor(), a_doctor()
    patient = workers.first.patient()
    document = workers.first.document(patient)
    team = make.a_care_team(patient, before)
    workers.first.has(team)
    assert (workers.asked(before), workers.asked(after)) == ([document], [])
    workers.first.has(make.a_care_team(patient, after) | {"id": team["id"]})
    assert (workers.asked(before), workers.asked(after)) == ([], [document])


def test_a_record_that_is_closed_or_deleted_leaves_the_list(workers: Workers) -> None:
    doctor = a_doctor()
    body = make.a_patient(doctor)
    patient = workers.first.has(body)
    document = workers.first.document(patient)
    assert workers.asked(doctor) == [document]
    workers.first.has(body | {"active": False})
    assert workers.asked(doctor) == []
    workers.first.has(body)
    assert workers.asked(doctor) == [document]
    workers.first.lacks(f"Patient/{patient}")
    assert workers.asked(doctor) == []


def test_a_change_of_the_directory_moves_the_list_to_another_doctor(workers: Workers) -> None:
    before, after = a_doctor(), a_doctor()
    practitioner = {
        "resourceType": "Practitioner",
        "id": make.new_id(),
        "identifier": [make.person(before)["identifier"]],
    }
    workers.first.has(practitioner)
    gp = [make.reference(f"Practitioner/{practitioner['id']}")]
    patient = workers.first.patient(generalPractitioner=gp)
    document = workers.first.document(patient)
    assert (workers.asked(before), workers.asked(after)) == ([document], [])
    workers.first.has(practitioner | {"identifier": [make.person(after)["identifier"]]})
    assert (workers.asked(before), workers.asked(after)) == ([], [document])


def test_an_authorisation_ends_by_itself_in_a_list_that_is_kept(workers: Workers) -> None:
    """R21: a year where none is said. Nothing is written when it ends."""
    doctor = a_doctor()
    _, documents = patients(workers.first, doctor, 1)
    assert workers.asked(doctor) == documents
    with workers.first.later(days=YEAR), workers.second.later(days=YEAR):
        assert workers.asked(doctor) == []
    assert workers.asked(doctor) == documents


def test_what_is_deposited_or_masked_is_told_or_hidden_at_once(workers: Workers) -> None:
    doctor = a_doctor()
    (patient, *_), _ = patients(workers.first, doctor, 1)
    document = make.a_document(patient)
    workers.first.has(document)
    assert document.id in workers.asked(doctor)
    workers.first.has(document.masked())
    assert document.id not in workers.asked(doctor)


def test_an_emergency_adds_the_one_record_it_is_about(workers: Workers) -> None:
    stranger = workers.first.patient()
    document = workers.first.document(stranger)
    doctor = breaking_the_glass(stranger)
    _, own = patients(workers.first, doctor, 1)
    assert sorted(workers.asked(doctor)) == sorted([*own, document])
    workers.first.consent(stranger, "deny", purposes=("BTG",))
    assert workers.asked(doctor) == own


def test_pages_of_a_list_are_authorised_anew(workers: Workers) -> None:
    doctor = a_doctor()
    found, documents = patients(workers.first, doctor, 4)
    page = workers.second.as_(doctor).get(f"{LIST}&_count=2")
    assert len(page.ids) == 2
    assert page.total == 4
    left = set(documents) - set(page.ids)
    for patient in found:
        workers.first.consent(patient, "deny", doctor)
    following = workers.second.as_(doctor).get(page.next)
    assert (following.status, following.ids, following.total) == (200, [], 0)
    assert len(left) == 2


# totals -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doctor_of_many(workers: Workers) -> Caller:
    """Give a doctor who may know 1,001 documents of two records."""
    doctor, world = a_doctor(), workers.first
    (patient, _), _ = patients(world, doctor, 2)
    copies = [make.a_document(patient) for _ in range(999)]
    for start in range(0, len(copies), 333):
        some = copies[start : start + 333]
        puts = [entry("PUT", one.ref, one.json()) for one in some]
        assert world.trusted.transact(*puts).status == 200
    return workers.second.as_(doctor)


def test_a_total_over_a_thousand_is_told_of_a_list_when_it_is_asked_for(
    doctor_of_many: Caller,
) -> None:
    unasked = doctor_of_many.get("DocumentReference?_count=2")
    assert unasked.status == 200
    assert len(unasked.ids) == 2
    assert unasked.next
    assert "total" not in unasked.json
    for asked in ("_count=2&_total=accurate", "_count=2&_total=estimate", "_summary=count"):
        assert doctor_of_many.get(f"DocumentReference?{asked}").total == 1001, asked
