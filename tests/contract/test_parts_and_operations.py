"""Parts of resources, conditional reads, and the operations."""

from __future__ import annotations

from tests.support import resources as make
from tests.support.people import a_doctor, a_podiatrist, the_patient
from tests.support.world import World

FULL = {
    "resourceType": "Patient",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "name": [{"family": "Lefèvre"}],
    "birthDate": "1980-01-01",
    "maritalStatus": {"text": "single"},
    "contact": [{"name": {"family": "Y"}}],
}


def test_the_forms_of_summary_keep_what_each_promises(world: World) -> None:
    """https://hl7.org/fhir/R4/search.html#summary."""
    path = f"Patient/{world.has(FULL | {'id': make.new_id()})}"
    always = {"resourceType", "id", "meta"}
    kept = {
        form: set(world.trusted.get(f"{path}?_summary={form}").json) - always
        for form in ("true", "text", "data", "false")
    }
    assert kept["true"] == {"name", "birthDate"}
    assert kept["text"] == {"text"}
    assert kept["data"] == {"name", "birthDate", "maritalStatus", "contact"}
    assert kept["false"] == kept["data"] | {"text"}


def test_elements_keeps_what_is_named_and_what_is_mandatory_and_says_so(world: World) -> None:
    anna = world.patient()
    observation = world.has(make.an_observation(anna))
    found = world.trusted.get(f"Observation/{observation}?_elements=subject").json
    assert set(found) == {"resourceType", "id", "meta", "subject", "status", "code"}
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"
    page = world.trusted.get(f"Observation?_id={observation}&_elements=Observation.subject")
    assert page.entries[0]["resource"] == found


def test_a_caller_who_has_the_version_is_told_so_without_a_body(world: World) -> None:
    """https://hl7.org/fhir/R4/http.html#cread."""
    path = f"Patient/{world.patient()}"
    have = world.trusted.get(path).headers
    for headers in (
        {"If_None_Match": have["etag"]},
        {"If_Modified_Since": have["last-modified"]},
    ):
        reply = world.trusted.get(path, **headers)
        assert (reply.status, reply.body) == (304, b"")
    assert world.trusted.get(path, If_None_Match='W/"99"').status == 200


def test_a_conditional_read_probes_nothing(world: World) -> None:
    """L22: hidden and absent are the same, whatever version is named."""
    hidden = f"DocumentReference/{world.document(world.patient())}"
    absent = f"DocumentReference/{make.new_hex()}"
    caller = world.as_(a_doctor())
    for path in (hidden, absent):
        assert caller.get(path, If_None_Match='W/"1"').status == 404


def test_everything_is_the_record_as_its_caller_may_see_it(world: World) -> None:
    podiatrist = a_podiatrist()
    anna = world.patient()
    world.team(anna, podiatrist)
    hidden = world.has(make.a_document(anna).typed("34112-3"))
    shown = world.has(make.a_document(anna).typed("PRESC-PEDI"))
    path = f"Patient/{anna}/$everything?_count=2"
    mine = [ref for page in world.as_(the_patient(anna)).walk(path) for ref in page.refs]
    theirs = [ref for page in world.as_(podiatrist).walk(path) for ref in page.refs]
    assert f"DocumentReference/{hidden}" in mine
    assert f"DocumentReference/{hidden}" not in theirs
    assert {f"DocumentReference/{shown}", f"Patient/{anna}"} <= set(theirs)
    total = world.as_(podiatrist).get(path).total
    assert total == len(set(theirs)) == len(theirs)
    assert world.as_(a_doctor()).get(path).status == 404


def test_everything_can_be_bounded_by_type_change_and_care(world: World) -> None:
    anna = world.patient()
    world.has(make.an_observation(anna))
    path = f"Patient/{anna}/$everything"
    caller = world.as_(the_patient(anna))
    assert caller.get(f"{path}?_type=Observation").refs.pop().startswith("Observation/")
    assert caller.get(f"{path}?_since=2999").total == 0
    assert caller.get(f"{path}?_type=Observation&start=2999").total == 0
    assert caller.get(f"{path}?_type=Nothing").status == 400
    assert caller.get(f"{path}?other=1").status == 400


