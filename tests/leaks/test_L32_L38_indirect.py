"""L32 to L38: labels, Consents, attachments, pointers and chains of versions are no way round."""

from __future__ import annotations

import pytest

from tests.leaks.conftest import Room, bare, uniform
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient
from tests.support.replies import Caller, differ, entry
from tests.support.world import World

DOC = "DocumentReference"


def attached(world: World, patient: str, *labels: str) -> tuple[Caller, str, str]:
    """Let a hospital deposit a document and its Binary; return it and both ids."""
    hospital = world.as_(a_hospital())
    binary = hospital.post("Binary", make.a_binary(b"x" * 500)).id
    body = make.a_document(patient).labelled(*labels).attached(f"Binary/{binary}").json()
    return hospital, hospital.post(DOC, body).id, binary


def test_L32_old_and_new_labels_are_both_judged(world: World, room: Room) -> None:
    member = a_doctor()
    world.team(room.id, member)
    mine = world.has(make.a_document(room.id).masked().by(member))
    body = make.a_document(room.id).but(id=mine).json()
    for caller in (room.doctor, world.as_(a_doctor())):
        assert caller.put(body).status == 404
        assert (
            caller.patch(f"{DOC}/{mine}", {"op": "remove", "path": "/securityLabel"}).status == 404
        )
    assert (
        world.as_(member)
        .patch(f"{DOC}/{mine}", {"op": "remove", "path": "/securityLabel/1"})
        .status
        == 200
    )


