"""Who may write what: R22, R26, R43 to R45, R52, R83; contract, Consent conventions 7 to 9."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Requester
from tests.support import resources as make
from tests.support.people import (
    EXCLUDED,
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    someone,
    the_patient,
    the_representative,
)
from tests.support.replies import Json, differ, told_apart
from tests.support.world import World

MASK = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
UNMASK = {"op": "remove", "path": "/securityLabel/1"}


# Labels


def test_a_stranger_can_t_unmask_what_they_don_t_know(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    id_ = world.document(anna, "MASQUE_PS")
    assert world.as_(doctor).patch(f"DocumentReference/{id_}", UNMASK).status == 404


@pytest.mark.parametrize("who", ["holder", "representative", "author", "attending"])
def test_holder_author_and_attending_doctor_unmask(world: World, who: str) -> None:
    author, attending = a_doctor(), a_doctor()
    anna = world.patient(attending)
    world.team(anna, author)
    id_ = world.has(make.a_document(anna).masked().by(author))
    callers = {
        "holder": the_patient(anna),
        "representative": the_representative(anna),
        "author": author,
        "attending": attending,
    }
    done = world.as_(callers[who]).patch(f"DocumentReference/{id_}", UNMASK)
    assert done.status == 200, done.body


def test_the_holder_lifts_no_announcement(world: World) -> None:
    anna = world.patient()
    id_ = world.document(anna, "INVISIBLE_PATIENT", date="2020-01-01T00:00:00Z")
    refused = world.as_(the_patient(anna)).patch(f"DocumentReference/{id_}", UNMASK)
    assert refused.status == 403


def test_the_holder_declares_no_announcement(world: World) -> None:
    anna = world.patient()
    id_ = world.document(anna)
    add = MASK | {"value": make.label("INVISIBLE_PATIENT")}
    assert world.as_(the_patient(anna)).patch(f"DocumentReference/{id_}", add).status == 403


def test_a_representative_lifts_no_screen_from_representatives(world: World) -> None:
    lise = world.patient()
    id_ = world.document(lise, "INVISIBLE_REPRESENTANTS_LEGAUX")
    parent = world.as_(the_representative(lise))
    assert parent.patch(f"DocumentReference/{id_}", UNMASK).status == 404
    minor = world.as_(the_patient(lise))
    assert minor.patch(f"DocumentReference/{id_}", UNMASK).status == 200


def test_only_the_author_changes_the_confidentiality(world: World) -> None:
    anna = world.patient()
    id_ = world.document(anna)
    change = {"op": "replace", "path": "/securityLabel/0", "value": make.label("R")}
    assert world.as_(the_patient(anna)).patch(f"DocumentReference/{id_}", change).status == 403


def test_meta_security_is_no_way_round_the_rights_on_labels(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    body = make.a_document(anna).json() | {"meta": {"security": [{"code": "V"}]}}
    world.has(body)
    lift = {"op": "remove", "path": "/meta/security"}
    assert world.as_(doctor).patch(f"DocumentReference/{body['id']}", lift).status == 403


def test_masked_and_awaiting_at_once_is_refused(world: World) -> None:
    hospital, anna = a_hospital(), world.patient()
    body = make.a_document(anna).labelled("MASQUE_PS", "INVISIBLE_PATIENT").json()
    refused = world.as_(hospital).post("DocumentReference", body)
    assert (refused.status, refused.issue["code"]) == (422, "business-rule")
    assert refused.issue["expression"] == ["DocumentReference.securityLabel"]


# Content


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/description", "value": "autre"},
        {"op": "replace", "path": "/content/0/attachment/data", "value": "QQ=="},
        {"op": "replace", "path": "/status", "value": "entered-in-error"},
        {"op": "replace", "path": "/type/coding/0/code", "value": "57833-6"},
        {"op": "add", "path": "/author", "value": [{"display": "moi"}]},
    ],
)
def test_others_change_nothing_but_labels(world: World, operation: Json) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    id_ = world.document(anna)
    for who in (doctor, the_patient(anna)):
        refused = world.as_(who).patch(f"DocumentReference/{id_}", operation)
        assert refused.status in (403, 405)
        assert world.as_(who).delete(f"DocumentReference/{id_}").status == 403
    assert world.trusted.get(f"DocumentReference/{id_}").headers["etag"] == 'W/"1"'


def test_nobody_becomes_an_author_by_writing_so(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    document = make.a_document(anna)
    world.has(document)
    assert world.as_(doctor).put(document.by(doctor).json()).status in (403, 405)


def test_a_document_moves_to_no_other_record(world: World) -> None:
    hospital = world.as_(a_hospital())
    anna, bruno = world.patient(), world.patient()
    made = hospital.post("DocumentReference", make.a_document(anna).json())
    moved = make.a_document(bruno).but(id=made.id).json()
    assert hospital.put(moved).status == 403
    assert world.trusted.get(f"DocumentReference?patient={bruno}").total == 0


def test_who_feeds_must_name_the_record(world: World) -> None:
    body = make.a_document("x").json()
    del body["subject"]
    refused = world.as_(a_hospital()).post("DocumentReference", body)
    assert (refused.status, refused.issue["expression"]) == (422, ["DocumentReference.subject"])


@pytest.mark.parametrize(
    "who",
    [*(someone(kind) for kind in EXCLUDED), an_auditor(), an_administrator()],
    ids=lambda who: who.kind,
)
@pytest.mark.parametrize("type_", ["DocumentReference", "Patient", "Consent"])
def test_who_does_not_feed_creates_nothing(world: World, who: Requester, type_: str) -> None:
    anna = world.patient()
    bodies = {
        "DocumentReference": make.a_document(anna).json(),
        "Patient": make.a_patient(),
        "Consent": make.a_consent(anna, "permit", a_doctor()),
    }
    assert world.as_(who).post(type_, bodies[type_]).status == 403


def test_a_patient_writes_in_no_other_record(world: World) -> None:
    anna, bruno = world.patient(), world.patient()
    holder = world.as_(the_patient(anna))
    for type_, body in (
        ("DocumentReference", make.a_document(bruno).json()),
        ("Consent", make.a_consent(bruno, "permit", a_doctor())),
        ("CareTeam", make.a_care_team(bruno, a_doctor())),
    ):
        assert holder.post(type_, body).status == 403, type_


# Consents and teams


@pytest.mark.parametrize("type_", ["Consent", "CareTeam"])
def test_nobody_lets_themselves_in(world: World, type_: str) -> None:
    stranger, anna = a_doctor(), world.patient()
    body = (
        make.a_consent(anna, "permit", stranger)
        if type_ == "Consent"
        else make.a_care_team(anna, stranger)
    )
    world.document(anna)
    caller = world.as_(stranger)
    assert caller.post(type_, body).status == 403
    assert caller.put(body).status == 404
    assert caller.get(f"DocumentReference?patient={anna}").total == 0


def test_the_holder_lets_in_and_out_on_the_next_request(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.document(anna)
    holder, reader = world.as_(the_patient(anna)), world.as_(doctor)
    question = f"DocumentReference?patient={anna}"
    let_in = holder.post("Consent", make.a_consent(anna, "permit", doctor))
    assert let_in.status == 201
    assert reader.get(question).total == 1
    assert holder.post("Consent", make.a_consent(anna, "deny", doctor)).status == 201
    assert reader.get(question).total == 0


def test_a_consent_of_one_record_moves_to_no_other(world: World) -> None:
    anna, bruno, doctor = world.patient(), world.patient(), a_doctor()
    world.document(bruno)
    holder = world.as_(the_patient(anna))
    made = holder.post("Consent", make.a_consent(anna, "permit", doctor))
    moved = make.a_consent(bruno, "permit", doctor) | {"id": made.id}
    assert holder.put(moved).status == 403
    assert world.as_(doctor).get(f"DocumentReference?patient={bruno}").total == 0


def test_a_patient_names_no_attending_doctor_of_another(world: World) -> None:
    anna, bruno = world.patient(), world.patient()
    body = world.trusted.get(f"Patient/{bruno}").json
    holder = world.as_(the_patient(anna))
    assert holder.put(body | {"generalPractitioner": [make.person(a_doctor())]}).status == 404


# Ids


@pytest.mark.parametrize(
    "type_", ["DocumentReference", "Patient", "Consent", "Binary", "Observation"]
)
def test_a_put_to_a_hidden_an_absent_and_another_s_id_is_refused_alike(
    world: World, type_: str
) -> None:
    doctor, anna, bruno = a_doctor(), world.patient(), world.patient()
    world.team(bruno, doctor)
    bodies = {
        "DocumentReference": make.a_document(bruno).by(doctor).json(),
        "Patient": make.a_patient(),
        "Consent": make.a_consent(bruno, "permit", doctor),
        "Binary": make.a_binary(),
        "Observation": make.an_observation(bruno),
    }
    hidden = {
        "DocumentReference": make.a_document(anna).json(),
        "Patient": make.a_patient(),
        "Consent": make.a_consent(anna, "permit", a_doctor()),
        "Binary": make.a_binary(),
        "Observation": make.an_observation(anna),
    }
    taken, absent = world.has(hidden[type_]), make.new_id()
    caller = world.as_(doctor)
    replies = [caller.put(bodies[type_] | {"id": id_}) for id_ in (taken, absent)]
    assert replies[0].status == 404
    assert differ(replies, taken, absent) == ""
    for id_, reply in zip((taken, absent), replies, strict=True):
        conditional = caller.put(bodies[type_] | {"id": id_}, If_Match='W/"1"')
        assert told_apart(reply, conditional) == ""


def test_the_trusted_system_chooses_ids_and_deletes(world: World) -> None:
    body = make.a_patient()
    assert world.trusted.put(body).status == 201
    assert world.trusted.put(body).status == 200
    assert world.trusted.delete(f"Patient/{body['id']}").status == 204
    assert world.trusted.get(f"Patient/{body['id']}").status == 410


@pytest.mark.parametrize("exists", [True, False])
def test_a_reference_to_what_is_hidden_is_accepted_like_any(world: World, exists: bool) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    target = make.a_document(anna).masked()
    if exists:
        world.has(target)
    body = make.a_document(anna).replacing(target.ref).json()
    made = world.as_(doctor).post("DocumentReference", body)
    assert made.status == 201
    assert made.json["relatesTo"][0]["target"]["reference"] == target.ref


def test_the_administrator_keeps_the_directory(world: World) -> None:
    body = {"resourceType": "Organization", "name": "Clinique"}
    made = world.as_(an_administrator()).post("Organization", body)
    assert made.status == 201
    assert world.as_(a_doctor()).get(f"Organization/{made.id}").status == 200
    assert world.as_(a_doctor()).post("Organization", body).status == 403
