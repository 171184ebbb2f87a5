"""Composite parameters, both sides: https://hl7.org/fhir/R4/search.html#composite."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.definitions import RESOURCE_TYPES, Component, search_parameters
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import holds
from fhir_server.search.composite import components, composite
from fhir_server.search.index import index
from fhir_server.search.paths import ExpressionError
from fhir_server.search.query import read_query
from fhir_server.search.ucum import UCUM
from tests.unit.search.both_sides import LOCALE

LOINC = "http://loinc.org"
SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"


def concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code}]}


def pressure(value: int) -> dict[str, Any]:
    return {"value": value, "system": UCUM, "code": "mm[Hg]"}


BLOOD_PRESSURE: dict[str, Any] = {
    "resourceType": "Observation",
    "code": concept("85354-9"),
    "component": [
        {"code": concept(SYSTOLIC), "valueQuantity": pressure(150)},
        {"code": concept(DIASTOLIC), "valueQuantity": pressure(80)},
        {"code": concept("8478-0")},
    ],
}


def is_found(resource: dict[str, Any], query: str) -> bool:
    name, _, value = query.partition("=")
    type_ = resource["resourceType"]
    (clause,) = read_query(type_, [(name, value)], LOCALE).clauses
    assert not hasattr(clause, "targets")
    predicate = clause.predicate  # type: ignore[union-attr]
    return holds(predicate, {"idx": index(type_, resource, LOCALE).values})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"component-code-value-quantity={SYSTOLIC}$gt140", True),
        (f"component-code-value-quantity={LOINC}|{SYSTOLIC}$gt18|{UCUM}|kPa", True),
        (f"component-code-value-quantity={DIASTOLIC}$gt140", False),
        (f"component-code-value-quantity={SYSTOLIC}$lt90", False),
        ("component-code-value-quantity=8478-0$gt0", False),
        (f"combo-code-value-quantity={DIASTOLIC}$80||mm[Hg]", True),
        (f"code-value-quantity={SYSTOLIC}$150", False),
        (f"component-code-value-quantity=x$1,{SYSTOLIC}$150", True),
    ],
)
def test_both_parts_hold_in_the_same_element(query: str, expected: bool) -> None:
    assert is_found(BLOOD_PRESSURE, query) is expected


@pytest.mark.parametrize(
    ("value", "query", "expected"),
    [
        ({"valueQuantity": pressure(5)}, "code-value-quantity=a$5", True),
        ({"valueString": "Très élevé"}, "code-value-string=a$tres", True),
        ({"valueString": "a$b,c"}, r"code-value-string=a$a\$b\,c", True),
        ({"valueCodeableConcept": concept("x")}, "code-value-concept=a$x", True),
        ({"valueCodeableConcept": concept("x")}, "combo-code-value-concept=a$y", False),
        ({"valueDateTime": "2024-03-10"}, "code-value-date=a$ge2024-03", True),
        ({"valuePeriod": {"start": "2024-03", "end": "2024-04"}}, "code-value-date=a$2024", True),
        ({"valueDateTime": "2024-03-10"}, "code-value-date=b$2024", False),
    ],
)
def test_components_are_read_as_parameters_of_their_type_are(
    value: dict[str, Any], query: str, expected: bool
) -> None:
    observation = {"resourceType": "Observation", "code": concept("a"), **value}
    assert is_found(observation, query) is expected


def test_a_component_may_stand_elsewhere_in_the_resource() -> None:
    sequence = {
        "resourceType": "MolecularSequence",
        "referenceSeq": {"chromosome": concept("1"), "windowStart": 10, "windowEnd": 20},
        "variant": [{"start": 12, "end": 13}, {"start": 15, "end": 18}],
    }
    assert is_found(sequence, "chromosome-variant-coordinate=1$ge12$le13")
    assert not is_found(sequence, "chromosome-variant-coordinate=1$ge15$le13")
    assert is_found(sequence, "chromosome-window-coordinate=1$10$20")


def test_a_component_may_be_a_reference() -> None:
    document = {
        "resourceType": "DocumentReference",
        "relatesTo": [
            {"code": "replaces", "target": {"reference": "DocumentReference/a"}},
            {"code": "appends", "target": {"reference": "DocumentReference/b"}},
        ],
    }
    assert is_found(document, "relationship=replaces$a")
    assert is_found(document, "relationship=appends$DocumentReference/b")
    assert not is_found(document, "relationship=replaces$b")


@pytest.mark.parametrize("value", ["a", "a$", "$5", "a$5$6", "a|5", r"a\$5"])
def test_a_value_with_other_parts_is_refused(value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_query("Observation", [("code-value-quantity", value)], LOCALE)
    (issue,) = caught.value.issues
    assert issue.code == "value"
    assert "`code$value-quantity`" in issue.diagnostics


def test_a_part_that_can_not_be_read_is_named() -> None:
    with pytest.raises(BadRequest, match="`value-quantity`: `much` is not a quantity"):
        read_query("Observation", [("code-value-quantity", "a$much")], LOCALE)


def test_a_composite_sorts_by_its_parts_in_their_order() -> None:
    keys = [
        index("Observation", resource, LOCALE).keys["code-value-quantity"]
        for code, value in [("a", 5), ("a", 10), ("b", 1)]
        for resource in [
            {
                "resourceType": "Observation",
                "code": concept(code),
                "valueQuantity": pressure(value),
            }
        ]
    ]
    assert keys == sorted(keys)
    assert len(set(keys)) == 3


COMPOSITES = {
    parameter.url: parameter
    for type_ in RESOURCE_TYPES
    for parameter in search_parameters(type_).values()
    if parameter.type == "composite"
}


@pytest.mark.parametrize("url", sorted(COMPOSITES))
def test_every_composite_of_r4_has_components_that_are_read(url: str) -> None:
    definitions = COMPOSITES[url].component
    assert len({part.code for part in components(definitions)}) == len(definitions) >= 2


def test_there_are_46_composites() -> None:
    assert len(COMPOSITES) == 46


def test_a_component_that_is_unknown_is_refused() -> None:
    with pytest.raises(ExpressionError, match="can't be a component here"):
        composite((Component("http://example.org/none", "code"),))
