"""Over HTTP: the rule set of the setting, majority, secret connections, closed records told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_server.consent.requester import Kind, Requester
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, someone, the_patient, the_representative
from tests.support.replies import Json
from tests.support.world import World

HIDDEN_FROM_PARENTS = "INVISIBLE_REPRESENTANTS_LEGAUX"


@pytest.fixture(scope="module")
def modern(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server under the rule set `law-2026`."""
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, f"{module_database_name[:36]}_n")
        yield World(store, tmp_path_factory.mktemp("modern"), rule_set="law-2026")
        mongo.drop_database(store.database)


def an_occupational_doctor() -> Requester:
    return a_doctor(kind=Kind.OCCUPATIONAL_MEDICINE)


def deposit(world: World, who: Requester, of: str, *labels: str) -> Any:
    return world.as_(who).post("DocumentReference", make.a_document(of).labelled(*labels).json())


def born(years_ago: int, days: int = 0) -> str:
    """Return the birth date of who is `years_ago` years and `days` days old today."""
    today = datetime.now(UTC) - timedelta(days=days)
    day = min(today.day, 28)
    return f"{today.year - years_ago:04d}-{today.month:02d}-{day:02d}"


# occupational medicine (R32) ---------------------------------------------------------------------


def test_occupational_medicine_reads_under_a_consent_that_names_it_until_it_is_withdrawn(
    modern: World,
) -> None:
    who, anna = an_occupational_doctor(), modern.patient()
    id_ = modern.document(anna)
    caller = modern.as_(who)
    assert caller.get(f"DocumentReference/{id_}").status == 404
    consent = modern.consent(anna, "permit", who)
    assert caller.get(f"DocumentReference/{id_}").status == 200
    assert caller.get("DocumentReference").total == 1
    modern.lacks(f"Consent/{consent}")
    assert caller.get(f"DocumentReference/{id_}").status == 404
    assert caller.get("DocumentReference").total == 0


def test_a_care_team_opens_nothing_to_occupational_medicine(modern: World) -> None:
    who = an_occupational_doctor()
    anna = modern.patient(who)
    modern.team(anna, who)
    id_ = modern.document(anna)
    assert modern.as_(who).get(f"DocumentReference/{id_}").status == 404
    assert modern.as_(who).get(f"Patient/{anna}").status == 404


def test_the_original_rule_set_shuts_occupational_medicine_out_whatever_the_consent(
    world: World,
) -> None:
    who, anna = an_occupational_doctor(), world.patient()
    id_ = world.document(anna)
    world.consent(anna, "permit", who)
    assert world.as_(who).get(f"DocumentReference/{id_}").status == 404
    assert deposit(world, who, anna).status == 403


def test_occupational_medicine_adds_by_express_consent_and_is_refused_without(
    modern: World,
) -> None:
    who, anna = an_occupational_doctor(), modern.patient()
    refused = deposit(modern, who, anna)
    assert (refused.status, refused.issue["code"]) == (403, "forbidden")
    absent = deposit(modern, who, make.new_id())
    assert (absent.status, absent.issue["diagnostics"]) == (403, refused.issue["diagnostics"])
    modern.consent(anna, "permit", who)
    assert deposit(modern, who, anna).status == 201


@pytest.mark.parametrize("kind", [Kind.INSURER, Kind.BANK, Kind.SECRETARY])
def test_no_rule_set_lets_the_other_excluded_kinds_in(modern: World, kind: Kind) -> None:
    """R33, R34."""
    who = someone(kind, rpps=a_doctor().rpps, profession="G15_10")
    anna = modern.patient(who)
    id_ = modern.document(anna)
    modern.consent(anna, "permit", who)
    assert modern.as_(who).get(f"DocumentReference/{id_}").status == 404


# majority (R57) ----------------------------------------------------------------------------------


