"""What Consents say of what is stored, through HTTP: each change counts on the next request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_server.consent.requester import Requester
from fhir_server.records.people import PROFESSIONS, systems
from tests.support import resources as make
from tests.support.people import (
    DOCTOR,
    PHARMACIST,
    a_doctor,
    a_professional,
    the_patient,
    the_representative,
)
from tests.support.replies import entry
from tests.support.world import World
from tests.support.world import world as world

Json = dict[str, Any]


def data(meaning: str, ref: str) -> Json:
    return {"data": [{"meaning": meaning, "reference": make.reference(ref)}]}


def may_read(world: World, who: Requester, ref: str) -> bool:
    return world.as_(who).get(ref).status == 200


# related, dependents ---------------------------------------------------------------------------------


def test_dependents_of_a_stay_are_known_when_they_come_to_refer_to_it(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    stay = world.has(make.an_encounter(anna))
    document = make.a_document(anna)
    world.has(document)
    world.consent(anna, "permit", doctor, provision=data("dependents", f"Encounter/{stay}"))
    assert not may_read(world, doctor, document.ref)
    world.has(document.but(encounter=f"Encounter/{stay}"))
    assert may_read(world, doctor, document.ref)


def test_what_an_instance_refers_to_is_opened_and_shut_as_the_instance_changes(
    world: World,
) -> None:
    doctor, anna = a_doctor(), world.patient()
    one, other = (world.has(make.an_observation(anna)) for _ in range(2))
    stay = make.an_encounter(anna) | {"reasonReference": [make.reference(f"Observation/{one}")]}
    world.has(stay)
    ref = f"Encounter/{stay['id']}"
    world.consent(anna, "permit", doctor, provision=data("related", ref))
    assert may_read(world, doctor, ref)
    assert may_read(world, doctor, f"Observation/{one}")
    assert not may_read(world, doctor, f"Observation/{other}")
    world.has(stay | {"reasonReference": [make.reference(f"Observation/{other}")]})
    assert not may_read(world, doctor, f"Observation/{one}")
    assert may_read(world, doctor, f"Observation/{other}")
    world.lacks(ref)
    assert not may_read(world, doctor, f"Observation/{other}")


def test_a_deny_of_what_is_related_holds_for_an_instance_that_arrives_later(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    seen = world.has(make.an_observation(anna))
    stay = make.an_encounter(anna) | {"reasonReference": [make.reference(f"Observation/{seen}")]}
    denied = data("related", f"Encounter/{stay['id']}")
    world.consent(anna, "deny", doctor, provision=denied)
    assert may_read(world, doctor, f"Observation/{seen}")
    world.has(stay)
    assert not may_read(world, doctor, f"Observation/{seen}")


def test_nobody_opens_a_document_by_referring_to_it(world: World) -> None:
    """L31: the doctor is an author of what is permitted, and adds a reference to what is not."""
    doctor, anna = a_doctor(), world.patient()
    hidden = world.document(anna)
    mine = make.a_document(anna).by(doctor)
    world.has(mine)
    world.consent(anna, "permit", doctor, provision=data("related", mine.ref))
    assert may_read(world, doctor, mine.ref)
    related = {"related": [make.reference(f"DocumentReference/{hidden}")]}
    changed = world.as_(doctor).put(mine.json() | {"context": related})
    assert changed.status == 200, changed.body
    assert not may_read(world, doctor, f"DocumentReference/{hidden}")


def test_a_document_is_permitted_with_its_attachment_as_what_is_related_to_it(
    world: World,
) -> None:
    doctor, anna = a_doctor(), world.patient()
    binary = world.has(make.a_binary())
    document = make.a_document(anna).attached(f"Binary/{binary}")
    world.has(document)
    consent = make.a_consent(anna, "permit", doctor, provision=data("instance", document.ref))
    world.has(consent)
    assert may_read(world, doctor, document.ref)
    assert not may_read(world, doctor, f"Binary/{binary}")
    consent["provision"] |= data("related", document.ref)
    world.has(consent)
    assert may_read(world, doctor, f"Binary/{binary}")


# actors ------------------------------------------------------------------------------------------------


def a_role(finess: str, profession: str) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "id": make.new_id(),
        "organization": {"identifier": {"system": systems()["FINESS"], "value": finess}},
        "code": [make.concept(profession.removeprefix("G15_"), PROFESSIONS)],
    }


def test_a_role_of_nobody_is_a_profession_at_an_establishment(world: World) -> None:
    anna = world.patient()
    document = f"DocumentReference/{world.document(anna)}"
    role = a_role("900000777", DOCTOR)
    world.has(role)
    actor = [
        {
            "role": make.concept("IRCP"),
            "reference": make.reference(f"PractitionerRole/{role['id']}"),
        }
    ]
    world.consent(anna, "permit", provision={"actor": actor})
    assert may_read(world, a_professional(DOCTOR, organization="900000777"), document)
    assert not may_read(world, a_professional(DOCTOR, organization="900000778"), document)
    assert not may_read(world, a_professional(PHARMACIST, organization="900000777"), document)
    world.has(role | {"code": [make.concept("21", PROFESSIONS)]})
    assert not may_read(world, a_professional(DOCTOR, organization="900000777"), document)
    assert may_read(world, a_professional(PHARMACIST, organization="900000777"), document)


def filled_by(doctor: Requester, **rest: Any) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "id": make.new_id(),
        "practitioner": make.person(doctor),
    } | rest


@pytest.mark.parametrize(
    ("rest", "filled"),
    [
        ({}, True),
        ({"active": True, "period": {"start": "2020-01-01"}}, True),
        ({"active": False}, False),
        ({"period": {"end": "2020-01-01"}}, False),
    ],
)
def test_a_role_is_permitted_while_it_is_filled_and_denied_in_any_case(
    world: World, rest: Json, filled: bool
) -> None:
    doctor, anna = a_doctor(), world.patient()
    document = f"DocumentReference/{world.document(anna)}"
    role = filled_by(doctor, **rest)
    world.has(role)
    reference = make.reference(f"PractitionerRole/{role['id']}")
    actor = {"actor": [{"role": make.concept("IRCP"), "reference": reference}]}
    world.consent(anna, "permit", provision=actor)
    assert may_read(world, doctor, document) is filled
    world.has(filled_by(doctor) | {"id": role["id"]})
    assert may_read(world, doctor, document)
    world.consent(anna, "deny", provision=actor)
    world.has(role)
    assert not may_read(world, doctor, document)


def test_the_holder_denies_a_representative_by_name(world: World) -> None:
    """R54: and the holder goes on reading."""
    lise = world.patient()
    secret = f"Observation/{world.has(make.an_observation(lise))}"
    plain = f"DocumentReference/{world.document(lise)}"
    parent = world.has(
        {
            "resourceType": "RelatedPerson",
            "id": make.new_id(),
            "patient": make.reference(f"Patient/{lise}"),
        }
    )
    actor = [{"role": make.concept("IRCP"), "reference": make.reference(f"RelatedPerson/{parent}")}]
    kind = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
    body = make.a_consent(lise, "deny", provision={"actor": actor, "class": kind})
    assert may_read(world, the_representative(lise), secret)
    assert world.as_(the_patient(lise)).post("Consent", body).status == 201
    assert not may_read(world, the_representative(lise), secret)
    assert may_read(world, the_representative(lise), plain)
    assert may_read(world, the_patient(lise), secret)


def test_a_representative_lifts_nothing_that_the_holder_denies_them(world: World) -> None:
    lise = world.patient()
    parent = world.has(
        {
            "resourceType": "RelatedPerson",
            "id": make.new_id(),
            "patient": make.reference(f"Patient/{lise}"),
        }
    )
    actor = [{"role": make.concept("IRCP"), "reference": make.reference(f"RelatedPerson/{parent}")}]
    kind = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
    body = make.a_consent(lise, "deny", provision={"actor": actor, "class": kind})
    made = world.as_(the_patient(lise)).post("Consent", body)
    caller = world.as_(the_representative(lise))
    refused = caller.put(made.json | {"status": "inactive"})
    assert (refused.status, refused.issue["expression"]) == (403, ["Consent.provision.actor"])
    assert caller.delete(f"Consent/{made.id}").status == 403
    assert world.as_(the_patient(lise)).put(made.json | {"status": "inactive"}).status == 200


# codes, profiles -----------------------------------------------------------------------------------------


def test_a_code_and_a_profile_of_what_is_stored_are_those_of_a_provision(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    profile = "http://example.org/StructureDefinition/glycemie"
    coded = world.has(make.an_observation(anna))
    claimed = world.has(
        make.an_observation(anna, code=make.concept("2339-0"))
        | {"meta": {"profile": [f"{profile}|1.2"]}}
    )
    plain = world.has(make.an_observation(anna, code=make.concept("2160-0")))
    world.consent(anna, "deny", doctor, provision={"code": [make.concept("718-7")]})
    world.consent(
        anna,
        "deny",
        doctor,
        provision={"class": [{"system": "urn:ietf:rfc:3986", "code": profile}]},
    )
    shown = [may_read(world, doctor, f"Observation/{id_}") for id_ in (coded, claimed, plain)]
    assert shown == [False, False, True]


# what is told --------------------------------------------------------------------------------------------


def doubtful(anna: str) -> Json:
    wanted = [{"system": "urn:ietf:bcp:13", "code": "application/pdf"}]
    return make.a_consent(anna, "permit", a_doctor(), provision={"class": wanted})


PLACE = ["Consent.provision.class[0]"]


def warnings(outcome: Json) -> list[tuple[str, list[str]]]:
    return [
        (issue["code"], issue["expression"])
        for issue in outcome["issue"]
        if issue["severity"] == "warning" and "dom-6" not in issue["diagnostics"]
    ]


def test_a_write_tells_what_of_a_consent_is_not_understood(world: World) -> None:
    anna = world.patient()
    holder = world.as_(the_patient(anna))
    said = holder.post("Consent", doubtful(anna), Prefer="return=OperationOutcome")
    assert said.status == 201
    assert warnings(said.json) == [("not-supported", PLACE)]
    plain = make.a_consent(anna, "permit", a_doctor())
    told = holder.post("Consent", plain, Prefer="return=OperationOutcome")
    assert [issue["severity"] for issue in told.json["issue"]] == ["information"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_tells_it_at_its_entry(world: World, kind: str) -> None:
    anna = world.patient()
    body = {name: value for name, value in doubtful(anna).items() if name != "id"}
    bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry("POST", "Consent", body)]}
    reply = world.as_(the_patient(anna)).post("", bundle, Prefer="return=OperationOutcome")
    outcome = reply.entries[0]["response"]["outcome"]
    assert warnings(outcome) == [("not-supported", PLACE)]


def test_validating_tells_it_without_storing(world: World) -> None:
    anna = world.patient()
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "mode", "valueCode": "create"},
            {"name": "resource", "resource": doubtful(anna)},
        ],
    }
    reply = world.as_(the_patient(anna)).post("Consent/$validate", body)
    assert (reply.status, warnings(reply.json)) == (200, [("not-supported", PLACE)])
    assert world.trusted.get(f"Consent?patient={anna}").total == 0


def test_an_update_tells_it_too(world: World) -> None:
    anna = world.patient()
    holder = world.as_(the_patient(anna))
    made = holder.post("Consent", make.a_consent(anna, "permit", a_doctor()))
    body = doubtful(anna) | {"id": made.id}
    said = holder.put(body, Prefer="return=OperationOutcome")
    assert (said.status, warnings(said.json)) == (200, [("not-supported", PLACE)])


def test_a_patient_with_a_number_that_no_double_holds_has_a_policy_all_the_same(
    world: World,
) -> None:
    """Policies are read by a quicker parser than resources are, which knows no such number."""
    doctor = a_doctor()
    anna = make.a_patient(doctor)
    body = json.dumps(anna)[:-1] + ',"extension":[{"url":"urn:x","valueDecimal":1e309}]}'
    sent = world.trusted.send("PUT", f"Patient/{anna['id']}", body.encode())
    assert sent.status == 201, sent.body
    assert world.as_(doctor).get(f"Patient/{anna['id']}").status == 200
