"""`_filter` as clauses, and its operators by type."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import ALWAYS, NEVER, holds
from fhir_server.search.clauses import AllOf, AnyOf, Clause, Hop, Leaf, NoneOf
from fhir_server.search.filter import filtered
from fhir_server.search.filter_operators import compared
from fhir_server.search.index import index
from fhir_server.search.registry import parameter
from fhir_server.search.types import Locale

LOCALE = Locale(base="https://dmp.example/fhir")
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "anna",
    "active": True,
    "gender": "female",
    "birthDate": "1988-03-05",
    "name": [{"family": "Lefèvre", "given": ["Anna", "Lise"]}],
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "generalPractitioner": [{"reference": "Practitioner/p"}, {"reference": "Organization/o"}],
}


def facts(resource: dict[str, Any]) -> dict[str, Any]:
    found = index(resource["resourceType"], resource, LOCALE)
    return {"_id": resource["id"], "idx": found.values, "srt": found.keys}


def matches(text: str, resource: dict[str, Any]) -> bool:
    """Tell whether a filter without hops finds `resource`."""

    def ask(clause: Clause) -> bool:
        match clause:
            case Leaf(_, predicate):
                return holds(predicate, facts(resource))
            case AllOf(parts):
                return all(map(ask, parts))
            case AnyOf(parts):
                return any(map(ask, parts))
            case NoneOf(part):
                return not ask(part)
            case _:
                raise AssertionError("a hop")

    return ask(filtered(resource["resourceType"], text, LOCALE))


def refusal(type_: str, text: str) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        filtered(type_, text, LOCALE)
    (issue,) = caught.value.issues
    return issue.code, issue.diagnostics


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # texts: case and accents don't count, the whole value does for `eq`
        ("family eq lefevre", True),
        ("family eq lefev", False),
        ('family eq "LEFÈVRE"', True),
        ("family ne lefevre", False),
        ("given ne anna", True),
        ("given ne anna and given ne lise", True),
        ("phone ne 1", False),
        ("family co fev", True),
        ("family sw lef", True),
        ("family sw fev", False),
        ("family ew èvre", True),
        ("family ew lefevr", False),
        # codes: `ne` asks for another one
        ("gender eq female", True),
        ("gender ne female", False),
        ("gender ne male", True),
        ("gender ne |female", False),
        ("identifier eq urn:a|1", True),
        ("identifier ne urn:a|1", True),
        ("identifier ne urn:a|", True),
        ("identifier ne 1 and identifier ne 2", True),
        ("active eq true", True),
        ("_id eq anna", True),
        ("_id ne anna", False),
        ("_id ne lise", True),
        # dates
        ("birthdate eq 1988-03-05", True),
        ("birthdate eq 1988", True),
        ("birthdate ne 1988", False),
        ("birthdate lt 1989", True),
        ("birthdate ge 1988-03-05", True),
        ("birthdate gt 1988-03-05", False),
        ("birthdate sa 1987", True),
        ("birthdate eb 1988-03-06", True),
        ("birthdate po 1988-03", True),
        ("birthdate po 1987", False),
        # references
        ("general-practitioner re Practitioner/p", True),
        ("general-practitioner eq Practitioner/p", True),
        ("general-practitioner re https://dmp.example/fhir/Practitioner/p", True),
        ("general-practitioner re Practitioner/x", False),
        ("general-practitioner ne Practitioner/p", True),
        # whether there is any
        ("birthdate pr true", True),
        ("phone pr true", False),
        ("phone pr false", True),
        # joined
        ("gender eq male or birthdate pr true", True),
        ("not (gender eq male) and active eq true", True),
        ("not (gender eq male or active eq true)", False),
    ],
)
def test_a_comparison_finds_what_the_specification_says(text: str, found: bool) -> None:
    assert matches(text, PATIENT) is found


def test_one_value_that_is_not_that_one_is_asked_for_by_ne() -> None:
    alone = PATIENT | {"identifier": [{"system": "urn:a", "value": "1"}]}
    assert not matches("identifier ne 1", alone)
    assert not matches("identifier ne urn:a|", alone)
    assert matches("identifier ne urn:b|1", alone)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("url eq http://a.fr/vs/One", True),
        ("url ne http://a.fr/vs/One", False),
        ("url ne http://a.fr/vs/one", True),
        ("url co vs", True),
        ("url sw http://a.fr/", True),
        ("url ew One", True),
        ("url ew one", False),
    ],
)
def test_a_uri_is_compared_sign_by_sign(text: str, found: bool) -> None:
    value_set = {"resourceType": "ValueSet", "id": "v", "url": "http://a.fr/vs/One"}
    assert matches(text, value_set) is found


def test_a_comma_in_a_value_is_part_of_it() -> None:
    patient = PATIENT | {"name": [{"family": "Durand, dit Petit"}]}
    assert matches('family eq "durand, dit petit"', patient)
    assert not matches('family eq "durand,anna"', PATIENT | {"name": [{"family": "Anna"}]})


def test_words_are_compared_by_co() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "note": [{"text": "Douleurs thoraciques"}],
    }
    assert matches('_content co "douleur thoracique" and not (_text co douleur)', condition)


def test_what_is_joined_by_and_stands_as_clauses_of_their_own() -> None:
    found = filtered("Patient", "gender eq male and active eq true", LOCALE)
    assert isinstance(found, AllOf)
    assert [part.code for part in found.parts if isinstance(part, Leaf)] == ["gender", "active"]


def test_a_path_is_a_hop_to_each_type_that_has_the_parameter() -> None:
    found = filtered("Observation", "subject.name co pet", LOCALE)
    assert isinstance(found, Hop)
    assert set(found.targets) == {"Patient", "Location"}


def test_a_type_may_be_named_in_a_path() -> None:
    found = filtered("Observation", "subject:Patient.name co pet", LOCALE)
    assert isinstance(found, Hop)
    assert set(found.targets) == {"Patient"}


def test_what_stands_in_brackets_is_asked_of_the_same_target() -> None:
    found = filtered("Observation", "subject[active eq true].name co pet", LOCALE)
    assert isinstance(found, Hop)
    both = found.targets["Patient"]
    assert isinstance(both, AllOf)
    assert [part.code for part in both.parts if isinstance(part, Leaf)] == ["active", "name"]


@pytest.mark.parametrize(
    ("type_", "text", "code", "why"),
    [
        ("Patient", "active eq true and nam eq x", "not-supported", "column 20: Patient has no"),
        ("Patient", "gender co male", "not-supported", "column 1: `gender` is a token, it takes"),
        ("Patient", "birthdate eq soon", "value", "column 1: search parameter `birthdate`"),
        ("Patient", "birthdate po soon", "value", "`soon` is not a date"),
        ("Patient", "birthdate pr maybe", "value", "`pr` takes `true` or `false`"),
        ("Patient", "gender.name eq x", "value", "`gender` of Patient is no reference"),
        ("Patient", "name:Patient eq x", "value", "`:Patient` is for a name that another follows"),
        ("Patient", "link:Person.name eq x", "value", "does not point to `Person`"),
        ("Patient", 'family eq "\u0301"', "value", "takes a text to compare with"),
        ("Patient", "link.link.link.link.link.name eq x", "too-costly", "at most 4 hops"),
        ("Observation", "subject[zip eq 1].name eq x", "not-supported", "has no search parameter"),
    ],
)
def test_what_can_not_be_compared_is_refused_with_its_column(
    type_: str, text: str, code: str, why: str
) -> None:
    found, diagnostics = refusal(type_, text)
    assert found == code
    assert diagnostics.startswith("`_filter`, column ")
    assert why in diagnostics


@pytest.mark.parametrize("operator", ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
def test_numbers_and_quantities_take_what_their_prefixes_are(operator: str) -> None:
    for type_, code, value in [
        ("RiskAssessment", "probability", "0.5"),
        ("Observation", "value-quantity", "5.4|http://unitsofmeasure.org|mg"),
    ]:
        asked = compared(type_, parameter(type_, code), operator, value, LOCALE)
        assert asked not in (ALWAYS, NEVER)
