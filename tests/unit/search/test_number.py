"""Number parameters, both sides: https://hl7.org/fhir/R4/search.html#number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.exact import Exact
from fhir_server.search.decimals import PREFIXES
from fhir_server.search.number import NUMBER
from fhir_server.search.paths import Node
from tests.unit.search.both_sides import LOCALE, found

#            99.4   99.5   99.9   100    100.4  100.5  100.6  89.9   110.1
TABLE = {
    "eq": (False, True, True, True, True, False, False, False, False),
    "ne": (True, False, False, False, False, True, True, True, True),
    "gt": (False, False, False, False, True, True, True, False, True),
    "sa": (False, False, False, False, True, True, True, False, True),
    "ge": (False, False, False, True, True, True, True, False, True),
    "lt": (True, True, True, False, False, False, False, True, False),
    "eb": (True, True, True, False, False, False, False, True, False),
    "le": (True, True, True, True, False, False, False, True, False),
    "ap": (True, True, True, True, True, True, True, False, False),
}
TARGETS = ("99.4", "99.5", "99.9", "100", "100.4", "100.5", "100.6", "89.9", "110.1")
CASES = [
    (prefix, target, expected)
    for prefix, row in TABLE.items()
    for target, expected in zip(TARGETS, row, strict=True)
]


def number(text: str) -> tuple[str, Any]:
    return ("decimal", Exact(text))


@pytest.mark.parametrize(("prefix", "target", "expected"), CASES)
def test_a_prefix_compares_as_r4_says(prefix: str, target: str, expected: bool) -> None:
    assert found(NUMBER, [number(target)], f"{prefix}100") is expected


def test_no_prefix_means_equal() -> None:
    assert found(NUMBER, [number("100.2")], "100")
    assert not found(NUMBER, [number("100.2")], "100.0")


def test_a_fraction_equals_no_integer() -> None:
    assert not found(NUMBER, [("integer", 100)], "100.4")
    assert found(NUMBER, [("integer", 100)], "100.0")


def test_one_number_of_several_is_enough() -> None:
    assert found(NUMBER, [number("1"), number("7")], "7")
    assert found(NUMBER, [number("1"), number("7")], "ne7")


def test_two_numbers_around_the_one_asked_for_are_not_it() -> None:
    assert not found(NUMBER, [number("1"), number("7")], "4")


def test_numbers_that_no_double_tells_apart_are_told_apart() -> None:
    near = [number("0.10000000000000000001")]
    assert found(NUMBER, near, "gt0.1")
    assert not found(NUMBER, near, "le0.1")
    assert found(NUMBER, [number("9007199254740993")], "gt9007199254740992")


@pytest.mark.parametrize("prefix", sorted(PREFIXES))
def test_a_resource_without_a_number_is_found_by_no_prefix(prefix: str) -> None:
    assert not found(NUMBER, [], f"{prefix}1")
    assert not found(NUMBER, [("string", "1"), ("boolean", True)], f"{prefix}1")


@pytest.mark.parametrize("value", ["", "ge", "many", "1|2", "1e999999"])
def test_a_value_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a number such as") as caught:
        NUMBER.criterion("idx.p", "", value, LOCALE)
    assert caught.value.issues[0].code == "value"


def test_numbers_sort_by_what_they_count() -> None:
    texts = ["-10", "-9.5", "0", "1e-3", "2", "10", "1e2"]
    keys = [NUMBER.key(NUMBER.values([Node(*number(t))], LOCALE)[0]) for t in texts]
    assert keys == sorted(keys, key=str)


@given(st.integers(-50, 50), st.integers(-500, 500).map(lambda n: Decimal(n).scaleb(-1)))
def test_prefixes_are_related_as_their_words_are(asked: int, target: Decimal) -> None:
    yes = {p: found(NUMBER, [number(str(target))], f"{p}{asked}") for p in PREFIXES}
    assert yes["ne"] != yes["eq"]
    assert yes["ge"] != yes["lt"]
    assert yes["le"] != yes["gt"]
    assert (yes["sa"], yes["eb"]) == (yes["gt"], yes["lt"])
