"""Reference parameters, both sides: https://hl7.org/fhir/R4/search.html#reference."""

from __future__ import annotations

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import NEVER, holds
from fhir_server.search.paths import Node
from fhir_server.search.reference import REFERENCE, below, identifiers
from tests.unit.search.both_sides import BASE, LOCALE, found

ANNA = ("Reference", {"reference": "Patient/anna"})
WRITTEN = ["Patient/anna", f"{BASE}/Patient/anna", "Patient/anna/_history/3"]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("asked", WRITTEN[:2])
def test_a_resource_of_this_server_is_found_however_it_is_written(written: str, asked: str) -> None:
    assert found(REFERENCE, [("Reference", {"reference": written})], asked, "Group|Patient")


@pytest.mark.parametrize(
    ("value", "types", "expected"),
    [
        ("anna", "Patient", True),
        ("anna", "Device|Patient", True),
        ("anna", "Device", False),
        ("anna", "", False),
        ("bruno", "Patient", False),
        ("Patient/anna", "", True),
        ("Patient/anna", "Device", False),
        ("Device/anna", "Device|Patient", False),
        ("ann", "Patient", False),
    ],
)
def test_a_bare_id_stands_for_the_types_that_the_parameter_points_to(
    value: str, types: str, expected: bool
) -> None:
    assert found(REFERENCE, [ANNA], value, types) is expected


def test_an_address_elsewhere_is_found_as_it_stands() -> None:
    elsewhere = ("Reference", {"reference": "https://other.example/fhir/Patient/anna"})
    assert found(REFERENCE, [elsewhere], "https://other.example/fhir/Patient/anna", "Patient")
    assert not found(REFERENCE, [elsewhere], "Patient/anna", "Patient")
    assert not found(REFERENCE, [ANNA], "https://other.example/fhir/Patient/anna", "Patient")


def test_a_canonical_is_found_with_or_without_its_version() -> None:
    canonical = ("canonical", "http://example.org/Questionnaire/q|1.2")
    assert found(REFERENCE, [canonical], "http://example.org/Questionnaire/q", "Questionnaire")
    assert found(REFERENCE, [canonical], r"http://example.org/Questionnaire/q\|1.2", "")
    assert not found(REFERENCE, [canonical], "http://example.org/Questionnaire", "")


def test_a_contained_resource_is_not_pointed_to() -> None:
    assert not found(REFERENCE, [("Reference", {"reference": "#anna"})], "anna", "Patient")
    assert not found(REFERENCE, [("Reference", {"display": "Anna"})], "Anna", "Patient")


THIRD = "Patient/anna/_history/3"


@pytest.mark.parametrize(
    ("written", "asked", "expected"),
    [
        (THIRD, THIRD, True),
        (THIRD, f"{BASE}/{THIRD}", True),
        (f"{BASE}/{THIRD}", THIRD, True),
        (THIRD, "Patient/anna/_history/4", False),
        ("Patient/anna", THIRD, False),
        (f"https://other.example/fhir/{THIRD}", THIRD, False),
        (f"https://other.example/fhir/{THIRD}", f"https://other.example/fhir/{THIRD}", True),
        (f"https://other.example/fhir/{THIRD}", "https://other.example/fhir/Patient/anna", True),
        ("https://other.example/fhir/Patient/anna", f"https://other.example/fhir/{THIRD}", False),
    ],
)
def test_a_version_finds_the_references_that_name_it(
    written: str, asked: str, expected: bool
) -> None:
    node = ("Reference", {"reference": written})
    assert found(REFERENCE, [node], asked, "Group|Patient") is expected


def test_a_version_of_a_type_that_is_not_pointed_to_finds_nothing() -> None:
    assert REFERENCE.criterion("idx.p", "Device", THIRD, LOCALE) == NEVER


def test_both_schemes_of_the_base_name_this_server() -> None:
    other = BASE.replace("https:", "http:")
    assert found(REFERENCE, [ANNA], f"{other}/Patient/anna", "Patient")
    assert found(
        REFERENCE, [("Reference", {"reference": f"{other}/Patient/anna"})], "anna", "Patient"
    )


QUESTIONS = "http://example.org/Questionnaire/q"


@pytest.mark.parametrize(
    ("written", "asked", "expected"),
    [
        (f"{QUESTIONS}|1.2", f"{QUESTIONS}|1", True),
        (f"{QUESTIONS}|1.2", f"{QUESTIONS}|1.2", True),
        (f"{QUESTIONS}|1.2.7", f"{QUESTIONS}|1.2", True),
        (f"{QUESTIONS}|12", f"{QUESTIONS}|1", False),
        (f"{QUESTIONS}|2.1", f"{QUESTIONS}|1", False),
        (f"{QUESTIONS}|1.2", QUESTIONS, True),
        (QUESTIONS, f"{QUESTIONS}|1", False),
    ],
)
def test_below_a_version_are_those_that_begin_with_it(
    written: str, asked: str, expected: bool
) -> None:
    facts = {"p": REFERENCE.values([Node("canonical", written)], LOCALE)}
    assert holds(below("p", "", asked, LOCALE), facts) is expected


@pytest.mark.parametrize("value", ["Patient/anna", "anna", "#a", f"{BASE}/Patient/anna"])
def test_hierarchies_of_resources_are_not_followed(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a canonical address for `:below`"):
        below("idx.p", "", value, LOCALE)


def test_a_urn_is_found_as_it_stands() -> None:
    urn = "urn:uuid:0a0a0a0a-0000-4000-8000-000000000000"
    assert found(REFERENCE, [("Reference", {"reference": urn})], urn, "Patient")


@pytest.mark.parametrize("value", ["", "a/b/c", "patient/anna", "Patient/a b"])
def test_a_value_that_is_no_reference_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a reference"):
        REFERENCE.criterion("idx.p", "Patient", value, LOCALE)


def test_a_type_that_is_not_pointed_to_finds_nothing() -> None:
    """L54."""
    assert REFERENCE.criterion("idx.p", "Device", "Patient/anna", LOCALE) == NEVER


def test_logical_identifiers_are_tokens_beside_the_references() -> None:
    named = Node("Reference", {"identifier": {"system": "urn:ins", "value": "1"}})
    bare = Node("Reference", {"identifier": {"value": "2"}})
    nothing = [Node("Reference", {"identifier": {"system": "urn:ins"}}), Node("uri", "x")]
    assert identifiers([named, bare, *nothing]) == ["1", "urn:ins\x1f1", "2", "\x1f2"]


def test_a_reference_sorts_by_its_text() -> None:
    assert REFERENCE.key("Patient/anna") == "Patient/anna"
    assert holds(REFERENCE.criterion("p", "", "Patient/anna", LOCALE), {"p": ["Patient/anna"]})