def test_a_representative_s_access_ends_on_the_day_of_majority(modern: World) -> None:
    lise = modern.patient(birthDate=born(17))
    id_ = modern.document(lise)
    parent = the_representative(lise)
    assert modern.as_(parent).get(f"DocumentReference/{id_}").status == 200
    with modern.later(days=370):
        assert modern.as_(parent).get(f"DocumentReference/{id_}").status == 404
        assert modern.as_(parent).get(f"DocumentReference?patient={lise}").total == 0
        assert modern.as_(the_patient(lise)).get(f"DocumentReference/{id_}").status == 200


def test_after_majority_a_representative_writes_no_consent_and_withdraws_none(
    modern: World,
) -> None:
    lise, doctor = modern.patient(birthDate=born(17)), a_doctor()
    parent = the_representative(lise)
    given = modern.as_(parent).post("Consent", make.a_consent(lise, "permit", doctor))
    assert given.status == 201
    written = f"Consent/{given.json['id']}"
    with modern.later(days=370):
        again = modern.as_(parent).post("Consent", make.a_consent(lise, "permit", doctor))
        assert (again.status, again.issue["code"]) == (403, "forbidden")
        assert modern.as_(parent).delete(written).status == 404
        assert modern.as_(parent).put(given.json | {"status": "inactive"}).status == 404
    assert modern.trusted.get(written).json["status"] == "active"


def test_a_correction_of_the_birth_date_holds_on_the_next_request(modern: World) -> None:
    body = make.a_patient(birthDate=born(17))
    lise = modern.has(body)
    parent = modern.as_(the_representative(lise))
    assert parent.get(f"Patient/{lise}").status == 200
    modern.has(body | {"birthDate": born(30)})
    assert parent.get(f"Patient/{lise}").status == 404


def a_guardian(of: str, **changes: Any) -> Json:
    return {
        "resourceType": "RelatedPerson",
        "id": make.new_id(),
        "patient": make.reference(f"Patient/{of}"),
        "relationship": [
            make.concept("GUARD", "http://terminology.hl7.org/CodeSystem/v3-RoleClass")
        ],
        "period": {"start": born(1)},
    } | changes


def test_a_measure_of_protection_lets_the_representative_of_an_adult_read(modern: World) -> None:
    adult = modern.patient(birthDate=born(40))
    representative = modern.as_(the_representative(adult))
    assert representative.get(f"Patient/{adult}").status == 404
    measure = a_guardian(adult)
    modern.has(measure)
    assert representative.get(f"Patient/{adult}").status == 200
    modern.has(measure | {"active": False})
    assert representative.get(f"Patient/{adult}").status == 404
    modern.has(measure | {"active": True})
    assert representative.get(f"Patient/{adult}").status == 200
    modern.lacks(f"RelatedPerson/{measure['id']}")
    assert representative.get(f"Patient/{adult}").status == 404


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"period": {"start": born(30)}}, id="began before the majority"),
        pytest.param({"period": {"start": born(2), "end": born(1)}}, id="is over"),
        pytest.param({"period": {}}, id="says no beginning"),
        pytest.param({"relationship": [make.concept("FTH")]}, id="is no guardian"),
    ],
)
def test_what_is_no_measure_of_protection_in_force_opens_nothing(
    modern: World, changes: Json
) -> None:
    adult = modern.patient(birthDate=born(40))
    given = {name: value for name, value in (a_guardian(adult) | changes).items() if value}
    modern.has(given)
    assert modern.as_(the_representative(adult)).get(f"Patient/{adult}").status == 404


def test_a_guardian_that_a_professional_writes_represents_nobody(modern: World) -> None:
    adult, hospital = modern.patient(birthDate=born(40)), a_hospital()
    assert modern.as_(hospital).post("RelatedPerson", a_guardian(adult)).status == 201
    assert modern.as_(the_representative(adult)).get(f"Patient/{adult}").status == 404


