"""Units as canonical units: https://ucum.org/ucum."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_server.search.ucum import conversion


@pytest.mark.parametrize(
    ("code", "number", "canonical"),
    [
        ("mg", "5.4", "0.0000054"),
        ("Cel", "37", "310.15"),
        ("mm[Hg]", "1", "133.322387415"),
        ("[in_i]", "1", "0.0254"),
        ("10*9/L", "1", "1000000000000"),
        ("/min", "60", "1"),
        ("%", "50", "0.5"),
    ],
)
def test_a_conversion_is_exact(code: str, number: str, canonical: str) -> None:
    found = conversion(code)
    assert found is not None
    assert found.of(Decimal(number)) == Decimal(canonical)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mg/dL", "g/L"),
        ("10*3/uL", "/L"),
        ("{beats}/min", "Hz"),
        ("[IU]", "[iU]"),
        ("N", "kg.m/s2"),
    ],
)
def test_codes_of_one_dimension_have_one_canonical_unit(one: str, other: str) -> None:
    left, right = conversion(one), conversion(other)
    assert left is not None
    assert right is not None
    assert left.unit == right.unit


@pytest.mark.parametrize(
    "code",
    ["", "foo", "mg dL", "[pH]", "dB", "mg" * 40, "10*99999", "2+9999.2+9999", "((((", "mg/", "é"],
)
def test_what_does_not_convert_is_left_as_it_is_written(code: str) -> None:
    assert conversion(code) is None
