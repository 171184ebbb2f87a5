"""Token parameters, both sides: https://hl7.org/fhir/R4/search.html#token."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.search.token import TOKEN, values
from tests.unit.search.both_sides import LOCALE, found

LOINC = "http://loinc.org"
CONCEPT = ("CodeableConcept", {"coding": [{"system": LOINC, "code": "11502-2"}, {"code": "bio"}]})


@pytest.mark.parametrize(
    ("node", "value", "expected"),
    [
        (CONCEPT, "11502-2", True),
        (CONCEPT, f"{LOINC}|11502-2", True),
        (CONCEPT, f"{LOINC}|", True),
        (CONCEPT, "bio", True),
        (CONCEPT, "|bio", True),
        (CONCEPT, "|11502-2", False),
        (CONCEPT, f"{LOINC}|bio", False),
        (CONCEPT, "http://loinc.or|", False),
        (CONCEPT, "11502", False),
        (CONCEPT, "http://snomed.info/sct|", False),
        (("CodeableConcept", {"text": "bio"}), "bio", False),
        (("Coding", {"system": "urn:s"}), "urn:s|", True),
        (("Coding", {"display": "nothing"}), "nothing", False),
        (("Identifier", {"system": "urn:s", "value": "1|2"}), r"urn:s|1\|2", True),
        (("Identifier", {"system": "urn:s", "value": "12"}), "12", True),
        (("Identifier", {"value": "12"}), "|12", True),
        (("Identifier", {"system": "urn:s"}), "urn:s|", False),
        (("ContactPoint", {"system": "phone", "value": "0102030405"}), "0102030405", True),
        (("boolean", True), "true", True),
        (("boolean", False), "false", True),
        (("boolean", False), "true", False),
        (("code", "final"), "final", True),
        (("code", "final"), "Final", False),
        (("string", "x"), "|x", True),
        (("Quantity", {"value": 1}), "1", False),
    ],
)
def test_a_token_is_found_by_its_code_and_system(
    node: tuple[str, Any], value: str, expected: bool
) -> None:
    assert found(TOKEN, [node], value) is expected


@pytest.mark.parametrize("value", ["|", "a|b|c", "||"])
def test_a_value_that_is_no_token_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match=r"`p`: .* is not a token") as caught:
        TOKEN.criterion("idx.p", "", value, LOCALE)
    assert caught.value.issues[0].code == "value"


def test_a_code_is_indexed_once_however_often_it_stands() -> None:
    class Twice:
        type, value = CONCEPT

    assert len(values([Twice(), Twice()], LOCALE)) == 4


def test_a_token_sorts_by_its_code() -> None:
    assert TOKEN.key(f"{LOINC}\x1f11502-2") == TOKEN.key("11502-2") == "11502-2"
