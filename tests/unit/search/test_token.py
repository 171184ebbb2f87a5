"""Token parameters, both sides: https://hl7.org/fhir/R4/search.html#token."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import holds
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
        (("ContactPoint", {"system": "phone", "value": "0102030405"}), "phone|0102030405", True),
        (("ContactPoint", {"system": "phone", "value": "0102030405"}), "|0102030405", True),
        (("ContactPoint", {"system": "phone", "value": "0102030405"}), "phone|", True),
        (("ContactPoint", {"system": "phone", "value": "0102030405"}), "email|0102030405", False),
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


TITLED = (
    "CodeableConcept",
    {
        "text": "Compte rendu d'imagerie",
        "coding": [{"code": "18748-4", "display": "Étude d’imagerie médicale"}, {"display": 3}],
    },
)
CARD = (
    "Identifier",
    {
        "type": {
            "text": "N° de carte",
            "coding": [{"system": "urn:t", "code": "MR"}, {"system": "urn:t", "code": "PI"}],
        },
        "value": "12|3",
    },
)


@pytest.mark.parametrize(
    ("node", "value", "expected"),
    [
        (TITLED, "compte", True),
        (TITLED, "COMPTE REN", True),
        (TITLED, "rendu", True),
        (TITLED, "imagerie medicale", True),
        (TITLED, "d'imagerie", True),
        (TITLED, "magerie", False),
        (TITLED, "18748-4", False),
        (("Coding", {"display": "Lettre de liaison"}), "liaison", True),
        (CARD, "carte", True),
        (CARD, "12", False),
        (
            ("Identifier", {"type": {"coding": [{"display": "carte"}]}, "value": "1"}),
            "carte",
            False,
        ),
        (("code", "final"), "final", False),
    ],
)
def test_the_text_of_a_code_is_found_by_the_beginning_of_its_words(
    node: tuple[str, Any], value: str, expected: bool
) -> None:
    assert found(TOKEN, [node], value, "text") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (r"urn:t|MR|12\|3", True),
        (r"urn:t|PI|12\|3", True),
        (r"urn:t|XX|12\|3", False),
        ("urn:t|MR|12", False),
        (r"urn:u|MR|12\|3", False),
    ],
)
def test_an_identifier_is_found_by_its_type_and_value(value: str, expected: bool) -> None:
    assert found(TOKEN, [CARD], value, "of-type") is expected


@pytest.mark.parametrize("value", ["MR|12", "|MR|12", "urn:t||12", "urn:t|MR|", "a|b|c|d"])
def test_a_type_and_a_value_are_three_parts(value: str) -> None:
    """R4: all 3 parts must be present."""
    with pytest.raises(BadRequest, match=r"`system\|code\|value`, all three"):
        TOKEN.criterion("idx.p", "of-type", value, LOCALE)


@pytest.mark.parametrize("value", ["", "...", " "])
def test_a_text_to_look_for_has_a_letter_or_a_digit(value: str) -> None:
    with pytest.raises(BadRequest, match="it needs a letter or a digit"):
        TOKEN.criterion("idx.p", "text", value, LOCALE)


@pytest.mark.parametrize(
    ("value", "expected"), [("a", True), ("|a", True), ("urn:s|a", False), ("urn:s|", False)]
)
def test_an_id_has_no_system(value: str, expected: bool) -> None:
    assert holds(TOKEN.criterion("_id", "", value, LOCALE), {"_id": "a"}) is expected


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
