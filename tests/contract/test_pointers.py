"""What points, and chains of versions: contract, Consent conventions 6 and 7."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient
from tests.support.replies import Caller, entry
from tests.support.world import World


class Record(NamedTuple):
    """A record with a team doctor, a document that they see and one that they don't."""

    id: str
    doctor: Caller
    shown: str
    hidden: str


@pytest.fixture
def record(world: World) -> Record:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    shown, hidden = (world.document(anna), world.document(anna, "MASQUE_PS"))
    refs = (f"DocumentReference/{id_}" for id_ in (shown, hidden))
    return Record(anna, world.as_(doctor), *refs)


# Lists and the like


def test_a_list_shows_only_the_entries_that_may_be_known(world: World, record: Record) -> None:
    body = make.a_list(record.id, record.shown, record.hidden)
    world.has(body)
    told = record.doctor.get(f"List/{body['id']}")
    assert [item["item"]["reference"] for item in told.json["entry"]] == [record.shown]
    assert len(world.as_(the_patient(record.id)).get(f"List/{body['id']}").json["entry"]) == 2


def test_a_list_is_pruned_in_searches_history_and_versions_too(
    world: World, record: Record
) -> None:
    body = make.a_list(record.id, record.shown, record.hidden)
    world.has(body)
    for path in (
        f"List?patient={record.id}",
        f"List/{body['id']}/_history",
        f"List/{body['id']}/_history/1",
        f"List?item={record.shown}",
    ):
        reply = record.doctor.get(path)
        assert reply.status == 200
        assert record.shown.encode() in reply.body
        assert record.hidden.encode() not in reply.body


@pytest.mark.parametrize(
    "pointer",
    [
        make.a_list,
        make.a_provenance,
        lambda of, ref: {
            "resourceType": "Task",
            "id": make.new_id(),
            "status": "requested",
            "intent": "order",
            "for": make.reference(f"Patient/{of}"),
            "focus": make.reference(ref),
        },
        lambda of, ref: {
            "resourceType": "Communication",
            "id": make.new_id(),
            "status": "completed",
            "subject": make.reference(f"Patient/{of}"),
            "about": [make.reference(ref)],
        },
        lambda of, ref: {
            "resourceType": "Composition",
            "id": make.new_id(),
            "status": "final",
            "type": make.concept("60591-5"),
            "subject": make.reference(f"Patient/{of}"),
            "date": "2024-01-01",
            "author": [make.reference(f"Patient/{of}")],
            "title": "Synthèse",
            "section": [{"title": "A", "entry": [make.reference(ref)]}],
        },
    ],
    ids=["List", "Provenance", "Task", "Communication", "Composition"],
)
def test_what_points_to_nothing_known_is_unknown(
    world: World, record: Record, pointer: object
) -> None:
    assert callable(pointer)
    for target, status in ((record.shown, 200), (record.hidden, 404)):
        body = pointer(record.id, target)
        world.has(body)
        ref = f"{body['resourceType']}/{body['id']}"
        assert record.doctor.get(ref).status == status, ref
        found = record.doctor.get(f"{body['resourceType']}?_id={body['id']}")
        assert found.total == (status == 200)
        assert world.as_(the_patient(record.id)).get(ref).status == 200


def test_a_list_is_not_found_by_what_it_hides(world: World, record: Record) -> None:
    world.has(make.a_list(record.id, record.shown, record.hidden))
    assert record.doctor.get(f"List?item={record.shown}").total == 1
    assert record.doctor.get(f"List?item={record.hidden}").total == 0
    assert record.doctor.get(f"List?item={record.hidden},{record.shown}").total == 1


def test_a_list_follows_a_mask_on_the_next_request(world: World, record: Record) -> None:
    document = make.a_document(record.id)
    world.has(document)
    body = make.a_list(record.id, document.ref)
    world.has(body)
    assert record.doctor.get(f"List/{body['id']}").status == 200
    world.has(document.masked())
    assert record.doctor.get(f"List/{body['id']}").status == 404
    world.has(document.unmasked())
    assert record.doctor.get(f"List/{body['id']}").status == 200


def test_a_folder_in_a_submission_set_is_shown_by_what_it_holds(
    world: World, record: Record
) -> None:
    folder = make.a_list(record.id, record.hidden)
    world.has(folder)
    outer = make.a_list(record.id, f"List/{folder['id']}")
    world.has(outer)
    assert record.doctor.get(f"List/{outer['id']}").status == 404
    world.has(make.a_list(record.id, record.shown, record.hidden) | {"id": folder["id"]})
    assert record.doctor.get(f"List/{outer['id']}").status == 200


# Binaries


def deposit(world: World, patient: str, *labels: str) -> tuple[str, str, Caller]:
    """Let a hospital deposit a document with its Binary; return both and the hospital."""
    hospital = world.as_(a_hospital())
    urn = make.a_urn()
    document = make.a_document(patient).labelled(*labels).attached(urn).json()
    done = hospital.transact(
        entry("POST", "Binary", make.a_binary(), fullUrl=urn),
        entry("POST", "DocumentReference", document),
    )
    assert done.status == 200, done.body
    places = [one["response"]["location"].split("/fhir/")[1] for one in done.entries]
    binary, reference = (place.split("/_history")[0] for place in places)
    return binary, reference, hospital