def test_the_original_rule_set_takes_the_token_s_word_for_who_represents(world: World) -> None:
    adult = world.patient(birthDate=born(40))
    assert world.as_(the_representative(adult)).get(f"Patient/{adult}").status == 200


# the secret connection (R60) ---------------------------------------------------------------------


def test_a_secret_connection_deposits_what_representatives_do_not_see_and_nothing_else(
    world: World,
) -> None:
    lise, doctor = world.patient(birthDate=born(16)), a_doctor()
    secretly = replace(doctor, secret=True)
    before = world.counts()
    refused = deposit(world, secretly, lise)
    assert (refused.status, refused.issue["code"]) == (422, "business-rule")
    assert refused.issue["expression"] == ["DocumentReference.securityLabel"]
    assert world.counts() == before
    stored = deposit(world, secretly, lise, HIDDEN_FROM_PARENTS)
    assert stored.status == 201
    ref = f"DocumentReference/{stored.json['id']}"
    assert world.as_(the_representative(lise)).get(ref).status == 404
    assert world.as_(the_patient(lise)).get(ref).status == 200


def test_a_secret_connection_holds_for_clinical_resources_too(world: World) -> None:
    lise = world.patient(birthDate=born(16))
    secretly = world.as_(replace(a_doctor(), secret=True))
    observation = make.an_observation(lise)
    refused = secretly.post("Observation", observation)
    assert (refused.status, refused.issue["expression"]) == (422, ["Observation.meta.security"])
    labelled = observation | {"meta": {"security": [{"code": HIDDEN_FROM_PARENTS}]}}
    assert secretly.post("Observation", labelled).status == 201


def test_a_secret_connection_is_answered_alike_whatever_the_age_of_the_holder(
    world: World,
) -> None:
    """Or a refusal would tell the age to who does not know the record (contract, 9)."""
    secretly = replace(a_doctor(), secret=True)
    answers = [
        deposit(world, secretly, world.patient(birthDate=born(years))) for years in (6, 16, 60)
    ]
    assert {answer.status for answer in answers} == {422}
    assert len({answer.issue["diagnostics"] for answer in answers}) == 1


def test_a_normal_connection_deposits_with_or_without_the_label(world: World) -> None:
    lise, doctor = world.patient(birthDate=born(16)), a_doctor()
    assert deposit(world, doctor, lise).status == 201
    assert deposit(world, doctor, lise, HIDDEN_FROM_PARENTS).status == 201


# the status of a record (R13) --------------------------------------------------------------------


def told(world: World, who: Requester, patient: Json) -> dict[str, Any]:
    """Return what `$record-status` tells, by name."""
    ins = patient["identifier"][0]["value"]
    reply = world.as_(who).get(f"Patient/$record-status?identifier={make.INS}%7C{ins}")
    assert reply.status == 200, reply.body
    return {
        one["name"]: next(value for name, value in one.items() if name != "name")
        for one in reply.json["parameter"]
    }


def test_a_closed_record_says_when_and_why_it_was_closed(world: World) -> None:
    body = make.a_patient(active=False, extension=[make.a_closing("2025-02-10", "À sa demande")])
    world.has(body)
    assert told(world, a_doctor(), body) == {
        "status": "closed",
        "authorised": False,
        "attendingDoctor": False,
        "closingDate": "2025-02-10",
        "closingReason": {"coding": [{"code": "demande"}], "text": "À sa demande"},
    }


def test_an_open_record_tells_its_attending_doctor_who_they_are_to_it(world: World) -> None:
    doctor = a_doctor()
    body = make.a_patient(doctor, extension=[make.a_closing()])
    world.has(body)
    assert told(world, doctor, body) == {
        "status": "open", "authorised": True, "attendingDoctor": True,
    }  # fmt: skip
    assert told(world, a_doctor(), body) == {
        "status": "open", "authorised": False, "attendingDoctor": False,
    }  # fmt: skip
