"""Resources are judged as R4 says: https://hl7.org/fhir/R4/validation.html."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.json import parse
from fhir_server.validation import validate


def faults(resource: dict[str, Any]) -> list[tuple[str, str, str]]:
    issues = validate(resource, resource["resourceType"])
    return [(issue.code, issue.expression, issue.diagnostics) for issue in issues]


def patient(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient"} | members


def test_a_valid_resource_has_no_fault() -> None:
    assert faults(patient(name=[{"family": "Curie", "given": ["Marie"]}], gender="female")) == []


def test_every_fault_is_listed_with_its_place() -> None:
    resource = patient(
        birthDate="1867-13-07",
        name=[{"given": ["Marie", ""]}, {"famly": "Curie"}],
        gender="f",
        contact=[],
    )
    assert faults(resource) == [
        ("value", "Patient.birthDate", "`1867-13-07` is not of type date"),
        ("value", "Patient.name[0].given[1]", "a string must not be empty"),
        ("structure", "Patient.name[1]", "`famly` is not an element of HumanName"),
        (
            "code-invalid",
            "Patient.gender",
            "`f` is not a code of http://hl7.org/fhir/ValueSet/administrative-gender",
        ),
        ("structure", "Patient.contact", "an array must not be empty"),
    ]


@pytest.mark.parametrize(
    ("resource", "fault"),
    [
        (
            {"resourceType": "Observation", "code": {"text": "a"}},
            ("required", "Observation.status", "`status` is missing"),
        ),
        (patient(name={"text": "a"}), ("structure", "Patient.name", "an array expected")),
        (patient(active=["true"]), ("value", "Patient.active", "true or false expected")),
        (patient(active=1), ("value", "Patient.active", "true or false expected")),
        (patient(gender=None), ("value", "Patient.gender", "a string expected")),
        (
            patient(maritalStatus=["a"]),
            ("structure", "Patient.maritalStatus", "an object expected"),
        ),
        (
            patient(maritalStatus={}),
            ("structure", "Patient.maritalStatus", "an object must not be empty"),
        ),
        (
            patient(maritalStatus={"id": "a"}),
            ("structure", "Patient.maritalStatus", "an object must not be empty"),
        ),
        (
            patient(multipleBirthInteger=2, multipleBirthBoolean=True),
            (
                "structure",
                "Patient.multipleBirth",
                "`multipleBirthInteger` and `multipleBirthBoolean` exclude each other",
            ),
        ),
        (
            patient(multipleBirthString="2"),
            ("structure", "Patient", "`multipleBirthString` is not an element of Patient"),
        ),
        (patient(id="a/b"), ("value", "Patient.id", "`a/b` is not of type id")),
        (patient(id="a" * 65), ("value", "Patient.id", f"`{'a' * 60}…` is not of type id")),
        (
            patient(birthDate="2021-02-30"),
            ("value", "Patient.birthDate", "`2021-02-30` is not a day of the calendar"),
        ),
        (
            patient(multipleBirthInteger=2**31),
            (
                "value",
                "Patient.multipleBirth",
                "`2147483648` is not between -2147483648 and 2147483647",
            ),
        ),
        (
            patient(photo=[{"data": "a"}]),
            ("value", "Patient.photo[0].data", "not base64"),
        ),
        (
            patient(name=[{"text": "a\x00"}]),
            ("value", "Patient.name[0].text", "the character U+0000 is not allowed in a text"),
        ),
        (
            patient(extension=[{"url": "a"}]),
            (
                "invariant",
                "Patient.extension[0]",
                "an extension has either a value or extensions (ext-1)",
            ),
        ),
        (
            patient(generalPractitioner=[{"reference": "Device/1"}]),
            (
                "value",
                "Patient.generalPractitioner[0]",
                (
                    "a reference to Device is not allowed here: Organization, Practitioner, "
                    "PractitionerRole"
                ),
            ),
        ),
        (
            patient(generalPractitioner=[{"reference": "Doctor/1"}]),
            (
                "value",
                "Patient.generalPractitioner[0]",
                "`Doctor/1` does not name a resource type",
            ),
        ),
        (
            patient(generalPractitioner=[{"reference": "Organization/1", "type": "Practitioner"}]),
            (
                "value",
                "Patient.generalPractitioner[0]",
                "the reference names Organization, its type `Practitioner`",
            ),
        ),
        (
            patient(generalPractitioner=[{"reference": "#a"}]),
            (
                "value",
                "Patient.generalPractitioner[0]",
                "no contained resource has the id `#a`",
            ),
        ),
    ],
)
def test_a_fault_is_named(resource: dict[str, Any], fault: tuple[str, str, str]) -> None:
    assert faults(resource) == [fault]


@pytest.mark.parametrize(
    ("members", "diagnostics"),
    [
        ({"given": ["a", None]}, "null is not a value"),
        ({"given": ["a"], "_given": [None]}, "`_given` says nothing"),
        ({"given": ["a"], "_given": [{"id": "1"}, None]}, "`given` and `_given` differ in length"),
        ({"given": ["a"], "_given": {"id": "1"}}, "an array expected"),
        ({"given": ["a"], "_given": ["b"]}, "an object or null expected"),
        ({"_family": {"value": "a"}}, "`value` is not an element of Element"),
    ],
)
def test_a_sibling_of_a_primitive_is_judged(members: dict[str, Any], diagnostics: str) -> None:
    assert diagnostics in [fault for _, _, fault in faults(patient(name=[members]))]


@pytest.mark.parametrize(
    "members",
    [
        {"given": ["a", None], "_given": [None, {"extension": [{"url": "u", "valueCode": "x"}]}]},
        {
            "_family": {
                "extension": [
                    {"url": "u", "_valueString": {"extension": [{"url": "v", "valueCode": "x"}]}}
                ]
            }
        },
        {"given": ["a\u00a0"], "family": "\u00a0"},
    ],
)
def test_what_only_a_sibling_or_an_unusual_space_says_is_accepted(members: dict[str, Any]) -> None:
    assert faults(patient(name=[members])) == []


def test_numbers_are_judged_by_their_text() -> None:
    body = b'{"resourceType":"Patient","multipleBirthInteger":%s}'
    assert faults(parse(body % b"-0").resource) == []
    assert faults(parse(body % b"1.0").resource) == [
        ("value", "Patient.multipleBirth", "a whole number expected")
    ]


def test_a_required_binding_of_a_concept_needs_one_coding_of_it() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    resource = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
    coding = {
        "coding": [{"system": "http://local", "code": "x"}, {"system": system, "code": "active"}]
    }
    assert faults(resource | {"clinicalStatus": coding}) == []
    assert faults(resource | {"clinicalStatus": {"text": "active"}}) == [
        (
            "code-invalid",
            "Condition.clinicalStatus",
            "no coding is of http://hl7.org/fhir/ValueSet/condition-clinical",
        )
    ]


def test_contained_resources_hold_no_others_and_no_version() -> None:
    inner = {
        "resourceType": "Organization",
        "id": "o",
        "meta": {"versionId": "1"},
        "contained": [{"resourceType": "Basic", "id": "b", "code": {"text": "x"}}],
    }
    assert faults(patient(contained=[inner], managingOrganization={"reference": "#o"})) == [
        ("invariant", "Patient.contained[0]", "a contained resource contains no other (dom-2)"),
        (
            "invariant",
            "Patient.contained[0].meta.versionId",
            "a contained resource has no `versionId` (dom-4)",
        ),
    ]


def test_a_reference_to_a_contained_resource_has_its_type() -> None:
    inner = {"resourceType": "Device", "id": "d"}
    found = faults(patient(contained=[inner], managingOrganization={"reference": "#d"}))
    assert [place for _, place, _ in found] == ["Patient.managingOrganization"]


@pytest.mark.parametrize("type_", ["SubscriptionStatus", "Ingredient", "Resource", "", 3, None, []])
def test_a_type_that_r4_lacks_is_refused_inside_a_bundle(type_: object) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": type_}}],
    }
    assert [place for _, place, _ in faults(bundle)] == ["Bundle.entry[0].resource"]


def test_another_type_than_expected_is_refused() -> None:
    assert [issue.code for issue in validate(patient(), "Observation")] == ["invalid"]


def test_the_list_of_faults_is_bounded() -> None:
    issues = validate(patient(name=[{}] * 5000), "Patient")
    assert len(issues) == 101
    assert issues[-1].code == "too-costly"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["Patient/1", "#a", "2020"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "extension",
                    "url",
                    "valueReference",
                    "reference",
                    "contained",
                    "meta",
                    "text",
                    "div",
                    "_given",
                    "given",
                    "coding",
                    "code",
                    "resourceType",
                    "entry",
                    "resource",
                    "name",
                    "value",
                    "_url",
                    "versionId",
                    "type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted(RESOURCE_TYPES)),
    st.dictionaries(
        st.sampled_from(
            ["text", "contained", "extension", "meta", "name", "entry", "code", "parameter", "id"]
        ),
        values,
        max_size=4,
    ),
)
def test_any_resource_is_judged_without_an_exception(type_: str, members: dict[str, Any]) -> None:
    for issue in validate({"resourceType": type_} | members, type_):
        assert issue.diagnostics
