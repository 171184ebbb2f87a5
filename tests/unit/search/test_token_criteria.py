"""Token parameters with what their elements and a terminology say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.definitions import search_parameters
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import holds
from fhir_server.search.bindings import element_types, implicit_codes
from fhir_server.search.concepts import MAX_CODES
from fhir_server.search.criteria import criteria
from fhir_server.search.index import index
from fhir_server.search.types import Locale
from tests.unit.search.both_sides import LOCALE
from tests.unit.search.terms import CARE, ELSEWHERE, TREE, Terms

Json = dict[str, Any]

GENDER = "http://hl7.org/fhir/administrative-gender"
LARGE = "http://example.org/CodeSystem/large"
PARTIAL = "http://example.org/CodeSystem/partial"
TERMS = Terms(
    {
        "http://example.org/vs|2": {
            "compose": {"include": [{"system": CARE, "concept": [{"code": "hand"}]}]}
        },
        "loinc": {"compose": {"include": [{"system": ELSEWHERE}]}},
        "genders": {"compose": {"include": [{"system": GENDER}]}},
        "none": {"compose": {"include": [{"valueSet": ["loinc", "genders"]}]}},
    },
    {
        CARE: TREE,
        PARTIAL: {**TREE, "content": "example"},
        LARGE: {
            "content": "complete",
            "concept": [
                {"code": "all", "concept": [{"code": f"c{n}"} for n in range(MAX_CODES)]},
            ],
        },
    },
)
HERE = Locale(base=LOCALE.base, terminology=TERMS)


def asks(resource: Json, name: str, value: str) -> bool:
    """Tell whether `resource` is found."""
    code, _, modifier = name.partition(":")
    type_ = resource["resourceType"]
    parameter = search_parameters(type_)[code]
    predicate = criteria(type_, parameter, name, modifier, value, HERE)
    return holds(predicate, {"idx": index(type_, resource, HERE).values})


def refusal(type_: str, name: str, value: str) -> tuple[str, str]:
    code, _, modifier = name.partition(":")
    with pytest.raises(BadRequest) as caught:
        criteria(type_, search_parameters(type_)[code], name, modifier, value, HERE)
    (issue,) = caught.value.issues
    return issue.code, issue.diagnostics


def procedure(code: str, system: str = CARE) -> Json:
    coding = [{"system": "urn:local", "code": "x"}, {"system": system, "code": code}]
    return {"resourceType": "Procedure", "id": "p", "code": {"coding": coding}}


HEART, HAND, NONE = procedure("heart"), procedure("hand"), {"resourceType": "Procedure", "id": "n"}
ANNA: Json = {"resourceType": "Patient", "id": "anna", "gender": "female"}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code:in", "http://example.org/vs|2", [HAND]),
        (r"code:in", r"http://example.org/vs\|2,loinc", [HAND]),
        ("code:not-in", "http://example.org/vs|2", [HEART, NONE]),
        ("code:in", "none", []),
        ("code:not-in", "none", [HEART, HAND, NONE]),
        ("code:below", f"{CARE}|surgery", [HEART, HAND]),
        ("code:below", f"{CARE}|heart", [HEART]),
        ("code:below", f"{CARE}|nursing,{CARE}|hand", [HAND]),
        ("code:above", f"{CARE}|transplant", [HEART]),
        ("code:above", f"{CARE}|hand", [HAND]),
        ("code:not", f"{CARE}|hand", [HEART, NONE]),
        ("code:not", f"{CARE}|hand,heart", [NONE]),
        ("code:not", "x", [NONE]),
        ("code:missing", "true", [NONE]),
    ],
)
def test_a_modifier_finds_what_the_code_system_says(
    name: str, value: str, found: list[Json]
) -> None:
    everything = [HEART, HAND, NONE]
    assert [one for one in everything if asks(one, name, value)] == found


def test_a_whole_system_is_looked_for_without_listing_it() -> None:
    assert asks(procedure("11502-2", ELSEWHERE), "code:in", "loinc")
    assert not asks(procedure("11502-2", f"{ELSEWHERE}/x"), "code:in", "loinc")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("gender", f"{GENDER}|female", True),
        ("gender", f"{GENDER}|", True),
        ("gender", f"{GENDER}|male", False),
        ("gender", "http://other|female", False),
        ("gender", "|female", True),
        ("gender:not", f"{GENDER}|female", False),
        ("gender:in", "http://hl7.org/fhir/ValueSet/administrative-gender", True),
        ("gender:not-in", "http://hl7.org/fhir/ValueSet/administrative-gender", False),
        ("gender:in", "genders", True),
        ("gender:in", "loinc", False),
    ],
)
def test_a_code_element_has_the_system_that_it_is_bound_to(
    name: str, value: str, expected: bool
) -> None:
    """R4: the system is defined in the value set."""
    assert asks(ANNA, name, value) is expected


@pytest.mark.parametrize(
    ("name", "value", "code", "text"),
    [
        ("code:in", "urn:none", "value", "`code:in`: the value set `urn:none` is not a value set"),
        ("code:not-in", "urn:none", "value", "`code:not-in`: the value set `urn:none`"),
        ("code:below", "hand", "value", "needs its code system: `system|code`"),
        ("code:below", f"{CARE}|", "value", "needs its code system"),
        ("code:below", "urn:none|hand", "value", "a code system that is not on this server"),
        ("code:above", f"{CARE}|none", "value", "is not in its code system"),
        ("code:above", f"{PARTIAL}|hand", "value", "of which this server has a part only"),
        ("code:below", f"{LARGE}|all", "too-costly", "has more than 1000 codes below it"),
        ("code:of-type", "a|b|c", "not-supported", "which is for Identifier; in Procedure it is"),
        ("status:text", "x", "not-supported", "does not take the modifier `:text`"),
        ("identifier:in", "loinc", "not-supported", "does not take the modifier `:in`"),
        ("_id:text", "x", "not-supported", "does not take the modifier `:text`"),
        ("code:exact", "x", "not-supported", "does not take the modifier `:exact`"),
    ],
)
def test_what_can_not_be_answered_is_refused_by_name(
    name: str, value: str, code: str, text: str
) -> None:
    found, diagnostics = refusal("Procedure", name, value)
    assert found == code
    assert text in diagnostics


def test_a_bare_code_of_one_implied_system_may_be_climbed_from() -> None:
    genders = Terms(code_systems={GENDER: {"content": "complete", "concept": [{"code": "female"}]}})
    here = replace(HERE, terminology=genders)
    parameter = search_parameters("Patient")["gender"]
    below = criteria("Patient", parameter, "gender:below", "below", "female", here)
    assert holds(below, {"idx": index("Patient", ANNA, here).values})


@pytest.mark.parametrize(
    ("type_", "code", "types"),
    [
        ("Patient", "gender", {"code"}),
        ("Patient", "identifier", {"Identifier"}),
        ("Patient", "telecom", {"ContactPoint"}),
        ("Patient", "deceased", {"boolean"}),
        ("Observation", "code", {"CodeableConcept"}),
        ("Observation", "_tag", {"Coding"}),
    ],
)
def test_the_types_of_a_parameters_elements_are_known(
    type_: str, code: str, types: set[str]
) -> None:
    assert element_types(type_, search_parameters(type_)[code]) == types


def test_only_a_code_implies_a_system() -> None:
    assert implicit_codes("Patient", search_parameters("Patient")["gender"]).keys() == {GENDER}
    assert implicit_codes("Patient", search_parameters("Patient")["identifier"]) == {}
