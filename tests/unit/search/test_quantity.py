"""Quantity parameters, both sides: https://hl7.org/fhir/R4/search.html#quantity."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.exact import Exact
from fhir_server.predicate import holds
from fhir_server.search.decimals import PREFIXES
from fhir_server.search.paths import Node
from fhir_server.search.quantity import QUANTITY
from fhir_server.search.ucum import UCUM
from tests.unit.search.both_sides import LOCALE, found

SNOMED = "http://snomed.info/sct"


def q(value: str, code: str = "mg", system: str = UCUM, **rest: Any) -> tuple[str, Any]:
    coded = {"system": system, "code": code} if code else {}
    return ("Quantity", {"value": Exact(value), **coded, **rest})


def between(low: str | None, high: str | None) -> tuple[str, Any]:
    sides = {"low": low, "high": high}
    return ("Range", {side: q(text)[1] for side, text in sides.items() if text is not None})


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (f"5.4|{UCUM}|mg", True),
        (f"5.40e-3|{UCUM}|g", True),
        (f"0.0054|{UCUM}|g", True),
        (f"5400|{UCUM}|ug", True),
        (f"gt0.0053|{UCUM}|g", True),
        (f"lt5.3e-6|{UCUM}|kg", False),
        (f"5.4|{UCUM}|g", False),
        (f"5.4|{UCUM}|mL", False),
        (f"5.4|{SNOMED}|mg", False),
        ("5.4||mg", True),
        ("5.4||milligrammes", True),
        ("5.4||g", False),
        ("0.0054||g", False),
        ("5.4", True),
        ("5.4||", True),
        ("0.0054", False),
    ],
)
def test_a_unit_of_ucum_is_converted_and_any_other_is_compared_as_written(
    asked: str, expected: bool
) -> None:
    assert found(QUANTITY, [q("5.4", unit="milligrammes")], asked) is expected


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        (q("37", "Cel"), f"98.6|{UCUM}|[degF]"),
        (q("120", "mm[Hg]"), f"16.0|{UCUM}|kPa"),
        (q("100", "mg/dL"), f"1|{UCUM}|g/L"),
        (q("4.5", "10*9/L"), f"4.5|{UCUM}|10*3/uL"),
        (q("72", "/min"), f"1.2|{UCUM}|Hz"),
        (q("72", "{beats}/min"), f"72|{UCUM}|/min"),
        (q("50", "%"), f"0.5|{UCUM}|1"),
        (q("6", "[pH]"), f"6|{UCUM}|[pH]"),
        (q("3", "{score}"), f"3|{UCUM}|1"),
        (q("3", "furlongs"), f"3|{UCUM}|furlongs"),
        (q("3", "x", SNOMED), f"3|{SNOMED}|x"),
    ],
)
def test_what_measures_the_same_is_found(target: tuple[str, Any], asked: str) -> None:
    assert found(QUANTITY, [target], asked)


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        (q("5", "[iU]/L"), f"5|{UCUM}|/L"),
        (q("5", "[iU]/L"), f"5|{UCUM}|[CFU]/L"),
        (q("5", "mol/L"), f"5|{UCUM}|/L"),
        (q("5", "m"), f"5|{UCUM}|s"),
        (q("5", ""), f"5|{UCUM}|1"),
    ],
)
def test_what_measures_something_else_is_not_found(target: tuple[str, Any], asked: str) -> None:
    assert not found(QUANTITY, [target], asked)


def test_the_unit_and_the_number_are_of_the_same_quantity() -> None:
    two = [q("5", "mg"), q("7", "mL")]
    assert found(QUANTITY, two, f"5|{UCUM}|mg")
    assert not found(QUANTITY, two, f"7|{UCUM}|mg")
    assert not found(QUANTITY, two, "5||mL")


def test_other_units_are_not_unequal() -> None:
    assert found(QUANTITY, [q("7")], f"ne5|{UCUM}|mg")
    assert not found(QUANTITY, [q("7", "mL")], f"ne5|{UCUM}|mg")


# a quantity that is no one number -----------------------------------------------------------------

#  asked:  eq     ne     gt     ge     lt     le     sa     eb     ap
COMPARED = {
    "<": (False, True, False, False, True, True, False, True, True),
    "<=": (False, True, False, True, True, True, False, False, True),
    ">": (False, True, True, True, False, False, True, False, True),
    ">=": (False, True, True, True, False, True, False, False, True),
}
ORDER = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")


@pytest.mark.parametrize(
    ("comparator", "prefix", "expected"),
    [
        (comparator, prefix, expected)
        for comparator, row in COMPARED.items()
        for prefix, expected in zip(ORDER, row, strict=True)
    ],
)
@pytest.mark.parametrize("unit", ["", f"|{UCUM}|mg", "||mg"])
def test_a_comparator_opens_one_end(
    comparator: str, prefix: str, expected: bool, unit: str
) -> None:
    assert found(QUANTITY, [q("5", comparator=comparator)], f"{prefix}5{unit}") is expected


@pytest.mark.parametrize(
    ("target", "asked", "expected"),
    [
        (between("4.8", "5.2"), "5", True),
        (between("4.8", "5.2"), "5.0", False),
        (between("4.8", "5.2"), "ne5.0", True),
        (between("4.8", "5.2"), f"gt0.005|{UCUM}|g", True),
        (between("4.8", "5.2"), "sa5", False),
        (between("4.8", "5.2"), "sa4", True),
        (between("4.8", "5.2"), "eb6", True),
        (between(None, "5.2"), "lt-1000000", True),
        (between(None, "5.2"), "gt6", False),
        (between("4.8", None), f"ge1|{UCUM}|kg", True),
        (between("4.8", None), f"ge1|{UCUM}|L", False),
        (between("50", "60"), "ap46", True),
        (between("50", "60"), "ap40", False),
    ],
)
def test_a_range_is_compared_with_both_its_ends(
    target: tuple[str, Any], asked: str, expected: bool
) -> None:
    assert found(QUANTITY, [target], asked) is expected


def test_money_has_its_currency_for_a_unit() -> None:
    money = ("Money", {"value": Exact("12.50"), "currency": "EUR"})
    assert found(QUANTITY, [money], "12.5|urn:iso:std:iso:4217|EUR")
    assert found(QUANTITY, [money], "gt12||EUR")
    assert not found(QUANTITY, [money], "12.5||USD")


def test_sampled_data_is_found_by_its_bounds() -> None:
    sampled = (
        "SampledData",
        {"origin": q("2", "mV")[1], "factor": Exact("0.5"), "data": "-2 E 8 3 L", "lowerLimit": -4},
    )
    for asked, expected in [("ge6", True), ("gt6", False), ("le0", True), ("lt0", False)]:
        assert found(QUANTITY, [sampled], f"{asked}|{UCUM}|mV") is expected


@pytest.mark.parametrize(
    "node",
    [
        ("Quantity", {}),
        ("Quantity", {"unit": "mg"}),
        ("Quantity", {"value": "5"}),
        ("Quantity", "5"),
        ("Range", {}),
        ("Range", {"low": {"unit": "mg"}}),
        ("SampledData", {"data": "1 2"}),
        ("SampledData", {"origin": {"value": 1}, "data": "E"}),
        ("SampledData", {"origin": {"value": 1}, "data": "NaN x Infinity 1e999999"}),
    ],
)
def test_what_has_no_number_is_not_indexed(node: tuple[str, Any]) -> None:
    assert QUANTITY.values([Node(*node)], LOCALE) == []


@pytest.mark.parametrize(
    "value",
    ["", "mg", "|http://a|mg", "5|mg", "5|http://a|", "5|a|b|c", "5 mg", "ge|http://a|mg"],
)
def test_a_value_that_is_no_quantity_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a quantity") as caught:
        QUANTITY.criterion("idx.p", "", value, LOCALE)
    assert caught.value.issues[0].code == "value"


def test_quantities_sort_by_what_they_measure() -> None:
    nodes = [q("900", "ug"), q("1", "mg"), q("0.002", "g"), q("3", comparator=">"), q("1", "kg")]
    keys = [QUANTITY.key(QUANTITY.values([Node(*node)], LOCALE)[0]) for node in nodes]
    assert keys == sorted(keys, key=str)
    assert len(set(keys)) == len(keys)


# laws ---------------------------------------------------------------------------------------------

TENTHS = st.integers(-60, 60).map(lambda tenths: f"{tenths / 10:.1f}")
COMPARATORS = st.sampled_from(["", "<", "<=", ">", ">="])


@given(TENTHS, COMPARATORS, TENTHS, st.sampled_from(sorted(PREFIXES)))
def test_a_unit_changes_nothing_but_who_is_compared(
    target: str, comparator: str, asked: str, prefix: str
) -> None:
    """Alone, by code and converted, the same number is found by the same prefix."""
    indexed = QUANTITY.values([Node(*q(target, comparator=comparator))], LOCALE)
    answers = {
        holds(QUANTITY.criterion("p", "", f"{prefix}{asked}{unit}", LOCALE), {"p": indexed})
        for unit in ("", "||mg", f"|{UCUM}|mg")
    }
    assert len(answers) == 1


@given(TENTHS, TENTHS, TENTHS)
def test_prefixes_are_related_on_ranges_as_their_words_are(a: str, b: str, asked: str) -> None:
    low, high = sorted((a, b), key=float)
    yes = {p: found(QUANTITY, [between(low, high)], f"{p}{asked}") for p in PREFIXES}
    assert yes["ne"] != yes["eq"]
    assert yes["sa"] <= yes["gt"] <= yes["ge"]
    assert yes["eb"] <= yes["lt"] <= yes["le"]
    assert yes["ge"] != yes["eb"]
    assert yes["le"] != yes["sa"]
