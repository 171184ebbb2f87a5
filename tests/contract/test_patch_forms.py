"""The three forms of a patch, with the same rights: https://hl7.org/fhir/R4/http.html#patch."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.contract.patch_bodies import (
    FORMS,
    IS_ARCHIVED,
    Patch,
    archiving,
    labelling,
    part,
    replacing,
    unlabelling,
)
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, a_podiatrist, the_patient
from tests.support.replies import JSON_PATCH, Json, differ, entry
from tests.support.world import World

by_form = pytest.mark.parametrize("form", FORMS)
RENAME = replacing("Organization.name", "Clinique du Saule")


def an_organization(world: World, number: str = "") -> str:
    body = {"resourceType": "Organization", "id": make.new_id(), "name": "Clinique des Tilleuls"}
    return (
        f"Organization/{world.has(body | ({'identifier': [{'value': number}]} if number else {}))}"
    )


def labels_of(resource: Json) -> set[str]:
    return {one["coding"][0]["code"] for one in resource["securityLabel"]}


# the ways in ------------------------------------------------------------------------------------


@by_form
def test_a_patch_changes_one_resource(world: World, form: str) -> None:
    path = an_organization(world)
    reply = RENAME.send(world.trusted, path, form)
    assert (reply.status, reply.headers["etag"]) == (200, 'W/"2"')
    assert reply.json["name"] == "Clinique du Saule"
    assert world.trusted.get(f"{path}/_history/1").json["name"] == "Clinique des Tilleuls"


@by_form
def test_a_patch_changes_the_one_match_of_a_condition(world: World, form: str) -> None:
    number = make.new_hex()
    path = an_organization(world, number)
    assert RENAME.send(world.trusted, f"Organization?identifier={number}", form).status == 200
    assert world.trusted.get(path).json["name"] == "Clinique du Saule"
    an_organization(world, number)
    several = RENAME.send(world.trusted, f"Organization?identifier={number}", form)
    assert (several.status, several.issue["code"]) == (412, "multiple-matches")
    none = RENAME.send(world.trusted, f"Organization?identifier={make.new_hex()}", form)
    assert (none.status, none.issue["code"]) == (404, "not-found")


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize("form", ["json", "xml", "fhirpath"])
def test_a_bundle_carries_patches_by_id_and_by_condition(
    world: World, form: str, kind: str
) -> None:
    number = make.new_hex()
    paths = an_organization(world), an_organization(world, number)
    reply = world.trusted.transact(
        entry("PATCH", paths[0], RENAME.entry(form)),
        entry("PATCH", f"Organization?identifier={number}", RENAME.entry(form)),
        kind=kind,
    )
    assert [one["response"]["status"] for one in reply.entries] == ["200 OK", "200 OK"]
    assert {world.trusted.get(path).json["name"] for path in paths} == {"Clinique du Saule"}


@by_form
def test_a_patch_obeys_the_version_that_it_names(world: World, form: str) -> None:
    path = an_organization(world)
    assert RENAME.send(world.trusted, path, form, If_Match='W/"1"').status == 200
    stale = RENAME.send(world.trusted, path, form, If_Match='W/"1"')
    assert (stale.status, stale.issue["code"]) == (412, "conflict")


@by_form
def test_a_patch_leaves_all_else_to_the_digit(world: World, form: str) -> None:
    body = make.an_observation(world.patient()) | {
        "valueQuantity": {"value": 7.5, "unit": "g/dL"},
        "_effectiveDateTime": {"extension": [{"url": "http://example.org/p", "valueCode": "day"}]},
    }
    path = f"Observation/{body['id']}"
    sent = make.dumps_with(body, b"7.5", b"7.500")
    assert world.trusted.send("PUT", path, sent).status == 201
    reply = replacing("Observation.status", "amended", "valueCode").send(world.trusted, path, form)
    assert reply.status == 200, reply.body
    assert b"7.500" in reply.body
    assert {k: v for k, v in reply.json.items() if k != "meta"} == body | {"status": "amended"}


# refusals ---------------------------------------------------------------------------------------

MALFORMED = {
    "json": b'[{"op": "test", "path": "/name", "value": "x"}, {"op": "rename", "path": "/name"}]',
    "xml": b'<diff xmlns="http://hl7.org/fhir"><remove sel="Organization/name"/>'
    b'<move sel="Organization/name"/></diff>',
    "fhirpath": json.dumps(
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "operation", "part": RENAME.fhirpath},
                {"name": "operation", "part": [part("type", valueCode="rename")]},
            ],
        }
    ).encode(),
}


@pytest.mark.parametrize("form", MALFORMED)
def test_a_malformed_patch_is_refused_and_its_operation_named(world: World, form: str) -> None:
    path = an_organization(world)
    reply = world.trusted.send("PATCH", path, MALFORMED[form], FORMS[form])
    assert (reply.status, reply.issue["severity"]) == (400, "error")
    assert "operation 1" in reply.issue["diagnostics"]
    assert world.trusted.get(path).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize("form", MALFORMED)
def test_a_malformed_patch_is_refused_before_anybody_looks_for_its_resource(
    world: World, form: str
) -> None:
    """L17, L24: what a patch says of itself does not depend on what is there."""
    hidden = f"DocumentReference/{world.document(world.patient())}"
    caller = world.as_(a_doctor())
    replies = [
        caller.send("PATCH", path, MALFORMED[form], FORMS[form])
        for path in (hidden, f"DocumentReference/{make.new_id()}")
    ]
    assert {reply.status for reply in replies} == {400}
    assert differ(replies) == ""


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("json", b"{}"),
        ("xml", b"<nothing/>"),
        ("xml", b'<!DOCTYPE a [<!ENTITY b "c">]><diff xmlns="http://hl7.org/fhir"/>'),
        ("fhirpath", b'{"resourceType":"Patient"}'),
        ("fhirpath-xml", b'<Patient xmlns="http://hl7.org/fhir"/>'),
    ],
)
def test_a_body_that_is_no_patch_is_refused(world: World, form: str, body: bytes) -> None:
    reply = world.trusted.send("PATCH", an_organization(world), body, FORMS[form])
    assert reply.status in (400, 422)
    assert reply.issue["code"] in ("structure", "invalid")


@by_form
def test_a_patch_that_does_not_fit_is_refused_and_its_operation_named(
    world: World, form: str
) -> None:
    path = an_organization(world)
    reply = replacing("Organization.partOf.display", "x").send(world.trusted, path, form)
    assert reply.status == 422
    assert "operation 0" in reply.issue["diagnostics"]
    assert world.trusted.get(path).headers["etag"] == 'W/"1"'


@by_form
def test_what_a_patch_leaves_is_validated(world: World, form: str) -> None:
    path = f"Patient/{world.patient()}"
    reply = replacing("Patient.birthDate", "2000-13-01", "valueDate").send(
        world.trusted, path, form
    )
    assert reply.status == 422
    assert world.trusted.get(path).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize("form", ["json", "xml", "fhirpath"])
def test_a_patch_that_does_not_fit_undoes_its_transaction_and_is_named_there(
    world: World, form: str
) -> None:
    paths = an_organization(world), an_organization(world)
    reply = world.trusted.transact(
        entry("PATCH", paths[0], RENAME.entry(form)),
        entry("PATCH", paths[1], replacing("Organization.partOf.display", "x").entry(form)),
    )
    assert reply.status == 422
    assert reply.issue["expression"][0].startswith("Bundle.entry[1]")
    assert {world.trusted.get(path).headers["etag"] for path in paths} == {'W/"1"'}


def test_an_entry_that_carries_no_patch_is_refused(world: World) -> None:
    path = an_organization(world)
    for resource in (
        {"resourceType": "Organization", "name": "x"},
        {"resourceType": "Binary", "contentType": "application/merge-patch+json", "data": "e30="},
        {"resourceType": "Binary", "contentType": JSON_PATCH, "data": "?"},
    ):
        reply = world.trusted.transact(entry("PATCH", path, resource))
        assert (reply.status, reply.issue["expression"]) == (400, ["Bundle.entry[0].resource"])


# rights -----------------------------------------------------------------------------------------


@by_form
def test_the_patient_masks_and_unmasks_in_every_form(world: World, form: str) -> None:
    """R43: effective on the next request."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    path = f"DocumentReference/{world.document(anna)}"
    masked = labelling("MASQUE_PS").send(world.as_(the_patient(anna)), path, form)
    assert (masked.status, labels_of(masked.json)) == (200, {"N", "MASQUE_PS"})
    assert world.as_(doctor).get(path).status == 404
    assert unlabelling().send(world.as_(the_patient(anna)), path, form).status == 200
    assert world.as_(doctor).get(path).status == 200


