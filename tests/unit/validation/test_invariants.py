"""Resources meet the invariants of R4: https://hl7.org/fhir/R4/conformance-rules.html."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.fhir.exact import Exact
from fhir_server.validation import validate

Json = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
CODE = {"text": "a"}
NARRATIVE = {
    "status": "generated",
    "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>',
}


def unmet(resource: Json, *, warnings: bool = False) -> list[tuple[str, str]]:
    """Return key and place of each invariant that `resource` doesn't meet, by its key."""
    issues = validate(resource, resource["resourceType"], warnings=warnings)
    assert {issue.code for issue in issues} <= {"invariant"}, issues
    return [(issue.diagnostics.partition(" ")[0], issue.expression) for issue in issues]


def patient(**members: Any) -> Json:
    return {"resourceType": "Patient"} | members


def observation(**members: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "code": CODE} | members


def bundle(type_: str, *entries: Json, **members: Any) -> Json:
    found: Json = {"resourceType": "Bundle", "type": type_} | members
    return found | ({"entry": list(entries)} if entries else {})


def test_a_fault_names_the_key_the_expression_and_the_place() -> None:
    [issue] = validate(patient(contact=[{"gender": "female"}]), "Patient")
    assert issue.code == "invariant"
    assert issue.severity == "error"
    assert issue.expression == "Patient.contact[0]"
    assert issue.diagnostics == (
        "pat-1 is not met: `name.exists() or telecom.exists() or address.exists() or "
        "organization.exists()`"
    )


def test_invariants_can_be_left_out() -> None:
    assert validate(patient(contact=[{"gender": "female"}]), "Patient", invariants=False) == []


def test_pat_1_is_met_by_any_way_to_reach_a_contact() -> None:
    assert unmet(patient(contact=[{"name": {"text": "a"}}, {"telecom": [{"value": "1"}]}])) == [
        ("cpt-2", "Patient.contact[1].telecom[0]")
    ]


def test_cpt_2_asks_for_the_system_of_a_telecom() -> None:
    assert unmet(patient(telecom=[{"value": "1"}])) == [("cpt-2", "Patient.telecom[0]")]
    assert unmet(patient(telecom=[{"value": "1", "system": "phone"}])) == []


@pytest.mark.parametrize(
    ("start", "end", "met"),
    [
        ("2020-01-02", "2020-01-01", False),
        ("2020-01-01", "2020-01-01", True),
        ("2020-05", "2020", True),
        ("2021", "2020-12-31", False),
        ("2020-01-01T10:00:00Z", "2020-01-01T09:00:00Z", False),
        ("2020-01-01T10:00:00+02:00", "2020-01-01T09:00:00Z", True),
        ("2020-01-01T23:30:00-05:00", "2020-01-01", True),
        ("2020-01-03T23:30:00-05:00", "2020-01-01", False),
    ],
)
def test_per_1_refuses_an_end_certainly_before_the_start(start: str, end: str, met: bool) -> None:
    found = unmet(patient(identifier=[{"value": "a", "period": {"start": start, "end": end}}]))
    assert found == ([] if met else [("per-1", "Patient.identifier[0].period")])


def test_per_1_does_not_judge_an_end_of_which_only_an_extension_is_known() -> None:
    unknown = {"extension": [{"url": "http://example.org/why", "valueString": "lost"}]}
    period = {"start": "2020", "_end": unknown}
    assert unmet(patient(identifier=[{"value": "a", "period": period}])) == []


def test_obs_6_and_obs_7_tie_a_value_to_its_code() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "1-1"}]}
    assert unmet(observation(valueString="a", dataAbsentReason=CODE)) == [("obs-6", "Observation")]
    assert unmet(observation(code=code, valueString="a", component=[{"code": code}])) == [
        ("obs-7", "Observation")
    ]
    assert unmet(observation(code=code, component=[{"code": code}])) == []


def test_obs_3_asks_for_something_in_a_reference_range() -> None:
    assert unmet(observation(referenceRange=[{"type": CODE}])) == [
        ("obs-3", "Observation.referenceRange[0]")
    ]


