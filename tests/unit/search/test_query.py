"""A query string as typed criteria: https://hl7.org/fhir/R4/search.html."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import all_of, holds
from fhir_server.search.index import index
from fhir_server.search.query import (
    MAX_BRANCHES,
    MAX_LENGTH,
    MAX_PARAMETERS,
    MAX_VALUES,
    Clause,
    Hop,
    Leaf,
    Query,
    read_query,
)
from fhir_server.search.registry import UnknownParameter
from fhir_server.search.result import SortKey
from tests.unit.search.both_sides import LOCALE


def read(type_: str, *pairs: tuple[str, str], lenient: bool = False) -> Query:
    return read_query(type_, pairs, LOCALE, lenient=lenient)


def refusal(type_: str, *pairs: tuple[str, str], lenient: bool = False) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        read(type_, *pairs, lenient=lenient)
    (issue,) = caught.value.issues
    return issue.code, issue.diagnostics


def finds(resource: dict[str, Any], *pairs: tuple[str, str]) -> bool:
    """Tell whether the query finds the resource, through the values that are indexed of it."""
    type_ = resource["resourceType"]
    document = {
        "_id": resource["id"],
        "updated": 1_700_000_000_000_000,
        "idx": index(type_, resource, LOCALE).values,
        "srt": index(type_, resource, LOCALE).keys,
    }
    clauses = read(type_, *pairs).clauses
    leaves = [clause.predicate for clause in clauses if isinstance(clause, Leaf)]
    assert len(leaves) == len(clauses)
    return holds(all_of(*leaves), document)


ANNA: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "anna",
    "active": True,
    "gender": "female",
    "birthDate": "1980-05-17",
    "name": [{"family": "Lefèvre", "given": ["Anna"]}],
    "identifier": [{"system": "urn:ins", "value": "280051234567890"}],
    "generalPractitioner": [
        {"reference": "Practitioner/dupont"},
        {"identifier": {"system": "urn:rpps", "value": "10000000001"}},
    ],
}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("_id", "anna", True),
        ("_id", "bruno,anna", True),
        ("_id", "bruno", False),
        ("_id:not", "anna", False),
        ("_lastUpdated", "ge2023", True),
        ("_lastUpdated", "lt2023", False),
        ("family", "lefevre", True),
        ("family", "dupont,lef", True),
        ("family:exact", "Lefèvre", True),
        ("family:exact", "lefevre", False),
        ("family:contains", "ÈV", True),
        ("gender", "male,female", True),
        ("gender:not", "male", True),
        ("gender:not", "male,female", False),
        ("active", "true", True),
        ("birthdate", "1980", True),
        ("birthdate", "ge1980-05-18", False),
        ("birthdate:missing", "false", True),
        ("deceased:missing", "true", False),
        ("phone:missing", "true", True),
        ("phone:missing", "false", False),
        ("phone:not", "0102030405", True),
        ("identifier", "urn:ins|280051234567890", True),
        ("general-practitioner", "dupont", True),
        ("general-practitioner", "Practitioner/dupont", True),
        ("general-practitioner:Practitioner", "dupont", True),
        ("general-practitioner:Organization", "dupont", False),
        ("general-practitioner:identifier", "urn:rpps|10000000001", True),
        ("general-practitioner:identifier", "10000000001", True),
        ("general-practitioner:identifier", "urn:other|10000000001", False),
    ],
)
def test_a_resource_is_found_by_what_is_indexed_of_it(
    name: str, value: str, expected: bool
) -> None:
    # Without `deceasedBoolean` R4's own expression finds `false`: see `deceased` in its table.
    assert finds(ANNA, (name, value)) is expected


def test_all_parameters_must_hold_and_one_value_of_each() -> None:
    """https://hl7.org/fhir/R4/search.html#combining."""
    assert finds(ANNA, ("family", "x,lef"), ("given", "anna"))
    assert not finds(ANNA, ("family", "lef"), ("given", "x"))


def test_a_comma_that_is_escaped_divides_nothing() -> None:
    document = {"resourceType": "Patient", "id": "p", "name": [{"family": "Le, Fèvre"}]}
    assert finds(document, ("family", r"le\, f"))
    assert not finds(document, ("family:exact", "Le, Fèvre"))


def test_a_query_without_parameters_finds_everything() -> None:
    assert read("Patient").clauses == ()


# chains -------------------------------------------------------------------------------------------


def walk(clause: Clause, *types: str) -> Clause:
    for type_ in types:
        assert isinstance(clause, Hop)
        clause = clause.targets[type_]
    return clause


def test_a_chain_stays_as_hops_because_each_is_under_its_own_rights() -> None:
    """L10."""
    (clause,) = read("Observation", ("subject:Patient.family", "lef")).clauses
    assert isinstance(clause, Hop)
    assert (clause.code, clause.field) == ("subject", "idx.subject")
    assert list(clause.targets) == ["Patient"]
    leaf = walk(clause, "Patient")
    assert isinstance(leaf, Leaf)
    assert holds(leaf.predicate, {"idx": {"family": ["lefevre\x1fLefèvre"]}})


def test_a_chain_without_a_type_goes_to_those_that_have_the_parameter() -> None:
    (clause,) = read("Observation", ("subject.family", "lef")).clauses
    assert isinstance(clause, Hop)
    assert list(clause.targets) == ["Patient"]


def test_a_chain_has_several_hops() -> None:
    name = "encounter.service-provider.name"
    (clause,) = read("DiagnosticReport", (name, "hôpital")).clauses
    assert isinstance(walk(clause, "Encounter", "Organization"), Leaf)