def test_L32_a_label_under_another_system_or_in_meta_hides_as_well(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    strange = {"coding": [{"system": "urn:mine", "code": "MASQUE_PS"}]}
    body = make.a_document(anna).json()
    world.has(body | {"securityLabel": [make.label("N"), strange]})
    assert world.as_(doctor).get(f"{DOC}/{body['id']}").status == 404


def test_L33_no_one_else_may_grant(world: World, room: Room) -> None:
    stranger, bruno = a_doctor(), world.patient()
    consent = make.a_consent(room.id, "permit", stranger)
    for who in (stranger, room.who, a_hospital(), the_patient(bruno)):
        assert world.as_(who).post("Consent", consent).status == 403
        name = make.new_id()
        world.as_(who).post("Consent", consent, X_Request_Id=name)
        assert len(world.traces(request_id=name)) == 1
    assert world.as_(stranger).get(f"{DOC}?patient={room.id}").total == 0


def test_L33_a_refused_grant_is_alike_for_a_record_that_is_not(world: World, room: Room) -> None:
    stranger, absent = a_doctor(), make.new_id()
    caller = world.as_(stranger)
    replies = [
        caller.post("Consent", make.a_consent(of, "permit", stranger)) for of in (room.id, absent)
    ]
    assert differ(replies, room.id, absent) == ""


@pytest.mark.parametrize("more", [{}, {"Range": "bytes=0-10"}, {"Accept": "text/plain"}])
def test_L34_an_attachment_is_hidden_with_its_document(
    world: World, room: Room, more: dict[str, str]
) -> None:
    _, _, masked = attached(world, room.id, "MASQUE_PS")
    _, _, foreign = attached(world, world.patient())
    ids = {"masked": masked, "foreign": foreign, "absent": make.new_hex()}
    for path in ("Binary/{id}", "Binary/{id}/_history", "Binary/{id}/_history/1"):
        if path != "Binary/{id}" and "Accept" in more:
            continue
        assert uniform(room.doctor, "GET", path, **more, **ids).status == 404


def test_L34_rights_are_those_of_the_referrers_that_are_visible(world: World, room: Room) -> None:
    hospital, _, binary = attached(world, room.id, "MASQUE_PS")
    assert room.doctor.get(f"Binary/{binary}").status == 404
    second = make.a_document(room.id).attached(f"Binary/{binary}").json()
    made = hospital.post(DOC, second)
    assert made.status == 201
    assert room.doctor.get(f"Binary/{binary}").status == 200
    assert hospital.delete(f"{DOC}/{made.id}").status == 204
    assert room.doctor.get(f"Binary/{binary}").status == 404


def test_L34_the_search_of_binaries_is_narrowed_too(world: World, room: Room) -> None:
    _, _, shown = attached(world, room.id)
    _, _, masked = attached(world, room.id, "MASQUE_PS")
    assert room.doctor.get(f"Binary?_id={shown},{masked}").ids == [shown]


def test_L36_L37_entries_and_counts_are_pruned_alike_everywhere(world: World, room: Room) -> None:
    full = make.a_list(room.id, *room.shown, *room.hidden)
    bare_one = make.a_list(room.id, *room.shown)
    for body in (full, bare_one):
        world.has(body)
    for path in ("List/{}", "List/{}/_history", "List/{}/_history/1", "List?_id={}"):
        replies = [room.doctor.get(path.format(body["id"])) for body in (full, bare_one)]
        assert differ(replies, full["id"], bare_one["id"]) == ""


def test_L36_an_audit_event_tells_a_patient_nothing_of_what_awaits_them(world: World) -> None:
    doctor, anna, bruno = a_doctor(), world.patient(), world.patient()
    events = []
    for patient, labels in ((anna, ("INVISIBLE_PATIENT",)), (bruno, ())):
        world.team(patient, doctor)
        hospital = world.as_(a_hospital())
        body = make.a_document(patient).labelled(*labels).json()
        made = hospital.post(DOC, body)
        world.as_(doctor).get(f"{DOC}/{made.id}")
        found = world.as_(the_patient(patient)).get(f"AuditEvent?patient={patient}")
        assert (made.id.encode() in found.body) == (not labels)
        events.append(found.total)
    # Two of the second patient's traces are about the document itself.
    assert events[0] == events[1] - 2


def test_L36_a_pointer_is_not_found_by_a_hidden_target(world: World, room: Room) -> None:
    world.has(make.a_list(room.id, *room.shown, *room.hidden))
    absent = f"{DOC}/{make.new_id()}"
    replies = [room.doctor.get(f"List?item={ref}") for ref in (room.hidden[0], absent)]
    assert differ(replies, bare(room.hidden[0]), bare(absent)) == ""
    missing = [
        room.doctor.get(f"List?patient={room.id}&item:missing={v}").total for v in ("true", "false")
    ]
    assert missing == [0, 1]


def test_L36_a_list_of_hidden_things_alone_has_no_items_to_miss(world: World, room: Room) -> None:
    world.has(make.a_list(room.id, *room.hidden))
    for value in ("true", "false"):
        assert room.doctor.get(f"List?patient={room.id}&item:missing={value}").total == 0


def test_L38_the_chain_of_a_masked_document_is_hidden_whole(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    caller = world.as_(doctor)
    old = make.a_document(anna)
    new = make.a_document(anna).replacing(old.ref).masked()
    world.has(old)
    world.has(new)
    ids = {"old": old.id, "new": new.id, "absent": make.new_id()}
    for path in (f"{DOC}/{{id}}", f"{DOC}/{{id}}/_history", f"{DOC}/{{id}}/_history/1"):
        assert uniform(caller, "GET", path, **ids).status == 404
    assert caller.get(f"{DOC}?patient={anna}").total == 0
    assert caller.get(f"{DOC}?relatesto={old.ref}").total == 0


def test_L38_a_chain_inside_one_transaction_is_hidden_whole(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    hospital = world.as_(a_hospital())
    urn = make.a_urn()
    for flipped in (False, True):
        old = entry("POST", DOC, make.a_document(anna).json(), fullUrl=urn)
        new = entry("POST", DOC, make.a_document(anna).replacing(urn).masked().json())
        done = hospital.transact(*((new, old) if flipped else (old, new)))
        assert done.status == 200, done.body
    assert world.as_(doctor).get(f"{DOC}?patient={anna}").total == 0
    assert world.as_(the_patient(anna)).get(f"{DOC}?patient={anna}").total == 4


def test_L36_a_provenance_belongs_to_the_record_of_its_targets(world: World, room: Room) -> None:
    early = make.a_document(room.id)
    ahead = make.a_provenance(room.id, early.ref)
    both = make.a_provenance(room.id, room.shown[0], f"{DOC}/{world.document(world.patient())}")
    for body in (ahead, both):
        world.has(body)
    ids = {"shared": both["id"], "orphan": ahead["id"], "absent": make.new_id()}
    assert uniform(room.doctor, "GET", "Provenance/{id}", **ids).status == 404
    world.has(early)
    assert room.doctor.get(f"Provenance/{ahead['id']}").status == 200
    assert world.as_(a_doctor()).get(f"Provenance/{ahead['id']}").status == 404
    world.has(early.masked())
    assert room.doctor.get(f"Provenance/{ahead['id']}").status == 404
