"""Who gets in: contract, Consent conventions 1 to 5."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Kind, Requester
from fhir_server.demo.codes import HL7
from tests.support import resources as make
from tests.support.people import (
    EXCLUDED,
    a_doctor,
    a_hospital,
    a_pharmacist,
    a_podiatrist,
    a_professional,
    an_administrator,
    breaking_the_glass,
    regulating,
    someone,
    the_patient,
    the_representative,
)
from tests.support.world import World


def sees(world: World, who: Requester, patient: str) -> int:
    """Return how many documents of a record `who` counts; four questions must agree."""
    caller = world.as_(who)
    documents = caller.get(f"DocumentReference?patient={patient}&_sort=date")
    counted = caller.get(f"DocumentReference?patient={patient}&_summary=count")
    walked = caller.walk(f"DocumentReference?subject=Patient/{patient}&_count=1")
    assert documents.status == 200, documents.body
    assert documents.total == counted.total == len(documents.ids)
    assert sorted(i for page in walked for i in page.ids) == sorted(documents.ids)
    return documents.total


def a_practitioner(who: Requester) -> make.Json:
    return {
        "resourceType": "Practitioner",
        "id": make.new_id(),
        "identifier": [make.person(who)["identifier"]],
    }


# 1. Links


def test_the_attending_doctor_of_the_patient_sees_what_is_masked(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient(doctor)
    world.document(anna, "MASQUE_PS")
    assert sees(world, doctor, anna) == 1


def test_a_participant_with_role_pcp_is_an_attending_doctor(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna, "MASQUE_PS")
    role = [make.concept("PCP", f"{HL7}/v3-ParticipationFunction")]
    world.team(anna, participant=[{"role": role, "member": make.person(doctor)}])
    assert sees(world, doctor, anna) == 1


def test_a_member_by_practitioner_reference_is_the_caller_of_its_rpps(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    practitioner = world.has(a_practitioner(doctor))
    member = {"reference": f"Practitioner/{practitioner}"}
    world.team(anna, participant=[{"member": member}])
    assert sees(world, doctor, anna) == 1


def test_a_member_by_role_is_its_practitioner(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    practitioner = world.has(a_practitioner(doctor))
    role = world.has(
        {
            "resourceType": "PractitionerRole",
            "id": make.new_id(),
            "practitioner": {"reference": f"Practitioner/{practitioner}"},
        }
    )
    world.team(anna, participant=[{"member": {"reference": f"PractitionerRole/{role}"}}])
    assert sees(world, doctor, anna) == 1


def test_a_member_organization_is_the_callers_finess(world: World) -> None:
    hospital, anna = a_hospital(), world.patient()
    world.document(anna)
    doctor = a_doctor(organization=hospital.organization)
    assert sees(world, doctor, anna) == 0
    world.team(anna, hospital)
    assert sees(world, doctor, anna) == 1


def test_a_practitioner_who_gets_an_rpps_later_gets_in_then(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    known = a_practitioner(doctor)
    world.has({"resourceType": "Practitioner", "id": known["id"]})
    world.team(anna, participant=[{"member": {"reference": f"Practitioner/{known['id']}"}}])
    assert sees(world, doctor, anna) == 0
    world.has(known)
    assert sees(world, doctor, anna) == 1


@pytest.mark.parametrize("status", ["proposed", "suspended", "inactive", "entered-in-error"])
def test_a_team_that_is_not_active_links_nobody(world: World, status: str) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.team(anna, doctor, status=status)
    assert sees(world, doctor, anna) == 0


def test_a_team_whose_period_is_over_links_nobody(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.team(anna, doctor, period={"start": "2020-01-01", "end": "2021-01-01"})
    assert sees(world, doctor, anna) == 0


def test_a_consent_that_permits_the_caller_is_an_authorisation(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.consent(anna, "permit", doctor)
    assert sees(world, doctor, anna) == 1


def test_a_consent_that_permits_everybody_by_no_name_is_none(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.consent(anna, "permit")
    assert sees(world, doctor, anna) == 0


# 2. Blocks and oppositions


def test_a_block_is_stronger_than_team_and_authorisation(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.team(anna, doctor)
    world.consent(anna, "permit", doctor)
    world.consent(anna, "deny", doctor)
    assert sees(world, doctor, anna) == 0
    assert world.as_(doctor).get(f"Patient/{anna}").status == 404


@pytest.mark.parametrize(("purpose", "opens"), [("BTG", 0), ("ETREAT", 1)])
def test_an_opposition_to_break_glass_closes_that_way_alone(
    world: World, purpose: str, opens: int
) -> None:
    anna = world.patient()
    world.document(anna)
    world.consent(anna, "deny", purposes=(purpose,))
    assert sees(world, breaking_the_glass(of=anna), anna) == opens
    assert sees(world, regulating(of=anna), anna) == 1 - opens


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "draft"},
        {"status": "proposed"},
        {"status": "rejected"},
        {"status": "inactive"},
        {"status": "entered-in-error"},
        {"dateTime": "2020-01-01"},
        {"dateTime": "2999-01-01"},
        {"provision": {"period": {"end": "2021-01-01"}}},
        {"provision": {"period": {"start": "2999-01-01"}}},
        {"verification": [{"verified": False}]},
        {"scope": {"coding": [{"code": "research"}]}},
    ],
)
def test_a_consent_that_is_not_in_force_grants_nothing(world: World, changes: make.Json) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    world.consent(anna, "permit", doctor, **changes)
    assert sees(world, doctor, anna) == 0


def test_a_nested_deny_takes_away_from_its_permit(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    kept = world.document(anna)
    world.document(anna, type=make.HOSPITAL)
    nested = {"type": "deny", "code": [make.concept(make.HOSPITAL)]}
    world.consent(anna, "permit", doctor, provision={"provision": [nested]})
    assert world.as_(doctor).get(f"DocumentReference?patient={anna}").ids == [kept]


# 3. Closed record


def test_a_closed_record_is_closed_to_professionals_and_open_to_its_holder(world: World) -> None:
    attending, member = a_doctor(), a_doctor()
    anna = world.patient(attending, active=False)
    world.team(anna, member)
    world.document(anna)
    for who in (attending, member, breaking_the_glass(of=anna), regulating(of=anna)):
        assert sees(world, who, anna) == 0
        assert world.as_(who).get(f"Patient/{anna}").status == 404
    assert sees(world, the_patient(anna), anna) == 1


def test_a_record_closes_on_the_next_request(world: World) -> None:
    doctor = a_doctor()
    body = make.a_patient(doctor)
    anna = world.has(body)
    world.document(anna)
    assert sees(world, doctor, anna) == 1
    world.has(body | {"active": False})
    assert sees(world, doctor, anna) == 0


# 4. Without a link


@pytest.mark.parametrize("type_", ["Patient", "Consent", "CareTeam", "Observation", "List"])
def test_without_a_link_everything_of_the_record_is_unknown(world: World, type_: str) -> None:
    anna = world.patient()
    world.team(anna, a_doctor())
    world.consent(anna, "permit", a_doctor())
    observation = world.has(make.an_observation(anna))
    world.has(make.a_list(anna, f"Observation/{observation}"))
    stranger = world.as_(a_doctor())
    query = f"_id={anna}" if type_ == "Patient" else f"patient={anna}"
    assert world.trusted.get(f"{type_}?{query}").total == 1
    assert stranger.get(f"{type_}?{query}").total == 0


def test_an_ins_tells_the_status_of_its_record_and_nothing_else(world: World) -> None:
    body = make.a_patient(name=[{"family": "SECRET"}])
    anna, ins = world.has(body), body["identifier"][0]["value"]
    stranger = world.as_(a_doctor())
    assert stranger.get(f"Patient?identifier={make.INS}|{ins}").total == 0
    told = stranger.get(f"Patient/$record-status?identifier={make.INS}|{ins}")
    assert told.status == 200
    assert b"open" in told.body
    assert anna.encode() not in told.body
    assert b"SECRET" not in told.body


@pytest.mark.parametrize("kind", EXCLUDED)
def test_an_excluded_kind_sees_nothing_whoever_lets_it_in(world: World, kind: Kind) -> None:
    who = someone(kind, rpps=a_doctor().rpps, profession="G15_10")
    anna = world.patient(who)
    world.document(anna)
    world.team(anna, who)
    world.consent(anna, "permit", who)
    assert sees(world, who, anna) == 0
    assert world.as_(who).get(f"Patient/{anna}").status == 404


def test_an_administrator_reads_no_record(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    assert sees(world, an_administrator(), anna) == 0


# The matrix


def test_professions_see_the_types_of_their_column(world: World) -> None:
    doctor, pharmacist, podiatrist = a_doctor(), a_pharmacist(), a_podiatrist()
    anna = world.patient()
    world.team(anna, doctor, pharmacist, podiatrist)
    for code in (make.BIOLOGY, make.HOSPITAL, make.PRESCRIPTION, "REMB"):
        world.document(anna, type=code)
    counts = [sees(world, who, anna) for who in (doctor, pharmacist, podiatrist)]
    assert counts == [4, 2, 2]


# 5. Labels


def test_an_observation_of_the_laboratory_is_judged_as_a_biology_report(world: World) -> None:
    optician = a_professional("G15_28")
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, optician, doctor)
    result = world.has(make.an_observation(anna))
    assert world.as_(doctor).get(f"Observation/{result}").status == 200
    assert world.as_(optician).get(f"Observation/{result}").status == 404


def test_a_label_in_meta_masks_any_type(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    masked = world.has(make.an_observation(anna, "MASQUE_PS"))
    assert world.as_(doctor).get(f"Observation/{masked}").status == 404
    assert world.as_(doctor).get(f"Observation?patient={anna}").total == 0


def test_a_label_in_meta_masks_a_document_too(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    document = make.a_document(anna)
    world.has(document.json() | {"meta": {"security": [{"code": "MASQUE_PS"}]}})
    assert sees(world, doctor, anna) == 0


def test_an_announcement_hides_for_a_month_after_the_deposit(world: World) -> None:
    anna, hospital = world.patient(), a_hospital()
    document = make.a_document(anna).labelled("INVISIBLE_PATIENT").json()
    assert world.as_(hospital).post("DocumentReference", document).status == 201
    assert sees(world, the_patient(anna), anna) == 0
    with world.later(days=29.9):
        assert sees(world, the_patient(anna), anna) == 0
    with world.later(days=30.1):
        assert sees(world, the_patient(anna), anna) == 1


def test_an_imported_document_was_deposited_at_its_date(world: World) -> None:
    anna = world.patient()
    world.document(anna, "INVISIBLE_PATIENT", date="2024-01-01T00:00:00Z")
    assert sees(world, the_patient(anna), anna) == 1


def test_an_imported_measurement_waits_for_its_announcement_whatever_its_day(world: World) -> None:
    """Regression: its `effectiveDateTime` was taken for the day of its deposit (R49)."""
    anna = world.patient()
    world.has(make.an_observation(anna, "INVISIBLE_PATIENT", effectiveDateTime="2020-01-01"))
    holder = world.as_(the_patient(anna))
    assert holder.get(f"Observation?patient={anna}").json["total"] == 0
    with world.later(days=30.1):
        holder = world.as_(the_patient(anna))
        assert holder.get(f"Observation?patient={anna}").json["total"] == 1


def test_a_change_does_not_begin_the_month_anew(world: World) -> None:
    anna, hospital = world.patient(), a_hospital()
    document = make.a_document(anna).labelled("INVISIBLE_PATIENT")
    made = world.as_(hospital).post("DocumentReference", document.json())
    with world.later(days=20):
        again = document.but(id=made.id, description="Relu").json()
        assert world.as_(hospital).put(again).status == 200
    with world.later(days=30.1):
        assert sees(world, the_patient(anna), anna) == 1


def test_representatives_do_not_see_what_the_minor_keeps_from_them(world: World) -> None:
    lise = world.patient()
    world.document(lise, "INVISIBLE_REPRESENTANTS_LEGAUX")
    assert sees(world, the_patient(lise), lise) == 1
    assert sees(world, the_representative(lise), lise) == 0


# 8. Writers that don't read


@pytest.mark.parametrize(
    "kind", [Kind.ESTABLISHMENT_SOFTWARE, Kind.HEALTH_INSURANCE_FEED, Kind.REFERENCED_SERVICE]
)
def test_a_writer_reads_nothing_without_a_grant(world: World, kind: Kind) -> None:
    writer = a_hospital()
    writer = Requester(kind, organization=writer.organization)
    anna = world.patient()
    made = world.as_(writer).post("DocumentReference", make.a_document(anna).json())
    assert made.status == 201
    assert sees(world, writer, anna) == 0
    assert world.as_(writer).get(f"DocumentReference/{made.id}").status == 404