@by_form
def test_the_patient_archives_in_every_form(world: World, form: str) -> None:
    """R85."""
    anna = world.patient()
    path = f"DocumentReference/{world.document(anna)}"
    reply = archiving().send(world.as_(the_patient(anna)), path, form)
    assert reply.status == 200, reply.body
    assert reply.json["extension"] == [{"url": IS_ARCHIVED, "valueBoolean": True}]


def test_a_deposit_that_replaces_carries_the_patch_of_what_it_replaces(world: World) -> None:
    """R86, as PDSm writes ITI-65: the old document's status by a FHIRPath Patch."""
    hospital = world.as_(a_hospital())
    anna = world.patient()
    old = f"DocumentReference/{hospital.post('DocumentReference', make.a_document(anna).json()).id}"
    new = make.a_document(anna).replacing(old).json()
    patch = replacing("DocumentReference.status", "superseded", "valueCode")
    reply = hospital.transact(
        entry("POST", "DocumentReference", new), entry("PATCH", old, patch.parameters)
    )
    assert [one["response"]["status"] for one in reply.entries] == ["201 Created", "200 OK"]
    assert world.trusted.get(old).json["status"] == "superseded"
    found = world.trusted.get(f"DocumentReference?patient={anna}&status=current")
    assert [one["resource"]["relatesTo"][0]["target"] for one in found.entries] == [
        {"reference": old}
    ]