def test_ref_1_is_judged_with_the_structure() -> None:
    [issue] = validate(observation(subject={"reference": "#p"}), "Observation")
    assert (issue.code, issue.expression) == ("value", "Observation.subject")
    contained = [patient(id="p")]
    assert unmet(observation(subject={"reference": "#p"}, contained=contained)) == []


def test_ref_1_lets_a_contained_resource_name_its_container_and_its_siblings() -> None:
    practitioner = {"resourceType": "Practitioner", "id": "q"}
    contained = [
        patient(id="p", generalPractitioner=[{"reference": "#q"}]),
        practitioner,
        {"resourceType": "Provenance", "id": "r"}
        | {"target": [{"reference": "#"}], "recorded": "2020-01-01T00:00:00Z"}
        | {"agent": [{"who": {"reference": "#q"}}]},
    ]
    assert unmet(observation(subject={"reference": "#p"}, contained=contained)) == []


def test_dom_3_refuses_a_contained_resource_that_nothing_refers_to() -> None:
    assert unmet(observation(contained=[patient(id="p")])) == [("dom-3", "Observation")]


def test_dom_3_takes_a_canonical_for_a_reference() -> None:
    questionnaire = {"resourceType": "Questionnaire", "id": "q", "status": "draft"}
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed"}
    assert unmet(answers | {"contained": [questionnaire], "questionnaire": "#q"}) == []


def test_dom_6_is_a_warning_and_not_for_contained_resources() -> None:
    resource = observation(subject={"reference": "#p"}, contained=[patient(id="p")])
    assert unmet(resource) == []
    assert unmet(resource, warnings=True) == [("dom-6", "Observation")]
    assert unmet(resource | {"text": NARRATIVE}, warnings=True) == []
    issues = validate(resource, "Observation", warnings=True)
    assert [issue.severity for issue in issues] == ["warning"]


def test_the_form_of_a_name_is_a_warning_where_there_is_a_name() -> None:
    value_set = {"resourceType": "ValueSet", "status": "draft", "text": NARRATIVE}
    assert unmet(value_set, warnings=True) == []
    assert unmet(value_set | {"name": "two words"}, warnings=True) == [("vsd-0", "ValueSet")]


def test_con_3_warns_of_problems_without_a_clinical_status_only() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-category"
    condition = {"resourceType": "Condition", "subject": {"display": "a"}, "text": NARRATIVE}
    for code, found in (
        ("encounter-diagnosis", []),
        ("problem-list-item", [("con-3", "Condition")]),
    ):
        category = [{"coding": [{"system": system, "code": code}]}]
        assert unmet(condition | {"category": category}, warnings=True) == found


def test_con_4_ties_an_abatement_to_a_condition_that_ended() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    condition = {"resourceType": "Condition", "subject": {"display": "a"}}
    for code, found in (("active", [("con-4", "Condition")]), ("resolved", [])):
        status = {"coding": [{"system": system, "code": code}]}
        ended = condition | {"clinicalStatus": status, "abatementString": "last year"}
        assert unmet(ended) == found


def test_bdl_1_to_4_tie_what_entries_hold_to_the_type_of_bundle() -> None:
    request = {"method": "GET", "url": "Patient/1"}
    assert unmet(bundle("collection", total=1)) == [("bdl-1", "Bundle")]
    searched = {"resource": patient(), "search": {"mode": "match"}}
    assert unmet(bundle("collection", searched)) == [("bdl-2", "Bundle")]
    assert unmet(bundle("searchset", searched, total=1)) == []
    assert unmet(bundle("collection", {"request": request})) == [("bdl-3", "Bundle")]
    assert unmet(bundle("transaction", {"resource": patient()})) == [("bdl-3", "Bundle")]
    assert unmet(bundle("batch", {"request": request, "response": {"status": "200"}})) == [
        ("bdl-4", "Bundle")
    ]


def test_bdl_5_and_bdl_8_judge_an_entry() -> None:
    assert unmet(bundle("collection", {"fullUrl": "urn:uuid:a"})) == [("bdl-5", "Bundle.entry[0]")]
    entry = {"fullUrl": "http://a/Patient/1/_history/2", "resource": patient()}
    assert unmet(bundle("collection", entry)) == [("bdl-8", "Bundle.entry[0]")]


