"""Searches over all of a professional's patients: exact, on the next request, on every worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_server.consent.requester import Requester
from fhir_server.records import patient_list
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor, breaking_the_glass
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

EXACT = ("_count=2&_total=accurate", "_count=2&_total=estimate", "_summary=count", "_count=0")


def test_the_total_of_a_long_list_is_told_to_who_asks_for_it(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_list, "LONG", 2)
    doctor = a_doctor()
    (patient, *_), documents = patients(workers.first, doctor, 3)
    asking = workers.second.as_(doctor)
    first = asking.get("DocumentReference?_count=2")
    assert (first.status, len(first.ids), "total" in first.json) == (200, 2, False)
    second = asking.get(first.next)
    assert sorted([*first.ids, *second.ids]) == documents
    assert "total" not in second.json
    for asked in EXACT:
        assert asking.get(f"DocumentReference?{asked}").total == 3, asked
    assert asking.get("DocumentReference?_count=3").total == 3
    assert asking.get(f"DocumentReference?patient={patient}&_count=1").total == 1


def test_records_that_stay_closed_do_not_make_a_list_long(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a total is told must depend on nothing that the caller may not know."""
    monkeypatch.setattr(patient_list, "LONG", 2)
    doctor = a_doctor()
    found, _ = patients(workers.first, doctor, 4)
    workers.first.consent(found[0], "deny", doctor)
    workers.first.has(make.a_patient() | {"id": found[1], "active": False})
    ended = workers.first.patient()
    workers.first.consent(ended, "permit", doctor, dateTime="2020-01-01")
    workers.first.document(found[2])
    answer = workers.second.as_(doctor).get("DocumentReference?_count=1")
    assert (answer.status, len(answer.ids), answer.total) == (200, 1, 3)