@pytest.mark.parametrize("accept", ["application/fhir+json", "text/plain", "*/*"])
def test_a_binary_has_the_rights_of_its_document(world: World, record: Record, accept: str) -> None:
    shown, _, _ = deposit(world, record.id)
    hidden, _, _ = deposit(world, record.id, "MASQUE_PS")
    assert record.doctor.get(shown, Accept=accept).status == 200
    assert record.doctor.get(hidden, Accept=accept).status == 404
    assert world.as_(a_doctor()).get(shown, Accept=accept).status == 404


def test_the_content_of_a_binary_is_sent_in_its_own_type(world: World, record: Record) -> None:
    binary, _, _ = deposit(world, record.id)
    told = record.doctor.get(binary, Accept="text/plain")
    assert told.body == b"Bonjour"
    assert told.headers["content-type"].startswith("text/plain")
    assert told.headers["cache-control"] == "private, no-store"


def test_a_binary_is_masked_with_its_document(world: World, record: Record) -> None:
    binary, reference, _ = deposit(world, record.id)
    mask = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
    assert world.as_(the_patient(record.id)).patch(reference, mask).status == 200
    assert record.doctor.get(binary).status == 404


def test_a_new_reference_opens_no_binary(world: World, record: Record) -> None:
    hidden, _, _ = deposit(world, record.id, "MASQUE_PS")
    pointing = make.a_document(record.id).attached(hidden).json()
    assert record.doctor.post("DocumentReference", pointing).status == 201
    assert record.doctor.get(hidden).status == 404
    mine = world.patient()
    holder = world.as_(the_patient(mine))
    stolen = make.a_document(mine).attached(hidden).json()
    assert holder.post("DocumentReference", stolen).status == 201
    assert holder.get(hidden).status == 404


def test_a_binary_that_nothing_refers_to_is_its_depositors(world: World) -> None:
    doctor = a_doctor()
    made = world.as_(doctor).post("Binary", make.a_binary())
    assert world.as_(doctor).get(f"Binary/{made.id}").status == 200
    assert world.as_(a_doctor()).get(f"Binary/{made.id}").status == 404


def test_a_security_context_that_is_hidden_hides_the_binary(world: World, record: Record) -> None:
    for ref, status in ((record.shown, 200), (record.hidden, 404)):
        body = make.a_binary(securityContext=make.reference(ref))
        world.has(body)
        world.has(make.a_document(record.id).attached(f"Binary/{body['id']}"))
        assert record.doctor.get(f"Binary/{body['id']}").status == status


def test_a_security_context_may_be_an_entry_of_the_same_bundle(
    world: World, record: Record
) -> None:
    hospital = world.as_(a_hospital())
    binary, document = (make.a_urn() for _ in range(2))
    done = hospital.transact(
        entry(
            "POST", "Binary", make.a_binary(securityContext={"reference": document}), fullUrl=binary
        ),
        entry(
            "POST",
            "DocumentReference",
            make.a_document(record.id).attached(binary).json(),
            fullUrl=document,
        ),
    )
    place = done.entries[0]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
    assert record.doctor.get(place).status == 200


# Chains of versions


def test_the_newest_document_hides_the_whole_chain(world: World, record: Record) -> None:
    first = make.a_document(record.id)
    second = make.a_document(record.id).replacing(first.ref)
    third = make.a_document(record.id).replacing(second.ref).masked()
    for document in (first, second):
        world.has(document)
    assert record.doctor.get(first.ref).status == 200
    world.has(third)
    for document in (first, second, third):
        assert record.doctor.get(document.ref).status == 404
    world.has(third.unmasked())
    for document in (first, second, third):
        assert record.doctor.get(document.ref).status == 200


def test_the_chain_opens_again_when_its_newest_is_deleted(world: World, record: Record) -> None:
    first = make.a_document(record.id)
    second = make.a_document(record.id).replacing(first.ref).masked()
    world.has(first)
    world.has(second)
    assert record.doctor.get(first.ref).status == 404
    world.lacks(second.ref)
    assert record.doctor.get(first.ref).status == 200


def test_a_replacement_by_somebody_else_hides_nothing(world: World, record: Record) -> None:
    intruder = make.a_document(record.id).replacing(record.shown).masked()
    made = world.as_(a_hospital()).post("DocumentReference", intruder.json())
    assert made.status == 201
    assert record.doctor.get(record.shown).status == 200


def test_a_replacement_by_its_author_hides_it(world: World, record: Record) -> None:
    hospital = world.as_(a_hospital())
    first = make.a_document(record.id)
    made = hospital.post("DocumentReference", first.json())
    old = f"DocumentReference/{made.id}"
    assert record.doctor.get(old).status == 200
    newer = make.a_document(record.id).replacing(old).masked()
    assert hospital.post("DocumentReference", newer.json()).status == 201
    assert record.doctor.get(old).status == 404


def test_an_unmasked_newer_version_opens_no_older_one(world: World, record: Record) -> None:
    first = make.a_document(record.id).masked()
    world.has(first)
    world.has(make.a_document(record.id).replacing(first.ref))
    assert record.doctor.get(first.ref).status == 404