def test_bdl_7_lets_an_address_stand_twice_only_in_two_versions() -> None:
    first = {"fullUrl": "urn:uuid:a", "resource": patient(meta={"versionId": "1"})}
    second = {"fullUrl": "urn:uuid:a", "resource": patient(meta={"versionId": "2"})}
    assert unmet(bundle("collection", first, second)) == []
    assert unmet(bundle("collection", first, first)) == [("bdl-7", "Bundle")]


def test_bdl_9_to_12_say_what_documents_and_messages_begin_with() -> None:
    entry = {"resource": patient()}
    found = {key for key, _ in unmet(bundle("document", entry))}
    assert found == {"bdl-9", "bdl-10", "bdl-11"}
    assert unmet(bundle("message", entry)) == [("bdl-12", "Bundle")]


def test_que_2_finds_a_link_id_that_stands_twice_at_any_depth() -> None:
    inner = {"linkId": "1", "type": "string"}
    group = {"linkId": "2", "type": "group", "item": [inner]}
    questionnaire = {"resourceType": "Questionnaire", "status": "draft"}
    assert unmet(questionnaire | {"item": [group]}) == []
    assert unmet(questionnaire | {"item": [group, inner]}) == [("que-2", "Questionnaire")]


def test_que_13_is_not_met_when_it_cannot_be_true() -> None:
    initial = [{"valueString": "a"}, {"valueString": "b"}]
    item = {"linkId": "1", "type": "string", "initial": initial}
    questionnaire = {"resourceType": "Questionnaire", "status": "draft"}
    assert unmet(questionnaire | {"item": [item]}) == [("que-13", "Questionnaire.item[0]")]
    assert unmet(questionnaire | {"item": [item | {"repeats": True}]}) == []


