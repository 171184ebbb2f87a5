"""Numbers as sortable texts, and what the digits of a number asked for stand for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.exact import Exact
from fhir_server.search.decimals import (
    HIGHEST,
    JUST_ABOVE,
    JUST_BELOW,
    LOWEST,
    of_resource,
    read_sought,
    sortable,
)

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda number: abs(number.adjusted()) <= 400
)
NEAR_EACH_OTHER = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-1200, 1200),
    st.integers(-3, 3),
)


@given(NUMBERS | NEAR_EACH_OTHER, NUMBERS | NEAR_EACH_OTHER)
def test_texts_sort_as_the_numbers_do(left: Decimal, right: Decimal) -> None:
    assert (sortable(left) < sortable(right)) == (left < right)
    assert (sortable(left) == sortable(right)) == (left == right)


@given(NEAR_EACH_OTHER, NEAR_EACH_OTHER)
def test_the_places_beside_a_number_are_nearer_to_it_than_any_other(
    left: Decimal, right: Decimal
) -> None:
    below, above = sortable(left) + JUST_BELOW, sortable(left) + JUST_ABOVE
    assert below < above
    for side in (JUST_BELOW, JUST_ABOVE):
        other = sortable(right) + side
        if left != right:
            assert (below < other) == (above < other) == (left < right)


@given(NUMBERS)
def test_every_number_lies_between_the_lowest_and_the_highest(number: Decimal) -> None:
    assert LOWEST < sortable(number) < HIGHEST


@pytest.mark.parametrize("texts", [("1", "1.0", "1.00", "10e-1"), ("0", "-0", "0.00", "0e9")])
def test_a_number_has_one_text_however_it_is_written(texts: tuple[str, ...]) -> None:
    assert len({sortable(Exact(text)) for text in texts}) == 1


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "95", "105"),
        ("1.0e2", "95", "105"),
        ("1.00e2", "99.5", "100.5"),
        ("10e1", "95", "105"),
        ("5.4", "5.35", "5.45"),
        ("5.40e-3", "0.005395", "0.005405"),
        ("-3", "-3.5", "-2.5"),
        ("0", "-0.5", "0.5"),
        ("ap100", "90", "110"),
        ("ap1.00", "0.9", "1.1"),
        ("ap0", "0", "0"),
    ],
)
def test_the_digits_say_how_precisely_a_number_is_meant(text: str, low: str, high: str) -> None:
    """The examples of R4, and what follows from them; about the same is a tenth more or less."""
    sought = read_sought(text)
    assert sought is not None
    assert (sought.low, sought.high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eq",
        "a",
        "1,5",
        "1.",
        ".5",
        "1e",
        "0x1",
        "1_0",
        "xx1",
        "NaN",
        "1e999999",
        "1" * 101,
        "١",
    ],
)
def test_what_is_no_number_is_not_read(text: str) -> None:
    assert read_sought(text) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, "1"), (Exact("1.50"), "1.5"), (0.1, "0.1"), (True, None), ("1", None), (None, None)],
)
def test_a_number_of_a_resource_is_taken_as_written(value: object, number: str | None) -> None:
    assert of_resource(value) == (Decimal(number) if number else None)
