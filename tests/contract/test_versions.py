"""Versions, preconditions, conditional writes: contract, Faults and limits 2, and R4 http.html."""

from __future__ import annotations

import pytest

from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient
from tests.support.replies import FHIR_JSON, JSON_PATCH, entry
from tests.support.world import World


def test_versions_run_without_gaps_and_stand_in_the_etag(world: World) -> None:
    body = make.a_patient()
    tags = [world.trusted.put(body).headers["etag"] for _ in range(3)]
    assert tags == ['W/"1"', 'W/"2"', 'W/"3"']
    assert world.trusted.get(f"Patient/{body['id']}").json["meta"]["versionId"] == "3"


def test_a_deletion_takes_one_number(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    assert world.trusted.delete(f"Patient/{body['id']}").headers["etag"] == 'W/"2"'
    again = world.trusted.put(body)
    assert (again.status, again.headers["etag"]) == (201, 'W/"3"')


def test_a_refused_write_takes_no_number(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    assert world.trusted.put(body | {"gender": "tree"}).status == 422
    assert world.trusted.put(body | {"nothing": 1}).status == 422
    assert world.trusted.put(body, If_Match='W/"9"').status == 412
    assert world.trusted.put(body).headers["etag"] == 'W/"2"'


def test_what_follows_elsewhere_from_a_write_takes_no_number(world: World) -> None:
    anna = world.patient()
    document = make.a_document(anna)
    world.has(document)
    pointer = world.has(make.a_list(anna, document.ref))
    world.has(document.masked())
    assert world.trusted.get(f"List/{pointer}").headers["etag"] == 'W/"1"'


def test_every_version_can_be_read_and_the_history_lists_them(world: World) -> None:
    body = make.a_patient()
    for family in ("A", "B"):
        world.has(body | {"name": [{"family": family}]})
    world.lacks(f"Patient/{body['id']}")
    for number, family in (("1", "A"), ("2", "B")):
        read = world.trusted.get(f"Patient/{body['id']}/_history/{number}")
        assert read.json["name"] == [{"family": family}]
        assert read.headers["etag"] == f'W/"{number}"'
    assert world.trusted.get(f"Patient/{body['id']}/_history/3").status == 410
    history = world.trusted.get(f"Patient/{body['id']}/_history")
    assert history.total == 3
    assert [one["request"]["method"] for one in history.entries] == ["DELETE", "PUT", "PUT"]


def test_an_old_if_match_is_a_failed_precondition(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    assert world.trusted.put(body, If_Match='W/"1"').status == 200
    stale = world.trusted.put(body | {"gender": "female"}, If_Match='W/"1"')
    assert (stale.status, stale.issue["code"]) == (412, "conflict")
    assert "gender" not in world.trusted.get(f"Patient/{body['id']}").json


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_holds_for_every_verb(world: World, method: str) -> None:
    anna = world.patient()
    operation = [{"op": "replace", "path": "/active", "value": False}]
    body, type_ = (operation, JSON_PATCH) if method == "PATCH" else (None, FHIR_JSON)
    refused = world.trusted.send(method, f"Patient/{anna}", body, type_, If_Match='W/"2"')
    assert refused.status == 412
    passed = world.trusted.send(method, f"Patient/{anna}", body, type_, If_Match='W/"1"')
    assert passed.status in (200, 204)


def test_a_conditional_create_makes_one(world: World) -> None:
    body = make.a_patient()
    query = f"identifier={make.INS}|{body['identifier'][0]['value']}"
    first = world.trusted.post("Patient", body, If_None_Exist=query)
    second = world.trusted.post("Patient", body, If_None_Exist=query)
    assert (first.status, second.status) == (201, 200)
    assert first.id == second.id
    assert world.trusted.get(f"Patient?{query}").total == 1


def test_a_conditional_create_that_meets_several_is_refused(world: World) -> None:
    body = make.a_patient()
    for _ in range(2):
        world.has(body | {"id": make.new_id()})
    query = f"identifier={make.INS}|{body['identifier'][0]['value']}"
    refused = world.trusted.post("Patient", body, If_None_Exist=query)
    assert (refused.status, refused.issue["code"]) == (412, "multiple-matches")


def test_a_conditional_create_inside_a_transaction_resolves_references(world: World) -> None:
    body = make.a_patient()
    anna = world.has(body)
    query = f"identifier={make.INS}|{body['identifier'][0]['value']}"
    urn = "urn:uuid:7d9b6cf0-58f5-4f7c-a0c4-4c8c29f4d8a1"
    observation = make.an_observation("x", subject={"reference": urn})
    done = world.trusted.transact(
        entry("POST", "Patient", body, fullUrl=urn, ifNoneExist=query),
        entry("POST", "Observation", observation),
    )
    assert done.status == 200, done.body
    assert done.entries[0]["response"]["status"].startswith("200")
    assert world.trusted.get(f"Observation?patient={anna}").total == 1


# Masks


def test_a_patient_masks_and_unmasks_by_conditional_patch(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    document = make.a_document(anna)
    world.has(document)
    holder, reader = world.as_(the_patient(anna)), world.as_(doctor)
    by_identifier = f"DocumentReference?identifier=urn:ietf:rfc:3986|urn:oid:2.25.{document.number}"
    masking = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
    masked = holder.patch(by_identifier, masking)
    assert (masked.status, masked.headers["etag"]) == (200, 'W/"2"')
    assert reader.get(document.ref).status == 404
    unmasked = holder.patch(by_identifier, {"op": "remove", "path": "/securityLabel/1"})
    assert (unmasked.status, unmasked.headers["etag"]) == (200, 'W/"3"')
    assert reader.get(document.ref).status == 200


def test_a_failed_test_operation_changes_nothing(world: World) -> None:
    anna = world.patient()
    refused = world.trusted.patch(
        f"Patient/{anna}",
        {"op": "replace", "path": "/active", "value": False},
        {"op": "test", "path": "/birthDate", "value": "1900-01-01"},
    )
    assert refused.status == 422
    assert world.trusted.get(f"Patient/{anna}").json["active"] is True


def test_a_patch_keeps_the_text_of_numbers(world: World) -> None:
    anna = world.patient()
    raw = make.an_observation(anna)
    text = make.dumps_with(raw, b'"value": 13.5', b'"value": 13.500')
    assert world.trusted.send("PUT", f"Observation/{raw['id']}", text).status == 201
    world.trusted.patch(f"Observation/{raw['id']}", {"op": "remove", "path": "/category"})
    assert b"13.500" in world.trusted.get(f"Observation/{raw['id']}").body


def test_the_software_that_deposited_changes_its_own_document(world: World) -> None:
    hospital, anna = a_hospital(), world.patient()
    document = make.a_document(anna)
    made = world.as_(hospital).post("DocumentReference", document.json())
    changed = world.as_(hospital).put(document.but(id=made.id, description="Relu").json())
    assert (changed.status, changed.headers["etag"]) == (200, 'W/"2"')
    assert changed.json["resourceType"] == "OperationOutcome"