def test_csd_1_finds_a_code_that_stands_twice_in_the_hierarchy() -> None:
    system = {"resourceType": "CodeSystem", "status": "draft", "content": "complete"}
    concept = {"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}]}
    assert unmet(system | {"concept": [concept, {"code": "d"}]}) == []
    assert unmet(system | {"concept": [concept, {"code": "c"}]}) == [("csd-1", "CodeSystem")]


def test_sdf_4_asks_for_a_base_of_what_is_not_abstract() -> None:
    definition: Json = {"resourceType": "StructureDefinition", "url": "http://example.org/a"}
    definition |= {"name": "A", "status": "draft", "kind": "logical", "abstract": False}
    element = {"id": "A", "path": "A"}
    definition |= {"type": "http://example.org/a", "differential": {"element": [element]}}
    assert unmet(definition) == [("sdf-4", "StructureDefinition")]
    assert unmet(definition | {"abstract": True}) == []


def test_eld_3_is_judged_on_a_primitive() -> None:
    element = {"path": "A", "id": "A", "max": "many"}
    definition: Json = {"resourceType": "StructureDefinition", "url": "http://example.org/a"}
    definition |= {"name": "A", "status": "draft", "kind": "logical", "abstract": True}
    definition |= {"type": "http://example.org/a", "differential": {"element": [element]}}
    place = "StructureDefinition.differential.element[0].max"
    assert ("eld-3", place) in unmet(definition)


def test_a_constraint_on_an_element_is_judged_beside_those_of_its_type() -> None:
    telecom = [{"value": "1", "use": "home"}]
    organization = {"resourceType": "Organization", "name": "a", "telecom": telecom}
    place = "Organization.telecom[0]"
    assert unmet(organization) == [("org-3", place), ("cpt-2", place)]


@pytest.mark.parametrize(
    ("low", "high", "met"),
    [
        ({"value": 2}, {"value": 1}, False),
        ({"value": 1}, {"value": Exact("1.00")}, True),
        ({"value": 2, "unit": "g"}, {"value": 1, "unit": "kg"}, True),
        ({"unit": "g"}, {"value": 1, "unit": "g"}, True),
    ],
)
def test_rng_2_compares_what_has_the_same_unit(low: Json, high: Json, met: bool) -> None:
    found = unmet(observation(valueRange={"low": low, "high": high}))
    assert found == ([] if met else [("rng-2", "Observation.valueRange")])


def test_ras_2_judges_a_probability_where_there_is_one() -> None:
    assessment: Json = {"resourceType": "RiskAssessment", "status": "final"}
    assessment["subject"] = {"display": "a"}
    for prediction, found in (
        ({"outcome": CODE}, []),
        ({"probabilityDecimal": 100}, []),
        ({"probabilityDecimal": 101}, [("ras-2", "RiskAssessment.prediction[0]")]),
        (
            {"probabilityRange": {"low": {"value": 1}}},
            [("ras-1", "RiskAssessment.prediction[0].probability")],
        ),
    ):
        assert [
            (key, place.removesuffix("Range"))
            for key, place in unmet(assessment | {"prediction": [prediction]})
        ] == found


def test_tim_9_judges_several_moments() -> None:
    def request(*when: str) -> Json:
        repeat = {"when": list(when), "offset": 5}
        dosage = [{"timing": {"repeat": repeat}}]
        found = {"resourceType": "MedicationRequest", "status": "active", "intent": "order"}
        more = {"medicationCodeableConcept": CODE, "subject": {"display": "a"}}
        return found | more | {"dosageInstruction": dosage}

    place = "MedicationRequest.dosageInstruction[0].timing.repeat"
    assert unmet(request("ACM", "PCV")) == []
    assert unmet(request("C")) == [("tim-9", place)]


def test_ctm_1_reads_the_type_of_a_member_in_its_reference() -> None:
    team = {"resourceType": "CareTeam"}
    behalf = {"onBehalfOf": {"reference": "Organization/1"}}
    for member, found in (
        ({"reference": "Practitioner/1"}, []),
        ({"identifier": {"value": "1"}}, []),
        ({"reference": "Patient/1"}, [("ctm-1", "CareTeam.participant[0]")]),
    ):
        assert unmet(team | {"participant": [behalf | {"member": member}]}) == found


def test_an_invariant_is_judged_inside_the_extension_of_a_primitive() -> None:
    period = {"start": "2020", "end": "2019"}
    extension = {"url": "http://example.org/when", "valuePeriod": period}
    resource = patient(gender="female", _gender={"extension": [extension]})
    assert unmet(resource) == [("per-1", "Patient.gender.extension[0].valuePeriod")]


def test_at_most_a_hundred_are_listed() -> None:
    assert len(unmet(patient(telecom=[{"value": "1"}] * 500))) == 100


def test_what_depends_on_the_resource_alone_is_computed_once() -> None:
    coding = [{"system": "http://loinc.org", "code": str(n)} for n in range(2000)]
    component = [{"code": {"coding": [{"code": str(n)}]}} for n in range(2000)]
    resource = observation(code={"coding": coding}, component=component, valueString="a")
    before = time.perf_counter()
    assert unmet(resource) == []
    # obs-7 compares each component with each coding: some 10 s if it really did.
    assert time.perf_counter() - before < 2


def test_five_thousand_items_are_judged_in_a_moment() -> None:
    item = [{"linkId": str(n), "type": "string"} for n in range(5000)]
    before = time.perf_counter()
    assert unmet({"resourceType": "Questionnaire", "status": "draft", "item": item}) == []
    # A union of ten literals that asked each earlier one again would take a minute.
    assert time.perf_counter() - before < 3


_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["a", "#a", "#", "2020", "*"])
)
_names = st.sampled_from(
    [
        "contained",
        "resourceType",
        "id",
        "text",
        "div",
        "reference",
        "period",
        "start",
        "end",
        "identifier",
        "extension",
        "url",
        "valuePeriod",
        "_gender",
        "gender",
        "contact",
        "name",
        "telecom",
        "value",
        "system",
        "entry",
        "resource",
        "type",
        "item",
    ]
)
_resources = st.dictionaries(
    _names,
    st.recursive(
        _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner)
    ),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_resources, st.sampled_from(["Patient", "Bundle", "Questionnaire", "Observation"]))
def test_no_object_whatever_makes_validation_raise(resource: Json, type_: str) -> None:
    validate(resource | {"resourceType": type_}, type_, warnings=True)
