"""Over HTTP: what rules say of documents and nothing else shows (R23, R46, R53, R72, R84, R85)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fhir_server.consent.requester import Requester
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient, the_representative
from tests.support.world import World

ARCHIVED = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-is-archived"
MASKED = "DocumentReference?security-label=MASQUE_PS"


def test_a_holder_takes_no_professional_s_entry_away(world: World) -> None:
    """R23, R82: rectification and deletion are asked of the author."""
    anna = world.patient()
    id_ = world.has(make.a_document(anna).by(a_doctor()))
    refused = world.as_(the_patient(anna)).delete(f"DocumentReference/{id_}")
    assert (refused.status, refused.issue["code"]) == (403, "forbidden")
    assert world.trusted.get(f"DocumentReference/{id_}").status == 200


def test_searching_what_is_masked_is_the_attending_doctor_s_and_the_holder_s(world: World) -> None:
    """R46, R44: others find no masked document, and no count of them."""
    attending, colleague = a_doctor(), a_doctor()
    anna = world.patient(attending)
    world.team(anna, colleague)
    world.document(anna, "MASQUE_PS")
    asked = f"{MASKED}&patient={anna}"
    assert world.as_(attending).get(asked).total == 1
    assert world.as_(the_patient(anna)).get(asked).total == 1
    assert world.as_(colleague).get(asked).total == 0


def test_a_professional_who_reads_what_the_patient_does_not_see_is_told_by_its_label(
    world: World,
) -> None:
    """R47, R53: the alert is the software's to show; the label is in what it reads and finds."""
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    id_ = world.document(anna, "INVISIBLE_PATIENT", date="2026-01-01")
    read = world.as_(doctor).get(f"DocumentReference/{id_}")
    codes = [c["code"] for one in read.json["securityLabel"] for c in one["coding"]]
    assert codes == ["N", "INVISIBLE_PATIENT"]
    asked = f"DocumentReference?patient={anna}&security-label=INVISIBLE_PATIENT"
    assert world.as_(doctor).get(asked).total == 1


@pytest.mark.parametrize("holder", [the_patient, the_representative])
def test_a_holder_deletes_what_they_deposited_themselves(
    world: World, holder: Callable[[str], Requester]
) -> None:
    """R84; R8: the history is kept."""
    anna = world.patient()
    who = holder(anna)
    made = world.as_(who).post("DocumentReference", make.a_document(anna).json())
    ref = f"DocumentReference/{made.json['id']}"
    assert world.as_(who).delete(ref).status == 204
    assert world.as_(who).get(ref).status == 410
    assert world.trusted.get(f"{ref}/_history/1").status == 200


def test_an_archived_document_is_found_until_a_search_leaves_it_out_and_comes_back(
    world: World,
) -> None:
    """R85: the state is reversible, and leaving it out is the asking software's first search."""
    anna = world.patient()
    holder = world.as_(the_patient(anna))
    id_ = world.document(anna)
    everything = f"DocumentReference?patient={anna}"
    add = {"op": "add", "path": "/extension", "value": [{"url": ARCHIVED, "valueBoolean": True}]}
    assert holder.patch(f"DocumentReference/{id_}", add).status == 200
    assert holder.get(everything).total == 1
    assert holder.get(f"{everything}&isArchived:not=true").total == 0
    assert holder.get(f"{everything}&isArchived=true").total == 1
    lift = {"op": "remove", "path": "/extension"}
    assert holder.patch(f"DocumentReference/{id_}", lift).status == 200
    assert holder.get(f"{everything}&isArchived:not=true").total == 1


def test_traces_are_read_by_holder_attending_doctor_and_who_did_the_act(world: World) -> None:
    """R72; a colleague of the same care team reads none."""
    attending, actor, colleague = a_doctor(), a_doctor(), a_doctor()
    anna = world.patient(attending)
    world.team(anna, actor, colleague)
    id_ = world.document(anna)
    assert world.as_(actor).get(f"DocumentReference/{id_}").status == 200
    asked = f"AuditEvent?patient={anna}&entity=DocumentReference/{id_}&type=rest&subtype=read"
    for reader in (the_patient(anna), attending, actor):
        assert world.as_(reader).get(asked).total == 1
    assert world.as_(colleague).get(asked).total == 0


def test_a_record_that_was_destroyed_is_no_record_and_is_fed_by_nobody(world: World) -> None:
    """R10: nothing tells it from one that never was."""
    body = make.a_patient()
    anna = world.has(body)
    ins = body["identifier"][0]["value"]
    world.lacks(f"Patient/{anna}")
    hospital = world.as_(a_hospital())
    asked = f"Patient/$record-status?identifier={make.INS}%7C"
    (gone,) = hospital.get(asked + ins).json["parameter"]
    (never,) = hospital.get(asked + make.an_ins()).json["parameter"]
    assert gone == never == {"name": "status", "valueCode": "none"}
