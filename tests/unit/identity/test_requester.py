"""A Requester from what was typed: field forms in, one form kept."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.identity.requester import (
    normal_finess,
    normal_profession,
    normal_rpps,
    requester_from,
)


@pytest.mark.parametrize("text", ["10100000001", "810100000001", " 101 0000 0001 "])
def test_an_rpps_is_kept_as_eleven_digits(text: str) -> None:
    assert normal_rpps(text) == "10100000001"


@pytest.mark.parametrize("text", ["1010000000", "910100000001", "1010000000x", "٣" * 11])
def test_what_is_no_rpps_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an RPPS number"):
        normal_rpps(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("750000001", "750000001"), ("1750000001", "750000001"), ("2a0000014", "2A0000014")],
)
def test_a_finess_is_kept_as_nine_characters(text: str, kept: str) -> None:
    assert normal_finess(text) == kept


@pytest.mark.parametrize("text", ["75000000", "2750000001", "7500000011", "AB0000001"])
def test_what_is_no_finess_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a FINESS number"):
        normal_finess(text)


@pytest.mark.parametrize("text", ["21", "G15_21", "g15_21"])
def test_a_profession_is_kept_as_its_code(text: str) -> None:
    assert normal_profession(text) == "G15_21"


@pytest.mark.parametrize(("text", "kept"), [("R95_71", "R95_71"), ("r94_41", "R94_41")])
def test_a_profession_that_is_none_of_health_is_written_out(text: str, kept: str) -> None:
    """R27."""
    assert normal_profession(text) == kept


@pytest.mark.parametrize("text", ["2", "pharmacist", "G15_", "G15_211", "R95_", "R93_71"])
def test_what_is_no_profession_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a profession"):
        normal_profession(text)


def test_what_is_not_said_stays_empty() -> None:
    assert requester_from("professional") == Requester(kind=Kind.PROFESSIONAL)


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("professional", Purpose.TREATMENT),
        ("patient", Purpose.PATIENT_REQUEST),
        ("samu-regulator", Purpose.REGULATION),
        ("establishment-software", Purpose.FEED),
        ("trusted-system", Purpose.ADMINISTRATION),
    ],
)
def test_a_kind_has_its_usual_purpose(kind: str, purpose: Purpose) -> None:
    assert requester_from(kind).purpose is purpose


def test_a_purpose_that_is_said_stands() -> None:
    asked = requester_from(
        "professional", purpose="break-glass", patient="Patient/a1", reason="coma"
    )
    assert (asked.purpose, asked.patient, asked.reason) == (Purpose.BREAK_GLASS, "a1", "coma")


def test_a_secret_connection_is_said_or_not() -> None:
    """R60."""
    assert requester_from("professional", secret=True).secret
    assert not requester_from("professional").secret


def test_an_unknown_kind_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="`wizard` is not a kind; one of: professional, patient"):
        requester_from("wizard")