@by_form
@pytest.mark.parametrize("where", ["securityLabel", "meta.security"])
@pytest.mark.parametrize("code", ["INVISIBLE_PATIENT", "R"])
def test_no_form_sets_a_label_that_is_not_the_patient_s_to_set(
    world: World, form: str, where: str, code: str
) -> None:
    """L32, R49: an announcement is a professional's, confidentiality the author's."""
    anna = world.patient()
    path = f"DocumentReference/{world.document(anna)}"
    reply = labelling(code, where=where).send(world.as_(the_patient(anna)), path, form)
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")
    assert world.trusted.get(path).headers["etag"] == 'W/"1"'


@by_form
def test_no_form_unmasks_for_who_may_not(world: World, form: str) -> None:
    """L32: the mask hides the document from who would lift it."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    path = f"DocumentReference/{world.document(anna, 'MASQUE_PS')}"
    assert unlabelling().send(world.as_(doctor), path, form).status == 404
    assert labels_of(world.trusted.get(path).json) == {"N", "MASQUE_PS"}


@by_form
def test_no_form_changes_the_content_of_another_s_document(world: World, form: str) -> None:
    """R82."""
    anna = world.patient()
    path = f"DocumentReference/{world.document(anna)}"
    patch = replacing("DocumentReference.description", "autre")
    assert patch.send(world.as_(the_patient(anna)), path, form).status == 405


@by_form
def test_an_author_who_may_not_read_patches_and_is_told_no_body(world: World, form: str) -> None:
    """R22: establishment software corrects what it deposited."""
    hospital = world.as_(a_hospital())
    body = make.a_document(world.patient())
    path = f"DocumentReference/{hospital.post('DocumentReference', body.json()).id}"
    patch = replacing("DocumentReference.description", "autre")
    reply = patch.send(hospital, path, form)
    assert (reply.status, reply.json["resourceType"]) == (200, "OperationOutcome")
    assert b"autre" not in reply.body
    assert world.trusted.get(path).json["description"] == "autre"


# What fits one resource and not another: a value tested for, a path that has to lead somewhere.
HOLDS: dict[str, Callable[[str], bytes]] = {
    "json": lambda text: json.dumps(
        [{"op": "test", "path": "/entry/0/item/reference", "value": text}]
    ).encode(),
    "xml": lambda text: (
        '<diff xmlns="http://hl7.org/fhir"><replace sel="List/entry/item/reference'
        f'[@value=\'{text}\']/@value">x</replace></diff>'
    ).encode(),
    "fhirpath": lambda text: Patch(
        [],
        "",
        [part("type", valueCode="replace"),
         part("path", valueString=f"List.entry.where(item.reference='{text}').item.reference"),
         part("value", valueString="x")],
    ).body("fhirpath"),
}  # fmt: skip


@pytest.mark.parametrize("form", HOLDS)
def test_what_a_patch_tests_tells_nothing_of_what_is_hidden(world: World, form: str) -> None:
    """L28: neither of a List that the caller may not know, nor of the entries it is not shown."""
    podiatrist = a_podiatrist()
    anna, bruno = world.patient(), world.patient()
    world.team(anna, podiatrist)
    report = make.a_document(anna).typed("34112-3")
    recipe = make.a_document(anna).typed("PRESC-PEDI")
    for document in (report, recipe):
        world.has(document)
    pruned = f"List/{world.has(make.a_list(anna, report.ref, recipe.ref))}"
    hidden = f"List/{world.has(make.a_list(bruno, report.ref))}"
    caller = world.as_(podiatrist)
    assert report.ref not in caller.get(pruned).body.decode()
    for path, status in ((pruned, 405), (hidden, 404)):
        replies = [
            caller.send("PATCH", path, HOLDS[form](text), FORMS[form])
            for text in (report.ref, f"DocumentReference/{make.new_id()}")
        ]
        assert [reply.status for reply in replies] == [status, status]
        assert differ(replies) == ""


@pytest.mark.parametrize("form", FORMS)
def test_the_answer_to_a_patch_shows_no_entry_that_its_reader_is_not_shown(
    world: World, form: str
) -> None:
    """L36."""
    podiatrist = a_podiatrist()
    anna = world.patient()
    world.team(anna, podiatrist)
    report = make.a_document(anna).typed("34112-3")
    recipe = make.a_document(anna).typed("PRESC-PEDI")
    for document in (report, recipe):
        world.has(document)
    caller = world.as_(podiatrist)
    path = f"List/{caller.post('List', make.a_list(anna, recipe.ref)).id}"
    known = world.trusted.get(path).json
    both = {"entry": [{"item": {"reference": ref}} for ref in (report.ref, recipe.ref)]}
    assert world.trusted.put(known | both).status == 200
    reply = replacing("List.mode", "snapshot", "valueCode").send(caller, path, form)
    assert (reply.status, reply.json["mode"]) == (200, "snapshot")
    assert reply.json["entry"] == [{"item": {"reference": recipe.ref}}]
    assert len(world.trusted.get(path).json["entry"]) == 2
