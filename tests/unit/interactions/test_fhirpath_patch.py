"""FHIRPath Patch on resources: https://hl7.org/fhir/R4/fhirpatch.html."""

import os
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fhir_server.fhir.errors import BadRequest, TooLarge, Unprocessable
from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.xml import to_json
from fhir_server.interactions.fhirpath_patch import apply_patch, fhirpath_patch, read_patch

REFERENCE = Path(
    os.environ.get("FHIR_REFERENCE_DATA", Path(__file__).parents[4] / "shared" / "reference")
)

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [{"system": "s", "value": "v1"}, {"system": "s", "value": "w2"}],
    "name": [
        {"given": ["a", "b", None], "_given": [None, {"id": "g"}, {"id": "h"}]},
        {"use": "official", "family": "f"},
    ],
    "birthDate": "2000-01-01",
    "_birthDate": {"extension": [{"url": "u", "valueString": "x"}]},
    "deceasedBoolean": False,
}


def operation(type_: str, path: str, **parts: Any) -> dict[str, Any]:
    """Make an operation; a part is a string, a position, or the members of a part."""
    made: list[dict[str, Any]] = [
        {"name": "type", "valueCode": type_},
        {"name": "path", "valueString": path},
    ]
    for name, given_ in parts.items():
        if isinstance(given_, dict):
            made.append({"name": name, **given_})
        else:
            made.append({"name": name, _kind(given_): given_})
    return {"name": "operation", "part": made}


def _kind(value: object) -> str:
    return "valueInteger" if isinstance(value, int) else "valueString"


