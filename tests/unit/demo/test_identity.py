"""Identifiers of the demonstration: keys that check."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.demo.identity import finess, ins, ins_key, luhn_key, rpps


def luhn_holds(number: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(number))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def test_the_key_of_the_published_test_ins_is_found() -> None:
    assert ins_key("2790351215189") == "89"


@pytest.mark.parametrize(("corsican", "number"), [("2A", "19"), ("2B", "18")])
def test_corsica_is_replaced_before_the_division(corsican: str, number: str) -> None:
    assert ins_key(f"28503{corsican}004001") == ins_key(f"28503{number}004001")


def test_a_matricule_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="13 characters"):
        ins_key("279035121518989")


def test_an_ins_spells_sex_birth_commune_and_rank() -> None:
    assert ins(2, date(1988, 3, 14), "55189", 901)[:13] == "2880355189901"


@given(st.integers(min_value=0, max_value=10**13 - 1))
def test_number_and_key_together_divide_by_97(number: int) -> None:
    matricule = f"{number:013d}"
    assert (number + int(ins_key(matricule))) % 97 == 0


@given(st.text(alphabet="0123456789", min_size=1, max_size=15))
def test_a_number_with_its_luhn_key_holds(digits: str) -> None:
    assert luhn_holds(digits + luhn_key(digits))


@given(st.integers(min_value=0, max_value=999_999))
def test_rpps_and_finess_have_their_lengths_and_keys(serial: int) -> None:
    assert len(rpps(serial)) == 11
    assert len(finess(serial)) == 9
    assert luhn_holds(rpps(serial))
    assert luhn_holds(finess(serial))
