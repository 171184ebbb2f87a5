"""What `$everything`, `$document` and `$docref` do, in every form they are asked in."""

from __future__ import annotations

import pytest

from fhir_server.demo.codes import HL7
from tests.contract.operating import Json, both
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    breaking_the_glass,
    the_patient,
    the_representative,
)
from tests.support.world import World

# $everything -------------------------------------------------------------------------------------


def test_a_record_is_given_by_get_and_by_post(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    path = f"Patient/{anna}/$everything"
    asked = {"_type": "DocumentReference", "start": "2024-01-01", "_count": 5}
    assert both(world.as_(the_patient(anna)), path, **asked).total == 1


def test_pages_of_a_post_go_on_by_get(world: World) -> None:
    anna = world.patient()
    documents = {f"DocumentReference/{world.document(anna)}" for _ in range(3)}
    caller = world.as_(the_patient(anna))
    body = make.parameters(_type="DocumentReference", _count=2)
    page = caller.post(f"Patient/{anna}/$everything", body)
    rest = caller.get(page.next)
    assert page.refs | rest.refs == documents
    assert (page.total, rest.total, rest.next) == (3, 3, "")
    assert caller.get(f"{page.next}&_count=1").status == 400
    assert world.trusted.get(page.next).status == 400
    other = page.next.replace(f"Patient/{anna}/$everything", "DocumentReference/$docref")
    assert caller.get(other).issue["code"] == "invalid"


def test_without_an_id_it_is_the_record_that_the_token_is_about(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    own = f"Patient/{anna}"
    for who in (the_patient(anna), the_representative(anna), breaking_the_glass(of=anna)):
        reply = both(world.as_(who), "Patient/$everything")
        assert own in reply.refs
        assert reply.total == world.as_(who).get(f"{own}/$everything").total


def test_without_an_id_nobody_gets_the_records_of_several(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient(doctor)
    replies = [both(caller, "Patient/$everything")
               for caller in (world.as_(doctor), world.as_(a_doctor()), world.trusted)]  # fmt: skip
    assert {(one.status, one.issue["code"]) for one in replies} == {(400, "too-costly")}
    assert anna not in replies[0].body.decode()


@pytest.mark.parametrize(
    ("body", "inside", "outside"),
    [
        (
            {"context": {"period": {"start": "2020-05-01", "end": "2020-05-03"}}},
            "start=2020-05-03&end=2020-05-03",
            "start=2020-05-04",
        ),
        ({"date": "2021-02-03T10:00:00Z"}, "start=2021-02-03&end=2021-02-03", "end=2021-02-02"),
    ],
)
def test_care_dates_of_a_document_are_its_period_else_its_date(
    world: World, body: Json, inside: str, outside: str
) -> None:
    anna = world.patient()
    world.has(make.a_document(anna).json() | body)
    path = f"Patient/{anna}/$everything?_type=DocumentReference"
    assert world.trusted.get(f"{path}&{inside}").total == 1
    assert world.trusted.get(f"{path}&{outside}").total == 0


def test_a_condition_that_has_not_ended_is_in_every_later_care(world: World) -> None:
    anna = world.patient()
    condition = {
        "resourceType": "Condition",
        "id": make.new_id(),
        "subject": make.reference(f"Patient/{anna}"),
        "onsetDateTime": "2010",
    }
    world.has(condition)
    path = f"Patient/{anna}/$everything?_type=Condition"
    assert world.trusted.get(f"{path}&start=2024-01-01").total == 1
    assert world.trusted.get(f"{path}&end=2009-12-31").total == 0
    resolved = make.concept("resolved", f"{HL7}/condition-clinical")
    world.has(condition | {"abatementDateTime": "2012", "clinicalStatus": resolved})
    assert world.trusted.get(f"{path}&start=2024-01-01").total == 0
    assert world.trusted.get(f"{path}&start=2012-06-01").total == 1


def test_what_has_no_date_of_care_is_never_left_out(world: World) -> None:
    anna = world.patient()
    world.has(make.an_encounter(anna))
    page = world.trusted.get(f"Patient/{anna}/$everything?start=2999-01-01")
    assert {ref.partition("/")[0] for ref in page.refs} == {"Encounter", "Patient"}


def test_a_product_that_the_record_names_comes_with_it(world: World) -> None:
    anna = world.patient()
    drug = world.has({"resourceType": "Medication", "id": make.new_id(), "code": {"text": "a"}})
    world.has(
        {
            "resourceType": "MedicationStatement",
            "id": make.new_id(),
            "status": "active",
            "subject": make.reference(f"Patient/{anna}"),
            "medicationReference": make.reference(f"Medication/{drug}"),
        }
    )
    page = world.as_(the_patient(anna)).get(f"Patient/{anna}/$everything")
    modes = {one["fullUrl"].rpartition("/fhir/")[2]: one["search"]["mode"] for one in page.entries}
    assert modes[f"Medication/{drug}"] == "include"


def test_every_page_of_a_record_is_in_its_log(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    document = world.document(anna)
    world.as_(doctor).get(f"Patient/{anna}/$everything", X_Request_Id="whole-record")
    named = str(world.traces(of=anna, request_id="whole-record"))
    assert f"DocumentReference/{document}" in named


# $document ---------------------------------------------------------------------------------------


def test_a_document_is_assembled_by_id_address_get_and_post(world: World) -> None:
    anna = world.patient()
    id_ = world.has(make.a_composition(anna))
    base = "http://localhost/fhir"
    for path, asked in (
        (f"Composition/{id_}/$document", {}),
        ("Composition/$document", {"id": id_}),
        ("Composition/$document", {"id": f"{base}/Composition/{id_}"}),
        (f"Composition/{id_}/$document", {"persist": False}),
    ):
        found = world.as_(the_patient(anna)).post(path, make.parameters(**asked))
        assert (found.json["type"], found.entries[0]["resource"]["id"]) == ("document", id_)
        query = "&".join(f"{k}={str(v).lower() if v is False else v}" for k, v in asked.items())
        assert world.trusted.get(f"{path}?{query}").status == 200


def test_each_document_has_an_identifier_of_its_own(world: World) -> None:
    """https://hl7.org/fhir/R4/documents.html: each is another document."""
    path = f"Composition/{world.has(make.a_composition(world.patient()))}/$document"
    first, second = (world.trusted.get(path).json["identifier"]["value"] for _ in range(2))
    assert first != second


def test_the_composition_is_named_exactly_once(world: World) -> None:
    id_ = world.has(make.a_composition(world.patient()))
    for path in ("Composition/$document", f"Composition/{id_}/$document?id={id_}"):
        reply = world.trusted.get(path)
        assert (reply.status, reply.issue["code"]) == (400, "required")


def test_a_composition_elsewhere_or_of_another_record_is_not_known(world: World) -> None:
    hidden = world.has(make.a_composition(world.patient()))
    doctor = world.as_(a_doctor())
    for id_ in (hidden, make.new_id(), "https://else.example/r4/Composition/1", "Patient/1"):
        reply = doctor.get(f"Composition/$document?id={id_}")
        assert (reply.status, reply.issue["code"]) == (404, "not-found")


@pytest.mark.parametrize("asked", ["persist=true", "graph=urn:g"])
def test_what_a_document_can_not_be_is_refused_for_everybody_alike(
    world: World, asked: str
) -> None:
    shown, hidden = (world.has(make.a_composition(world.patient())) for _ in range(2))
    before = world.trusted.get("Bundle?_summary=count").total
    replies = [world.trusted.get(f"Composition/{shown}/$document?{asked}"),
               world.as_(a_doctor()).get(f"Composition/{hidden}/$document?{asked}")]  # fmt: skip
    assert {(one.status, one.issue["code"]) for one in replies} == {(422, "not-supported")}
    assert replies[0].body == replies[1].body
    assert world.trusted.get("Bundle?_summary=count").total == before


def test_what_a_document_discloses_is_in_the_log_of_its_record(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    document = f"DocumentReference/{world.document(anna)}"
    hidden = f"DocumentReference/{world.document(anna, 'MASQUE_PS')}"
    id_ = world.has(make.a_composition(anna, document, hidden))
    world.as_(doctor).get(f"Composition/{id_}/$document", X_Request_Id="assembled")
    named = str(world.traces(of=anna, request_id="assembled"))
    assert document in named
    assert hidden not in named


# $docref -----------------------------------------------------------------------------------------


def test_documents_are_found_by_type_and_dates_of_care(world: World) -> None:
    anna = world.patient()
    caller = world.as_(the_patient(anna))
    period = {"context": {"period": {"start": "2020-05-01", "end": "2020-05-03"}}}
    old = world.has(make.a_document(anna).but(date="2020-05-03").json() | period)
    new = world.document(anna)
    path = "DocumentReference/$docref"
    assert both(caller, path, patient=anna).ids == [new, old]
    assert both(caller, path, patient=anna, start="2024").ids == [new]
    assert both(caller, path, patient=anna, end="2020-05-02T10:00:00Z").ids == [old]
    assert both(caller, path, patient=anna, type="11502-2", start="2020", end="2020").ids == [old]
    assert both(caller, path, patient=anna, type="http://loinc.org|none").ids == []


def test_a_type_of_document_is_a_concept_in_a_body(world: World) -> None:
    anna = world.patient()
    wanted = world.document(anna)
    world.document(anna, type=make.HOSPITAL)
    body = make.parameters(
        patient={"valueId": anna}, type={"valueCodeableConcept": make.concept(make.BIOLOGY)}
    )
    assert world.trusted.post("DocumentReference/$docref", body).ids == [wanted]


def test_there_are_no_documents_made_on_demand(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    path = f"DocumentReference/$docref?patient={anna}"
    assert world.trusted.get(f"{path}&on-demand=true").total == 0
    assert world.trusted.get(f"{path}&on-demand=false").total == 1


def test_pages_of_documents_visit_each_once(world: World) -> None:
    anna = world.patient()
    documents = {world.document(anna, date=f"2024-01-0{day}") for day in range(1, 6)}
    pages = world.trusted.walk(f"DocumentReference/$docref?patient={anna}&_count=2")
    found = [id_ for page in pages for id_ in page.ids]
    assert (sorted(found), {page.total for page in pages}) == (sorted(documents), {5})
