"""What an expression finds, one construct of the subset at a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions import (
    RESOURCE_TYPES,
    SearchParameter,
    all_search_parameters,
    search_parameters,
)
from fhir_server.search.paths import (
    ExpressionError,
    Node,
    compile_component,
    compile_composite,
    compile_expression,
    extractor,
)

SUBJECT_IS_PATIENT = "Observation.subject.where(resolve() is Patient)"


def find(expression: str, resource: dict[str, Any]) -> list[Node]:
    return compile_expression(expression, resource["resourceType"])(resource)


def an_observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o", **elements}


def a_patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", **elements}


def test_a_path_goes_through_arrays() -> None:
    patient = a_patient(name=[{"given": ["Anne", "Lise"]}, {"family": "X"}, {"given": ["Zoé"]}])
    assert [node.value for node in find("Patient.name.given", patient)] == ["Anne", "Lise", "Zoé"]


def test_a_node_has_the_type_of_its_element() -> None:
    assert find("Patient.birthDate", a_patient(birthDate="1970")) == [Node("date", "1970")]


def test_a_backbone_element_has_its_path_for_type() -> None:
    observation = an_observation(component=[{"valueBoolean": True}])
    assert find("Observation.component", observation)[0].type == "Observation.component"


def test_the_id_of_a_resource_is_found_through_the_type_it_specialises() -> None:
    assert find("Resource.id", a_patient()) == [Node("id", "p")]


def test_the_path_of_another_resource_type_leads_nowhere() -> None:
    assert find("Patient.name | Practitioner.name", a_patient(name=[{"text": "A"}])) == [
        Node("HumanName", {"text": "A"})
    ]


def test_a_choice_takes_the_type_that_is_present() -> None:
    observation = an_observation(effectivePeriod={"start": "2020"})
    assert find("Observation.effective", observation) == [Node("Period", {"start": "2020"})]


@pytest.mark.parametrize(
    "expression",
    [
        "Observation.value as Quantity",
        "(Observation.value as Quantity)",
        "Observation.value.as(Quantity)",
        "Observation.value.ofType(Quantity)",
    ],
)
def test_a_type_keeps_one_of_a_choice(expression: str) -> None:
    assert find(expression, an_observation(valueQuantity={"value": 1})) == [
        Node("Quantity", {"value": 1})
    ]
    assert find(expression, an_observation(valueString="1")) == []


def test_a_primitive_type_may_be_written_with_a_capital() -> None:
    observation = an_observation(valueDateTime="2020-01")
    assert find("Observation.value.as(DateTime)", observation) == [Node("dateTime", "2020-01")]


def test_as_takes_the_very_type_and_not_one_that_specialises_it() -> None:
    assert find("(Patient.gender as string)", a_patient(gender="female")) == []


def test_a_path_goes_on_after_a_type() -> None:
    observation = an_observation(valueCodeableConcept={"text": "positif"})
    found = find("(Observation.value as CodeableConcept).text", observation)
    assert found == [Node("string", "positif")]


def test_where_compares_an_element_with_a_text() -> None:
    patient = a_patient(telecom=[{"system": "phone", "value": "1"}, {"system": "email"}])
    found = find("Patient.telecom.where(system='phone')", patient)
    assert [node.value["value"] for node in found] == ["1"]


def test_a_position_takes_one_entry_with_the_type_of_its_resource() -> None:
    first, second = {"resourceType": "Composition"}, a_patient()
    bundle = {"resourceType": "Bundle", "entry": [{"resource": first}, {"resource": second}]}
    assert find("Bundle.entry[0].resource", bundle) == [Node("Composition", first)]
    assert len(find("Bundle.entry.resource", bundle)) == 2
    assert find("Bundle.entry.first().resource", bundle) == [Node("Composition", first)]


def test_an_extension_is_found_by_its_url() -> None:
    wanted = {"url": "http://a", "valueCode": "x"}
    patient = a_patient(extension=[{"url": "http://b"}, wanted])
    assert find("Patient.extension('http://a')", patient) == [Node("Extension", wanted)]
    assert find("extension.where(url='http://a').value", patient) == [Node("code", "x")]


def test_an_element_is_kept_when_it_has_the_extension() -> None:
    is_subject = "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject"
    answer = [{"valueReference": {"reference": "Patient/1"}}]
    response = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"answer": answer}, {"extension": [{"url": is_subject}], "answer": answer}],
    }
    parameter = search_parameters("QuestionnaireResponse")["item-subject"]
    assert find(parameter.expression, response) == [Node("Reference", {"reference": "Patient/1"})]


@pytest.mark.parametrize(
    ("elements", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2015-02-14"}, True),
    ],
)
def test_deceased_is_a_condition_with_an_answer_for_everyone(
    elements: dict[str, Any], deceased: bool
) -> None:
    assert extractor("Patient")(a_patient(**elements))["deceased"] == [Node("boolean", deceased)]


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/1"},
        {"reference": "Patient/1/_history/2"},
        {"reference": "https://example.org/fhir/Patient/1"},
        {"reference": "#p"},
        {"reference": "urn:uuid:7d9a4ea6-9d33-4d5d-9a26-2a6b3a3b7b0c", "type": "Patient"},
    ],
)
def test_a_reference_that_resolves_to_the_type_is_kept(reference: dict[str, Any]) -> None:
    observation = an_observation(subject=reference, contained=[a_patient()])
    assert find(SUBJECT_IS_PATIENT, observation) == [Node("Reference", reference)]


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Group/1"},
        {"reference": "Group/Patient"},
        {"reference": "#other"},
        {"reference": "#"},
        {"reference": "urn:uuid:7d9a4ea6-9d33-4d5d-9a26-2a6b3a3b7b0c"},
        {"reference": "Group/1", "type": "Patient"},
        {"identifier": {"value": "1"}, "type": "Patient"},
        {"reference": 5},
        {},
    ],
)
def test_a_reference_that_resolves_to_anything_else_is_left_out(
    reference: dict[str, Any],
) -> None:
    observation = an_observation(subject=reference, contained=[a_patient()])
    assert find(SUBJECT_IS_PATIENT, observation) == []


def test_a_null_that_holds_the_place_of_an_extension_is_no_value() -> None:
    patient = a_patient(name=[{"given": [None, "Anne"], "_given": [{"id": "a"}, None]}])
    assert find("Patient.name.given", patient) == [Node("string", "Anne")]


def test_false_and_zero_are_values() -> None:
    assert find("Patient.active", a_patient(active=False)) == [Node("boolean", False)]
    assert find("Observation.value", an_observation(valueInteger=0)) == [Node("integer", 0)]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Patient.foo", "`Patient` has no element `foo`"),
        ("Patient.deceasedBoolean", "`Patient` has no element `deceasedBoolean`"),
        ("Patient.name as Foo", "`Foo` is not a type of R4"),
        ("Patient.name.", "unexpected end"),
        ("Patient.name & 'a'", "unexpected `&`"),
        ("Patient.name[x]", "unexpected `x`"),
        ("Patient.name.given.length()", "the function `length` is not supported here"),
        ("Patient.name and true", "a path stands where a condition is needed"),
        ("", "unexpected end"),
    ],
)
def test_an_expression_outside_the_subset_is_refused_with_its_text(
    expression: str, message: str
) -> None:
    with pytest.raises(ExpressionError) as refusal:
        compile_expression(expression, "Patient")
    assert message in str(refusal.value)
    assert str(refusal.value).endswith(f"in the expression `{expression}`")


def test_every_expression_of_r4_compiles_for_every_base() -> None:
    compiled = 0
    for parameter in all_search_parameters():
        for base in parameter.base if parameter.expression else ():
            compile_expression(parameter.expression, base)
            compiled += 1
    assert compiled == 1715


def test_every_composite_of_r4_compiles() -> None:
    composites = [p for p in all_search_parameters() if p.type == "composite"]
    for parameter in composites:
        for base in parameter.base:
            compile_composite(parameter, base)
    assert len(composites) == 46


def test_a_composite_pairs_the_components_of_one_value() -> None:
    observation = an_observation(
        code={"text": "pa"},
        component=[
            {"code": {"text": "sys"}, "valueQuantity": {"value": 120}},
            {"code": {"text": "dia"}, "valueQuantity": {"value": 80}},
            {"code": {"text": "none"}},
        ],
    )
    parameter = search_parameters("Observation")["component-code-value-quantity"]
    found = compile_composite(parameter, "Observation")(observation)
    assert found == [
        ([Node("CodeableConcept", {"text": "sys"})], [Node("Quantity", {"value": 120})]),
        ([Node("CodeableConcept", {"text": "dia"})], [Node("Quantity", {"value": 80})]),
    ]


def test_a_component_may_start_from_the_resource() -> None:
    component = compile_component(
        "%resource.referenceSeq.chromosome", "MolecularSequence.variant", "MolecularSequence"
    )
    sequence = {"resourceType": "MolecularSequence", "referenceSeq": {"chromosome": {"text": "1"}}}
    assert component({"start": 5}, sequence) == [Node("CodeableConcept", {"text": "1"})]


def test_the_extractor_leaves_out_what_finds_nothing() -> None:
    assert set(extractor("Observation")(an_observation(status="final"))) == {
        "_id",
        "status",
        # The value that a composite is about is the Observation itself.
        "code-value-concept",
        "code-value-date",
        "code-value-quantity",
        "code-value-string",
        "combo-code-value-concept",
        "combo-code-value-quantity",
    }


def test_the_extractor_gives_the_value_of_an_extension() -> None:
    parameter = SearchParameter(
        code="archived",
        url="",
        base=("List",),
        type="token",
        expression="List.extension('http://a')",
    )
    extension = [{"url": "http://a", "valueBoolean": False}, {"url": "http://b", "valueCode": "x"}]
    assert extractor("List", [parameter])({"resourceType": "List", "extension": extension}) == {
        "archived": [Node("boolean", False)]
    }


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["reference", "type", "code", "value", "extension", "url", "valueCode"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["DocumentReference", "Patient", "Observation", "Bundle"]), st.data())
def test_the_extractor_never_raises_on_a_resource_that_is_not_valid(
    type_: str, data: st.DataObject
) -> None:
    names = st.sampled_from(["subject", "context", "deceasedBoolean", "extension", "entry"])
    resource = data.draw(st.dictionaries(names | st.just("contained"), JUNK))
    assert isinstance(extractor(type_)({"resourceType": type_, **resource}), dict)


@given(st.text(alphabet="aA.()[]|='% 0,\\", max_size=20), st.sampled_from(sorted(RESOURCE_TYPES)))
def test_any_text_is_compiled_or_refused(text: str, type_: str) -> None:
    refusal = text
    try:
        compile_expression(text, type_)
    except ExpressionError as error:
        refusal = str(error)
    assert text in refusal