def patch(*operations: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    return fhirpath_patch(PATIENT, patch(*operations))


def cases() -> Iterator[Any]:
    file = REFERENCE / "fhir-test-cases" / "fhir-patch-tests.xml"
    if not file.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {file}; set FHIR_REFERENCE_DATA")
    yield from etree.parse(file).getroot().iter("case")


def inside(case: Any, name: str) -> dict[str, Any]:
    return to_json(etree.tostring(case.find(name)[0], with_tail=False))


@pytest.mark.reference
def test_the_cases_of_hl7_hold() -> None:
    for case in cases():
        resource, parameters = inside(case, "input"), inside(case, "diff")
        if case.find("error") is not None:
            with pytest.raises((BadRequest, Unprocessable)):
                fhirpath_patch(resource, parameters)
        else:
            assert fhirpath_patch(resource, parameters) == inside(case, "output"), case.get("name")


def test_an_item_of_a_primitive_goes_with_its_extensions() -> None:
    found = patched(operation("delete", "Patient.name[0].given[1]"))
    assert found["name"][0] == {"given": ["a", None], "_given": [None, {"id": "h"}]}


def test_an_item_of_a_primitive_moves_with_its_extensions() -> None:
    found = patched(operation("move", "Patient.name[0].given", source=2, destination=0))
    assert found["name"][0] == {
        "given": [None, "a", "b"],
        "_given": [{"id": "h"}, None, {"id": "g"}],
    }


def test_a_value_inserted_beside_extensions_keeps_them_in_line() -> None:
    value = {"valueString": "z", "_valueString": {"id": "z"}}
    found = patched(operation("insert", "Patient.name[0].given", index=0, value=value))
    assert found["name"][0] == {
        "given": ["z", "a", "b", None],
        "_given": [{"id": "z"}, None, {"id": "g"}, {"id": "h"}],
    }


def test_what_is_left_empty_goes_too() -> None:
    once = operation("delete", "Patient.name[0].given[0]")
    assert patched(once, once, once)["name"] == [PATIENT["name"][1]]


def test_an_extension_is_added_to_a_primitive() -> None:
    value = {"part": [{"name": "url", "valueUri": "z"}, {"name": "value", "valueInteger": 3}]}
    path = "Patient.name[0].given[0]"
    found = patched(operation("add", path, name="extension", value=value))
    extension = {"extension": [{"url": "z", "valueInteger": 3}]}
    assert found["name"][0]["_given"] == [extension, {"id": "g"}, {"id": "h"}]


def test_the_last_extension_of_a_primitive_leaves_its_value() -> None:
    found = patched(operation("delete", "Patient.birthDate.extension('u')"))
    assert found["birthDate"] == "2000-01-01"
    assert "_birthDate" not in found


def test_a_choice_takes_another_of_its_types() -> None:
    value = {"valueDateTime": "2020"}
    found = patched(operation("replace", "Patient.deceased", value=value))
    assert found["deceasedDateTime"] == "2020"
    assert "deceasedBoolean" not in found


def test_a_primitive_is_replaced_with_its_extensions() -> None:
    found = patched(operation("replace", "Patient.birthDate", value={"valueDate": "2001"}))
    assert found["birthDate"] == "2001"
    assert "_birthDate" not in found


def test_deleting_what_is_not_there_is_no_error() -> None:
    assert patched(operation("delete", "Patient.maritalStatus")) == PATIENT


def test_a_contained_resource_is_added_and_reached() -> None:
    basic = {"resource": {"resourceType": "Basic", "id": "b"}}
    found = patched(
        operation("add", "Patient", name="contained", value=basic),
        operation(
            "add", "Patient.contained.ofType(Basic)", name="language", value={"valueCode": "fr"}
        ),
    )
    assert found["contained"] == [{"resourceType": "Basic", "id": "b", "language": "fr"}]


def test_a_derived_type_may_be_given_as_its_base() -> None:
    found = patched(operation("add", "Patient", name="gender", value="female"))
    assert found["gender"] == "female"


def test_numbers_keep_their_text() -> None:
    resource = parse(b'{"resourceType":"Observation","valueQuantity":{"value":1.00}}').resource
    value = parse(b'{"valueDecimal":1e3}').resource
    one = operation("replace", "Observation.value.ofType(Quantity).value", value=value)
    assert dumps(fhirpath_patch(resource, patch(one))["valueQuantity"]) == b'{"value":1e3}'


@pytest.mark.parametrize(
    "path",
    [
        "Patient.identifier[1]",
        "identifier[1]",
        "DomainResource.identifier.last()",
        "Patient.identifier.where(value = 'w2')",
        "Patient.identifier.where(system = 's' and value = 'w2').single()",
        "Patient.identifier.where(value.startsWith('w'))",
        "Patient.identifier.where((value in ('v' | 'w2')) and use.empty())",
        "Patient.identifier.where(value = 'w2').where(system.exists())",
        " Patient . identifier [ 1 ] ",
        "Patient.`identifier`[1]",
    ],
)
def test_a_path_leads_to_one_item(path: str) -> None:
    assert patched(operation("delete", path))["identifier"] == [PATIENT["identifier"][0]]


def test_a_condition_may_be_about_the_item_itself() -> None:
    found = patched(operation("delete", "Patient.name.given.where($this = 'a')"))
    assert found["name"][0]["given"] == ["b", None]


MALFORMED = {
    "no operation": ({"name": "x"}, "a parameter with the name `operation` expected"),
    "an unknown type": (
        operation("remove", "Patient.name"),
        "`remove` is none of add, insert, delete, replace, move",
    ),
    "a missing part": (operation("add", "Patient", name="active"), "`value` is missing"),
    "a part without meaning": (
        operation("delete", "Patient.name", index=1),
        "`index` has no meaning for delete",
    ),
    "a position below zero": (
        operation("move", "Patient.name", source=-1, destination=0),
        "`source` must be a whole number, counted from 0",
    ),
    "two values": (
        operation("replace", "Patient.active", value={"valueCode": "a", "valueString": "b"}),
        "`value` must have one value",
    ),
    "a list without a name": (
        operation("move", "Patient.name[0]", source=0, destination=0),
        "the path must end in the name of a repeating element",
    ),
    "an open bracket": (
        operation("delete", "Patient.name["),
        "a number expected between `[` and `]`",
    ),
    "an operator": (operation("delete", "Patient.name | Patient.photo"), "unexpected `|`"),
    "a name missing": (operation("delete", "Patient."), "the name of an element expected at ``"),
    "an open parenthesis": (operation("delete", "Patient.name.where(use"), "`)` is missing"),
    "another resource": (
        operation("delete", "Patient.managingOrganization.resolve().name"),
        "the function `resolve` can't stand in a path to patch with these arguments",
    ),
    "a regular expression": (
        operation("delete", "Patient.name.where(family.matches('(a+)+$'))"),
        "the function `matches` can't stand in a condition to patch",
    ),
    "half a condition": (
        operation("delete", "Patient.name.where(use = )"),
        "the condition is not FHIRPath at character 5",
    ),
    "two conditions in a row": (
        operation("delete", "Patient.name.where(use = 'a' family)"),
        "the condition is not FHIRPath at character 10",
    ),
    "a deep condition": (
        operation("delete", f"Patient.name.where({'(' * 20}use{')' * 20} = 'a')"),
        "a condition nests at most 16 levels",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_operation_is_named(case: str) -> None:
    given_, diagnostics = MALFORMED[case]
    with pytest.raises(BadRequest) as refusal:
        read_patch(patch(operation("delete", "Patient.name"), given_))
    [issue] = refusal.value.issues
    assert issue.code == "structure"
    assert issue.expression == "Parameters.parameter[1]"
    assert issue.diagnostics.startswith("operation 1 of the patch")
    assert issue.diagnostics.endswith(f": {diagnostics}")


@pytest.mark.parametrize("parameters", [{}, {"resourceType": "Patient"}])
def test_only_parameters_are_a_patch(parameters: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="a FHIRPath Patch is a Parameters resource"):
        read_patch(parameters)


UNFIT = {
    "nothing there": (
        operation("replace", "Patient.gender", value={"valueCode": "male"}),
        "there is nothing at this path",
    ),
    "several there": (
        operation("delete", "Patient.identifier"),
        "2 elements are at this path, one expected",
    ),
    "there already": (
        operation("add", "Patient", name="deceased", value={"valueDateTime": "2020"}),
        "`deceased` is there already and can't repeat",
    ),
    "a type that can't be": (
        operation("replace", "Patient.deceased", value={"valueString": "x"}),
        "`deceased` can't be a string",
    ),
    "an element that isn't": (
        operation("add", "Patient", name="foo", value="x"),
        "`Patient` has no element `foo`",
    ),
    "the name of JSON": (
        operation("delete", "Patient.deceasedBoolean"),
        "`deceasedBoolean` is named `deceased` in a path",
    ),
    "another type": (operation("delete", "Observation.status"), "the resource is a Patient"),
    "an index too high": (
        operation("insert", "Patient.identifier", index=3, value={"valueIdentifier": {}}),
        "the index 3 is beyond the 2 items there",
    ),
    "a destination too high": (
        operation("move", "Patient.identifier", source=0, destination=2),
        "the index 2 is beyond the 2 items there",
    ),
    "no list": (
        operation("insert", "Patient.birthDate", index=0, value={"valueDate": "2020"}),
        "`birthDate` does not repeat",
    ),
    "the resource itself": (
        operation("delete", "Patient"),
        "the resource itself can't be replaced or deleted by a patch",
    ),
    "a condition on nothing": (
        operation("delete", "Patient.identifier.where(valu = 'x')"),
        "`Identifier` has no element `valu`",
    ),
    "an anonymous value for a datatype": (
        operation("add", "Patient", name="active", value={"part": []}),
        "a value of a datatype expected for `active`",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_operation_that_does_not_fit_is_named(case: str) -> None:
    given_, diagnostics = UNFIT[case]
    with pytest.raises(Unprocessable) as refusal:
        patched(operation("delete", "Patient.photo"), given_)
    said, path = refusal.value.issues[0].diagnostics, given_["part"][1]["valueString"]
    type_ = given_["part"][0]["valueCode"]
    assert said == f"operation 1 of the patch, `{type_}` at `{path}`: {diagnostics}"


def test_operations_are_bounded() -> None:
    with pytest.raises(TooLarge, match="a patch has at most 1000 operations"):
        read_patch(patch(*[operation("delete", "Patient.name")] * 1001))


def test_conditions_that_take_long_are_bounded() -> None:
    paths = [f"Patient.name.where(family.startsWith('{i}'))" for i in range(30)]
    with pytest.raises(TooLarge, match="a patch has at most 20 conditions of this kind"):
        read_patch(patch(*[operation("delete", path) for path in paths]))


def test_what_paths_look_at_is_bounded() -> None:
    resource = {"resourceType": "Patient", "name": [{"family": "x"}] * 3000}
    one = operation("delete", "Patient.name.where(use = 'none')")
    with pytest.raises(TooLarge, match="the paths of the patch look at too many elements"):
        fhirpath_patch(resource, patch(*[one] * 20))


def test_nesting_is_bounded() -> None:
    inner: dict[str, Any] = {"url": "u"}
    for _ in range(30):
        inner = {"url": "u", "extension": [inner]}
    resource = {"resourceType": "Patient", "extension": [inner]}
    value = {"part": [{"name": "url", "valueUri": "u"}]}
    one = operation("add", "Patient" + ".extension" * 31, name="extension", value=value)
    with pytest.raises(Unprocessable, match="the patch nests deeper than 64 levels"):
        fhirpath_patch(resource, patch(one))


def test_a_patch_may_be_applied_again() -> None:
    contact = {"part": [{"name": "gender", "valueCode": "male"}]}
    operations = read_patch(
        patch(
            operation("add", "Patient", name="contact", value=contact),
            operation(
                "add", "Patient.contact", name="name", value={"valueHumanName": {"text": "x"}}
            ),
        )
    )
    first = apply_patch(PATIENT, operations)
    assert apply_patch(PATIENT, operations) == first
    assert first["contact"] == [{"gender": "male", "name": {"text": "x"}}]


paths = st.lists(
    st.sampled_from(
        [
            *("Patient", "identifier", "name", "given", "birthDate", "deceased", "extension"),
            *("id", "first()", "[0]", "[1]", "where(use='official')", "ofType(boolean)", "url"),
        ]
    ),
    min_size=1,
    max_size=5,
).map(lambda steps: ".".join(steps).replace(".[", "["))
operations = st.builds(
    lambda type_, path, parts: operation(type_, path, **parts),
    st.sampled_from(["add", "insert", "delete", "replace", "move"]),
    paths,
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["name", "given", "extension", "deceased", "id"]),
            "value": st.sampled_from(
                ["x", 1, {"valueHumanName": {"text": "x"}}, {"part": []}, {"valueBoolean": True}]
            ),
            "index": st.integers(-1, 3),
            "source": st.integers(0, 3),
            "destination": st.integers(0, 3),
        },
    ),
)


@given(st.lists(operations, max_size=4))
def test_any_patch_is_applied_or_refused(steps: list[dict[str, Any]]) -> None:
    before = deepcopy(PATIENT)
    with suppress(BadRequest, Unprocessable):
        assert patched(*steps)["resourceType"] == "Patient"
    assert before == PATIENT
