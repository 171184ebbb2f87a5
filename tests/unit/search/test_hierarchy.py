"""Concepts above and below one: https://hl7.org/fhir/R4/codesystem.html#hierarchy."""

from __future__ import annotations

import pytest

from fhir_server.search.hierarchy import read_code_system
from tests.unit.search.terms import ALL, TREE

SYSTEM = read_code_system(TREE)


def test_every_concept_is_read_however_deep_it_lies() -> None:
    assert SYSTEM.concepts.keys() == ALL
    assert SYSTEM.complete


@pytest.mark.parametrize(
    ("code", "below"),
    [
        ("hand", {"hand"}),
        ("surgery", {"surgery", "heart", "hand", "transplant"}),
        ("nursing", {"nursing", "home-nursing", "transplant"}),
        ("other", {"other", "odd"}),
        ("care", ALL - {"other", "odd"}),
    ],
)
def test_below_a_code_is_what_lies_in_it_and_what_names_it_as_its_parent(
    code: str, below: set[str]
) -> None:
    assert SYSTEM.below(code) == below


@pytest.mark.parametrize("code", sorted(ALL))
def test_one_code_is_below_another_when_the_other_is_above_it(code: str) -> None:
    assert {other for other in ALL if code in SYSTEM.below(other)} == SYSTEM.above(code)


def test_a_circle_ends() -> None:
    def concept(code: str, parent: str) -> dict[str, object]:
        return {"code": code, "property": [{"code": "parent", "valueCode": parent}]}

    system = read_code_system({"concept": [concept("a", "b"), concept("b", "a")]})
    assert system.below("a") == system.above("a") == {"a", "b"}


def test_what_is_not_valid_in_a_code_system_is_left_out() -> None:
    system = read_code_system({"concept": [{"display": "x"}, 3, {"code": "a", "concept": "b"}]})
    assert system.concepts.keys() == {"a"}
    assert not system.complete