def test_meta_is_shown_added_to_and_taken_from(world: World) -> None:
    path = f"Patient/{world.patient()}"
    tag = {"system": "urn:t", "code": "x"}
    given = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"tag": [tag]}}],
    }
    added = world.trusted.post(f"{path}/$meta-add", given)
    assert added.json["parameter"][0]["valueMeta"]["tag"] == [tag]
    twice = world.trusted.post(f"{path}/$meta-add", given)
    assert twice.json["parameter"][0]["valueMeta"]["tag"] == [tag]
    world.trusted.post(f"{path}/$meta-delete", given)
    left = world.trusted.get(f"{path}/$meta").json["parameter"][0]["valueMeta"]
    assert "tag" not in left
    assert world.trusted.post(f"{path}/$meta-add", {"resourceType": "Parameters"}).status == 400


def test_meta_operations_are_no_way_round_the_right_to_labels(world: World) -> None:
    """L32."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    document = world.has(make.a_document(anna).labelled("N"))
    secret = {"meta": {"security": [{"code": "INVISIBLE_PATIENT"}]}}
    given = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": secret["meta"]}],
    }
    reply = world.as_(the_patient(anna)).post(f"DocumentReference/{document}/$meta-add", given)
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")
    stranger = world.as_(a_doctor()).post(f"DocumentReference/{document}/$meta-add", given)
    assert stranger.status == 404


def test_validate_tells_every_problem_and_stores_nothing(world: World) -> None:
    before = world.counts()
    wrong = {"resourceType": "Patient", "gender": "tree", "nothing": 1}
    reply = world.trusted.post("Patient/$validate", wrong)
    assert reply.status == 200
    places = {issue["expression"][0] for issue in reply.json["issue"]}
    assert places == {"Patient.gender", "Patient"}
    fine = world.trusted.post("Patient/$validate", {"resourceType": "Patient"})
    assert {issue["severity"] for issue in fine.json["issue"]} <= {"information", "warning"}
    after = world.counts()
    assert {name: n for name, n in after.items() if name != "AuditEvent"} == {
        name: n for name, n in before.items() if name != "AuditEvent"
    }


def test_validate_knows_the_modes_and_refuses_others(world: World) -> None:
    anna = world.patient()
    body = {"resourceType": "Patient", "id": "other"}
    update = world.trusted.post(f"Patient/{anna}/$validate?mode=update", body)
    assert ["Patient.id"] in [issue["expression"] for issue in update.json["issue"]]
    assert world.trusted.post("Patient/$validate?mode=guess", body).status == 400
    profile = world.trusted.post("Patient/$validate?profile=urn:x", {"resourceType": "Patient"})
    assert (profile.status, profile.issue["code"]) == (422, "not-supported")
    assert "`urn:x`" in profile.issue["diagnostics"]


def test_a_document_is_assembled_of_what_its_caller_may_know(world: World) -> None:
    """L35."""
    podiatrist = a_podiatrist()
    anna = world.patient()
    world.team(anna, podiatrist)
    hidden = make.a_document(anna).typed("34112-3")
    shown = make.a_document(anna).typed("PRESC-PEDI")
    world.has(hidden)
    world.has(shown)
    composition = world.has(
        {
            "resourceType": "Composition",
            "id": make.new_id(),
            "status": "final",
            "type": {"text": "t"},
            "subject": make.reference(f"Patient/{anna}"),
            "date": "2024",
            "author": [make.reference(f"Patient/{anna}")],
            "title": "t",
            "section": [{"entry": [make.reference(hidden.ref), make.reference(shown.ref)]}],
        }
    )
    reply = world.as_(podiatrist).get(f"Composition/{composition}/$document")
    assert reply.json["type"] == "document"
    parts = [one["fullUrl"].rpartition("/fhir/")[2] for one in reply.entries]
    assert parts[0] == f"Composition/{composition}"
    assert shown.ref in parts
    assert hidden.ref not in parts
    assert hidden.ref not in reply.body.decode()


def test_docref_is_a_search_under_the_same_rights(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    world.document(anna)
    world.document(anna, "MASQUE_PS")
    path = f"DocumentReference/$docref?patient={anna}"
    assert world.as_(doctor).get(path).total == 1
    assert world.as_(the_patient(anna)).get(path).total == 2
    assert world.as_(a_doctor()).get(path).total == 0
    assert world.as_(doctor).get("DocumentReference/$docref?start=2020").status == 400
    given = {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueId": anna}],
    }
    assert world.as_(doctor).post("DocumentReference/$docref", given).total == 1
