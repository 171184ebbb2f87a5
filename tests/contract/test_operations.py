"""What each operation does, in every form it is asked in; its definition is another module's."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.demo.codes import HL7
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    a_podiatrist,
    an_administrator,
    breaking_the_glass,
    the_patient,
    the_representative,
)
from tests.support.replies import Caller, Reply, entry
from tests.support.world import World

Json = dict[str, Any]

BASE_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
TAG = {"system": "urn:t", "code": "x"}


def meta_of(reply: Reply) -> Json:
    assert reply.status == 200, reply.body
    found: Json = reply.json["parameter"][0].get("valueMeta", {})
    return found


def both(caller: Caller, path: str, **parameters: Any) -> Reply:
    """Ask by GET, by POST and by HEAD; the answers must be one. Return it."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    got = caller.get(f"{path}?{query}" if query else path)
    posted = caller.post(path, make.parameters(**parameters))
    head = caller.send("HEAD", f"{path}?{query}" if query else path)
    assert (got.status, posted.status, head.status, head.body) == (
        got.status,
        got.status,
        got.status,
        b"",
    )
    assert head.headers["content-length"] == got.headers["content-length"]
    return got


# $meta -------------------------------------------------------------------------------------------


def test_meta_of_a_version_is_that_of_the_version(world: World) -> None:
    body = make.a_patient(meta={"tag": [TAG]})
    path = f"Patient/{world.has(body)}"
    world.has(body | {"meta": {"tag": [{"code": "other"}]}})
    assert meta_of(both(world.trusted, f"{path}/$meta"))["tag"] == [{"code": "other"}]
    assert meta_of(both(world.trusted, f"{path}/_history/1/$meta"))["tag"] == [TAG]
    assert world.trusted.get(f"{path}/_history/9/$meta").status == 404


def test_a_version_is_not_relabelled(world: World) -> None:
    path = f"Patient/{world.patient()}/_history/1"
    for name in ("$meta-add", "$meta-delete"):
        reply = world.trusted.post(f"{path}/{name}", make.parameters(meta={"valueMeta": {}}))
        assert (reply.status, reply.issue["code"]) == (404, "not-supported")
    assert world.trusted.get(f"{path}").headers["etag"] == 'W/"1"'


def test_meta_of_a_type_and_of_everything_are_the_labels_in_use_each_once(world: World) -> None:
    profile, code = f"urn:profile:{make.new_hex()}", make.new_hex()
    labels = {"tag": [{"code": code}], "profile": [profile]}
    doctor = a_doctor()
    anna = world.patient(doctor)
    for _ in range(2):
        world.has(make.an_observation(anna, meta=labels))
    for caller in (world.trusted, world.as_(doctor)):
        of_type = meta_of(both(caller, "Observation/$meta"))
        of_all = meta_of(both(caller, "$meta"))
        for found in (of_type, of_all):
            assert found["profile"].count(profile) == 1
            assert found["tag"].count({"code": code}) == 1
        assert code not in str(meta_of(caller.get("Patient/$meta")))


def test_labels_in_use_are_those_of_what_the_caller_may_know(world: World) -> None:
    """L68, L69: a label of what is hidden, or of another record, is not told."""
    podiatrist = a_podiatrist()
    anna, other = world.patient(), world.patient()
    world.team(anna, podiatrist)
    shown, hidden, foreign = (make.new_hex() for _ in range(3))
    world.has(make.an_observation(anna, meta={"tag": [{"code": shown}]}, laboratory=True))
    world.has(make.a_document(anna).typed("34112-3").json() | {"meta": {"tag": [{"code": hidden}]}})
    world.has(make.an_observation(other, meta={"tag": [{"code": foreign}]}))
    told = str(meta_of(world.as_(podiatrist).get("$meta")))
    everything = str(meta_of(world.trusted.get("$meta")))
    assert all(code in everything for code in (shown, hidden, foreign))
    assert not any(code in told for code in (hidden, foreign))
    assert shown in str(meta_of(world.as_(the_patient(anna)).get("$meta")))


def test_the_labels_in_use_are_asked_for_in_the_log(world: World) -> None:
    reply = world.trusted.get("Patient/$meta", X_Request_Id="labels-in-use")
    assert reply.status == 200
    assert len(world.traces(request_id="labels-in-use")) == 1


def test_labels_are_added_and_removed_as_sets(world: World) -> None:
    path = f"Patient/{world.patient()}"
    twice = {"tag": [TAG, TAG | {"display": "again"}], "profile": ["urn:p", "urn:p"]}
    added = world.trusted.post(f"{path}/$meta-add", make.parameters(meta={"valueMeta": twice}))
    assert (meta_of(added)["tag"], meta_of(added)["profile"]) == ([TAG], ["urn:p"])
    absent = {"tag": [{"code": "never"}]}
    left = world.trusted.post(f"{path}/$meta-delete", make.parameters(meta={"valueMeta": absent}))
    assert meta_of(left)["tag"] == [TAG]


