"""JSON Patch on resources: https://hl7.org/fhir/R4/http.html#patch."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest, TooLarge, Unprocessable
from fhir_server.fhir.json import dumps, parse
from fhir_server.interactions.json_patch import apply_patch, json_patch, read_patch

REFERENCE = Path(
    os.environ.get("FHIR_REFERENCE_DATA", Path(__file__).parents[4] / "shared" / "reference")
)


def patch(*operations: object) -> bytes:
    return json.dumps(operations).encode()


def cases() -> list[dict[str, Any]]:
    file = REFERENCE / "fhir-test-cases" / "json-patch-tests.json"
    if not file.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {file}; set FHIR_REFERENCE_DATA")
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


@pytest.mark.reference
def test_the_cases_of_hl7_hold() -> None:
    for case in cases():
        body = json.dumps(case["patch"]).encode()
        if "error" in case:
            with pytest.raises((BadRequest, Unprocessable)):
                json_patch(case["doc"], body)
        else:
            assert json_patch(case["doc"], body) == case["expected"], case["comment"]


def test_numbers_keep_their_text_on_both_sides() -> None:
    resource = parse(b'{"resourceType":"Observation","a":1.00,"b":[0.10]}').resource
    patched = json_patch(resource, b'[{"op":"add","path":"/b/-","value":1e3}]')
    assert dumps(patched) == b'{"resourceType":"Observation","a":1.00,"b":[0.10,1e3]}'


def test_a_test_compares_numbers_by_value() -> None:
    resource = parse(b'{"a":1.00}').resource
    assert json_patch(resource, b'[{"op":"test","path":"/a","value":1.0}]') == resource


def test_true_is_not_one() -> None:
    with pytest.raises(Unprocessable):
        json_patch({"a": True}, patch({"op": "test", "path": "/a", "value": 1}))


def test_a_failing_patch_leaves_the_resource_as_it_was() -> None:
    resource = {"a": [1], "b": {"c": 2}}
    with pytest.raises(Unprocessable):
        json_patch(
            resource, patch({"op": "remove", "path": "/a/0"}, {"op": "remove", "path": "/x"})
        )
    assert resource == {"a": [1], "b": {"c": 2}}


def test_a_patch_never_changes_the_resource_it_is_given() -> None:
    resource = {"a": [1]}
    assert json_patch(resource, patch({"op": "add", "path": "/a/-", "value": 2})) == {"a": [1, 2]}
    assert resource == {"a": [1]}


@pytest.mark.parametrize(
    ("operation", "diagnostics"),
    [
        (
            {"op": "remove", "path": "/extension[url:'http://a']"},
            (
                "operation 1 of the patch: `/extension[url:'http://a']` is not a JSON Pointer: begin "
                "with `/` and name an item of an array by its place, counted from 0, as in "
                "`/extension/0/valueString`"
            ),
        ),
        (
            {"op": "remove", "path": "Patient.name"},
            (
                "operation 1 of the patch: `Patient.name` is not a JSON Pointer: begin "
                "with `/` and name an item of an array by its place, counted from 0, as in "
                "`/extension/0/valueString`"
            ),
        ),
        (
            {"op": "remove", "path": "/a~2"},
            (
                "operation 1 of the patch: `/a~2` is not a JSON Pointer: write `~0` for `~` and `~1` "
                "for `/`"
            ),
        ),
        (
            {"op": "rename", "path": "/a"},
            "operation 1 of the patch: `rename` is none of add, remove, replace, move, copy, test",
        ),
        ({"op": "add", "path": "/a"}, "operation 1 of the patch: `value` is missing"),
        ({"op": "move", "path": "/a"}, "operation 1 of the patch: `from` is missing"),
        ({"op": "remove", "path": 3}, "operation 1 of the patch: `3` is not a path"),
        (
            {"op": "remove", "path": "/a" * 65},
            f"operation 1 of the patch: `{'/a' * 40}` goes deeper than 64 levels",
        ),
        ("remove", "operation 1 of the patch: an object expected"),
    ],
)
def test_a_malformed_operation_is_named_with_a_cure(operation: object, diagnostics: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_patch(patch({"op": "remove", "path": "/a"}, operation))
    assert [(one.code, one.diagnostics) for one in refusal.value.issues] == [
        ("structure", diagnostics)
    ]


def test_an_object_is_not_a_patch() -> None:
    with pytest.raises(BadRequest, match="a JSON Patch is an array of operations"):
        read_patch(b'{"op":"remove","path":"/a"}')


@pytest.mark.parametrize(
    ("operation", "diagnostics"),
    [
        (
            {"op": "remove", "path": "/x"},
            "operation 0 of the patch, `remove` at `/x`: there is nothing at this path",
        ),
        (
            {"op": "add", "path": "/a/5", "value": 1},
            "operation 0 of the patch, `add` at `/a/5`: there is nothing at this path",
        ),
        (
            {"op": "copy", "path": "/b", "from": "/c"},
            "operation 0 of the patch, `copy` at `/b`: there is nothing at this path",
        ),
        (
            {"op": "test", "path": "/a", "value": []},
            "operation 0 of the patch, `test` at `/a`: the value is not the one tested for",
        ),
        ({"op": "replace", "path": "", "value": 1}, "the patch leaves no object"),
    ],
)
def test_an_operation_that_does_not_fit_the_resource_is_named(
    operation: object, diagnostics: str
) -> None:
    with pytest.raises(Unprocessable) as refusal:
        json_patch({"a": [1]}, patch(operation))
    assert refusal.value.issues[0].diagnostics == diagnostics


def test_copies_of_copies_are_bounded() -> None:
    doubling: list[dict[str, Any]] = [
        {"op": "copy", "from": "/a", "path": "/a/-"},
        {"op": "copy", "from": "/a", "path": "/a/-"},
    ]
    with pytest.raises((TooLarge, Unprocessable)):
        apply_patch({"a": ["x" * 1000]}, doubling * 30)


def test_values_put_into_one_another_are_bounded() -> None:
    nested: dict[str, Any] = {"op": "add", "path": "/a", "value": {"b": {"c": {}}}}
    deepen: dict[str, Any] = {"op": "move", "from": "/a", "path": "/n"}
    wrap: dict[str, Any] = {"op": "add", "path": "/a", "value": {}}
    inside: dict[str, Any] = {"op": "move", "from": "/n", "path": "/a/n"}
    with pytest.raises(Unprocessable, match="nests deeper"):
        apply_patch({}, [nested, *[deepen, wrap, inside] * 100])


pointers = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "", "00"]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
operations = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": pointers,
        "from": pointers,
        "value": st.sampled_from([None, 1, "x", [], {}, [1, {"a": 2}], {"b": [0]}]),
    }
)


@given(st.lists(operations, max_size=6))
def test_any_patch_is_applied_or_refused(steps: list[dict[str, Any]]) -> None:
    resource = {"a": [1, {"b": "x"}], "b": {"a": None}, "": True}
    with suppress(BadRequest, Unprocessable):
        assert isinstance(json_patch(resource, patch(*steps)), dict)
    assert resource == {"a": [1, {"b": "x"}], "b": {"a": None}, "": True}