def test_a_chain_has_four_hops_at_most() -> None:
    four = ".".join(["partof"] * 4)
    (clause,) = read("Organization", (f"{four}.name", "x")).clauses
    assert isinstance(walk(clause, *["Organization"] * 4), Leaf)
    assert refusal("Organization", (f"{four}.partof.name", "x")) == (
        "too-costly",
        "a chain takes at most 4 hops",
    )


def test_a_chain_through_anything_is_bounded() -> None:
    code, text = refusal("Library", ("derived-from.derived-from.derived-from._id", "x"))
    assert code == "too-costly"
    assert f"more than {MAX_BRANCHES} ways" in text
    (clause,) = read("Provenance", ("target._id", "x")).clauses
    assert isinstance(clause, Hop)
    assert len(clause.targets) > 140


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("code.text", "value", "`code` of Observation is no reference"),
        ("subject:Doctor.name", "value", "`subject` does not point to `Doctor`"),
        ("subject:missing.name", "value", "`subject` does not point to `missing`"),
        ("subject.nothing", "not-supported", "has no search parameter `nothing`"),
        ("subject:Patient.", "not-supported", "Patient has no search parameter ``"),
        ("subject:Patient.family:above", "not-supported", "does not take the modifier `:above`"),
        ("subject.birthdate", "value", "`someday` is not a date"),
    ],
)
def test_a_chain_that_leads_nowhere_is_refused(name: str, code: str, text: str) -> None:
    found, diagnostics = refusal("Observation", (name, "someday"))
    assert found == code
    assert text in diagnostics


# refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "code", "text"),
    [
        ("familly", "x", "not-supported", "did you mean `family`"),
        ("_query", "x", "not-supported", "defined by R4 but not supported yet"),
        ("_filter", "x", "value", "`_filter`, column 2: an operator is missing"),
        ("_content:exact", "x", "not-supported", "does not take the modifier `:exact`"),
        ("family", "", "value", "search parameter `family` has no value"),
        ("family", "a,,b", "value", "is not a text to look for"),
        ("family:above", "x", "not-supported", "does not take the modifier `:above`"),
        ("birthdate:exact", "1980", "not-supported", "does not take the modifier `:exact`"),
        ("gender:Patient", "x", "not-supported", "does not take the modifier `:Patient`"),
        ("birthdate", "may", "value", "`may` is not a date"),
        ("birthdate:missing", "maybe", "value", "takes `true` or `false`"),
        ("general-practitioner:Device", "x", "value", "does not point to `Device`"),
        ("family", "a\x00b", "value", "holds a character that no text has"),
        ("identifier", f"{'s' * MAX_LENGTH}|", "too-costly", "values of at most 2048 characters"),
        ("_id", ",".join(["x"] * (MAX_VALUES + 1)), "too-costly", "at most 500 values"),
    ],
)
def test_what_can_not_be_read_is_refused_by_name(
    name: str, value: str, code: str, text: str
) -> None:
    """L56, L66: refused, never ignored or widened."""
    found, diagnostics = refusal("Patient", (name, value))
    assert found == code
    assert text in diagnostics


def test_a_search_has_a_bounded_number_of_parameters() -> None:
    pairs = [("_id", "x")] * MAX_PARAMETERS
    assert len(read("Patient", *pairs).clauses) == MAX_PARAMETERS
    assert refusal("Patient", *pairs, ("_id", "x"))[0] == "too-costly"


def test_long_names_are_not_reflected() -> None:
    """L48."""
    assert len(refusal("Patient", (f"family:{'x' * 9999}", "a"))[1]) < 200
    assert len(refusal("Patient", (f"family:{'x' * 9999}", ""))[1]) < 200
    assert len(refusal("Patient", ("birthdate", "9" * 1999))[1]) < 300


# lenient ------------------------------------------------------------------------------------------


def test_an_unknown_parameter_is_left_out_leniently_and_the_self_link_shows_it() -> None:
    """Contract, HTTP conventions; https://hl7.org/fhir/R4/search.html#errors."""
    pairs = [("familly", "x"), ("family", "lef"), ("_sort", "nothing"), ("_count", "3")]
    query = read("Patient", *pairs, lenient=True)
    assert query.used == (("family", "lef"), ("_count", "3"))
    assert [clause.code for clause in query.clauses if isinstance(clause, Leaf)] == ["family"]


@pytest.mark.parametrize(
    ("name", "value"), [("family:above", "x"), ("birthdate", "may"), ("family", "")]
)
def test_a_modifier_or_a_value_that_is_wrong_is_refused_even_leniently(
    name: str, value: str
) -> None:
    """R4: servers SHALL reject a modifier that they do not support."""
    refusal("Patient", (name, value), lenient=True)


def test_used_pairs_stand_as_they_came() -> None:
    query = read("Patient", ("_sort", "-birthdate"), ("family", "Lef"), ("_format", "json"))
    assert query.used == (("family", "Lef"), ("_sort", "-birthdate"))
    assert query.result.sort == (SortKey("srt.birthdate", descending=True),)


def test_only_a_name_that_is_unknown_is_an_unknown_parameter() -> None:
    with pytest.raises(UnknownParameter):
        read("Patient", ("nothing", "x"))
    with pytest.raises(BadRequest) as caught:
        read("Patient", ("family:above", "x"))
    assert not isinstance(caught.value, UnknownParameter)