@pytest.mark.parametrize(
    "wrong", [{"tag": "x"}, {"tag": [1]}, {"nothing": 1, "tag": [{"code": 1}]}]
)
def test_a_meta_that_is_none_is_refused(world: World, wrong: Json) -> None:
    path = f"Patient/{world.patient()}/$meta-add"
    reply = world.trusted.post(path, make.parameters(meta={"valueMeta": wrong}))
    assert (reply.status in (400, 422), reply.json["resourceType"]) == (True, "OperationOutcome")
    assert world.trusted.get(path.partition("/$")[0]).headers["etag"] == 'W/"1"'


# $validate ---------------------------------------------------------------------------------------


def errors(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [one["code"] for one in reply.json["issue"] if one["severity"] in ("error", "fatal")]


def test_a_resource_comes_alone_or_in_a_parameters_with_the_rest_beside_it(world: World) -> None:
    body = {"resourceType": "Patient", "gender": "tree"}
    inside = make.parameters(resource={"resource": body}, mode={"valueCode": "create"})
    path = "Patient/$validate"
    for reply in (
        world.trusted.post(path, body),
        world.trusted.post(f"{path}?mode=create", body),
        world.trusted.post(path, inside),
        world.trusted.post(f"{path}?profile={BASE_PROFILE}Patient", body),
    ):
        assert errors(reply) == ["value"] or errors(reply) == ["code-invalid"], reply.body


def test_a_mode_of_one_resource_is_not_asked_of_a_type(world: World) -> None:
    for mode in ("update", "delete", "profile"):
        reply = world.trusted.post(f"Patient/$validate?mode={mode}", {"resourceType": "Patient"})
        assert (reply.status, f"`{mode}`" in reply.issue["diagnostics"]) == (400, True)


def test_what_is_stored_is_judged_by_a_profile_of_r4_and_by_no_other(world: World) -> None:
    """R4: a profile that can't be judged by shall be an error."""
    path = f"Patient/{world.patient()}/$validate"
    known = both(world.trusted, path, mode="profile", profile=f"{BASE_PROFILE}Patient")
    assert errors(known) == []
    for profile in ("urn:other", f"{BASE_PROFILE}Observation"):
        reply = both(world.trusted, path, mode="profile", profile=profile)
        assert (reply.status, reply.issue["code"]) == (422, "not-supported")


def test_a_rehearsed_creation_is_told_what_the_record_would_say(world: World) -> None:
    doctor, closed = a_doctor(), world.patient(active=False)
    anna = world.patient()
    world.team(anna, doctor)
    path = "DocumentReference/$validate?mode=create"
    body = make.a_document(anna).json()
    assert errors(world.as_(doctor).post(path, body)) == []
    both_labels = make.a_document(anna).labelled("MASQUE_PS", "INVISIBLE_PATIENT").json()
    assert errors(world.as_(doctor).post(path, both_labels)) == ["business-rule"]
    assert errors(world.as_(an_administrator()).post(path, body)) == ["forbidden"]
    nobody = body | {"subject": {"reference": f"Patient?identifier={make.INS}|000"}}
    assert errors(world.as_(doctor).post(path, nobody)) == ["business-rule"]
    assert closed not in str(world.trusted.get(f"DocumentReference?patient={closed}").ids)


def test_a_rehearsal_leaves_nothing_but_its_trace(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    mine = world.as_(doctor).post("DocumentReference", make.a_document(anna).json())
    before = world.counts(), world.trusted.get(f"DocumentReference/{mine.id}").body
    path = f"DocumentReference/{mine.id}/$validate"
    sent = {"X_Request_Id": "rehearsed"}
    changed = mine.json | {"description": "Relu"}
    assert errors(world.as_(doctor).post(f"{path}?mode=update", changed, **sent)) == []
    assert errors(world.as_(doctor).get(f"{path}?mode=delete", **sent)) == []
    new = make.a_document(anna).json()
    assert errors(world.as_(doctor).post("DocumentReference/$validate?mode=create", new)) == []
    assert before == (world.counts(), world.trusted.get(f"DocumentReference/{mine.id}").body)
    traced = world.traces(of=anna, request_id="rehearsed")
    assert len(traced) == 2
    assert all("update" not in str(one["subtype"]) for one in traced)


def test_a_rehearsed_change_that_would_be_refused_says_why(world: World) -> None:
    author, colleague = a_doctor(), a_doctor()
    anna = world.patient()
    world.team(anna, author, colleague)
    mine = world.as_(author).post("DocumentReference", make.a_document(anna).json())
    path = f"DocumentReference/{mine.id}/$validate"
    reply = world.as_(colleague).get(f"{path}?mode=delete", X_Request_Id="refused-rehearsal")
    assert errors(reply) == ["forbidden"]
    stale = world.as_(author).post(f"{path}?mode=update", mine.json, If_Match='W/"9"')
    assert errors(stale) == ["conflict"]
    [trace] = world.traces(of=anna, request_id="refused-rehearsal")
    assert trace["outcome"] != "0"


def test_who_may_not_read_may_rehearse_a_change_of_their_own(world: World) -> None:
    """R22."""
    hospital, anna = a_hospital(), world.patient()
    document = make.a_document(anna)
    made = world.as_(hospital).post("DocumentReference", document.json())
    path = f"DocumentReference/{made.id}/$validate?mode=update"
    assert errors(world.as_(hospital).post(path, document.json() | {"id": made.id})) == []


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


# parts of resources ------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["_summary=true", "_elements=code"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_part_is_marked_and_whole_in_what_is_mandatory_wherever_it_is_asked(
    world: World, asked: str, form: str
) -> None:
    """https://hl7.org/fhir/R4/search.html#elements."""
    anna = world.patient()
    id_ = world.has(make.an_observation(anna, note=[{"text": "left out"}]))
    for path in (
        f"Observation/{id_}?{asked}",
        f"Observation/{id_}/_history/1?{asked}",
        f"Observation?_id={id_}&{asked}",
        f"Observation/{id_}/_history?{asked}",
        f"Observation/_history?{asked}",
        f"Patient/{anna}/$everything?_type=Observation&{asked}",
    ):
        reply = world.trusted.get(f"{path}&_format={form}")
        assert reply.status == 200, reply.body
        text = reply.body.decode()
        assert "SUBSETTED" in text, path
        assert "left out" not in text, path
        assert "final" in text, path
        assert "718-7" in text, path


# in batches --------------------------------------------------------------------------------------


def statuses(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [one["response"]["status"][:3] for one in reply.entries]


def test_operations_are_entries_of_a_batch(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    tag = make.parameters(meta={"valueMeta": {"tag": [TAG]}})
    reply = world.trusted.transact(
        entry("GET", f"Patient/{anna}/$everything?_count=1"),
        entry("HEAD", f"Patient/{anna}/$meta"),
        entry("GET", "$meta"),
        entry("GET", f"Patient/{anna}/_history/1/$meta"),
        entry("POST", "Patient/$validate", {"resourceType": "Patient"}),
        entry("POST", "Patient/$validate", make.parameters(resource={"resource": {"resourceType": "Patient"}})),
        entry("POST", f"Patient/{anna}/$meta-add", tag),
        entry("POST", f"Patient/{anna}/$everything"),
        kind="batch",
    )  # fmt: skip
    assert statuses(reply) == ["200"] * 8
    kinds = [one.get("resource", {}).get("resourceType") for one in reply.entries]
    assert kinds == ["Bundle", None, "Parameters", "Parameters", "OperationOutcome",
                     "OperationOutcome", "Parameters", "Bundle"]  # fmt: skip
    assert meta_of(world.trusted.get(f"Patient/{anna}/$meta"))["tag"] == [TAG]


def test_an_operation_in_a_batch_is_refused_as_it_would_be_alone(world: World) -> None:
    hidden, absent = world.patient(), make.new_id()
    caller = world.as_(a_doctor())
    urls = [
        f"Patient/{id_}/{name}" for id_ in (hidden, absent) for name in ("$everything", "$meta")
    ]
    reply = caller.transact(
        *(entry("GET", url) for url in urls),
        entry("GET", "Patient/$nothing"),
        entry("GET", f"Patient/{absent}/$meta-add"),
        entry("PUT", "Patient/$validate", {"resourceType": "Patient"}),
        entry("GET", "Nothing/$meta"),
        entry("GET", "Patient/1/a/b/$meta"),
        kind="batch",
    )
    assert statuses(reply) == ["404"] * 5 + ["405", "400", "400", "400"]


def test_a_transaction_reads_by_operations_and_writes_by_none(world: World) -> None:
    anna = world.patient()
    read = world.trusted.transact(
        entry("POST", "Observation", make.an_observation(anna)),
        entry("GET", f"Patient/{anna}/$everything?_type=Observation"),
    )
    assert statuses(read) == ["201", "200"]
    assert read.entries[1]["resource"]["total"] == 1
    tag = make.parameters(meta={"valueMeta": {"tag": [TAG]}})
    written = world.trusted.transact(entry("POST", f"Patient/{anna}/$meta-add", tag))
    assert (written.status, written.issue["expression"]) == (400, ["Bundle.entry[0].request"])
