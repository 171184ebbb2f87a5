"""Bris de glace and the regulation of the centre 15: what they open, and for whom."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.oracle.records import (
    HOSPITAL,
    PRESCRIPTION,
    a_doctor,
    a_document,
    a_record,
    a_regulator,
    an_emergency,
    knows,
    rules,
)


def test_break_glass_opens_the_record_of_an_unknown_patient() -> None:
    """R63."""
    assert knows(an_emergency(), a_record(), a_document())
    assert rules(an_emergency(), a_record(), a_document()) == {"break-glass"}


def test_break_glass_without_a_reason_opens_nothing() -> None:
    """R63, L61: the reason is part of the act."""
    assert not knows(an_emergency(reason=""), a_record(), a_document())


def test_break_glass_opens_one_record_alone() -> None:
    """L61: the one that the token names."""
    assert not knows(an_emergency(patient="bruno"), a_record(), a_document())
    assert not knows(an_emergency(patient=""), a_record(), a_document())


def test_break_glass_keeps_to_the_matrix() -> None:
    """R37 has no exception for emergencies."""
    assert not knows(an_emergency(profession="G15_21"), a_record(), a_document(HOSPITAL))
    assert knows(an_emergency(profession="G15_21"), a_record(), a_document(PRESCRIPTION))


def test_break_glass_shows_no_traces_of_others() -> None:
    """R72."""
    assert not knows(an_emergency(), a_record(), a_document(governance="trace"))


@pytest.mark.parametrize("kind", [k for k in Kind if k not in ("professional", "trusted-system")])
def test_only_a_professional_breaks_the_glass(kind: Kind) -> None:
    """R63."""
    caller = an_emergency(kind=kind)
    if kind not in (Kind.PATIENT, Kind.REPRESENTATIVE):
        assert not knows(caller, a_record(), a_document())
    assert "break-glass" not in rules(caller, a_record(), a_document())


def test_the_centre_15_reads_without_a_reason_or_a_link() -> None:
    """R64, R67."""
    assert knows(a_regulator(), a_record(), a_document())
    assert rules(a_regulator(), a_record(), a_document()) == {"regulation"}


def test_the_centre_15_reads_the_record_of_the_call_alone() -> None:
    """R64: a call concerning the person."""
    assert not knows(a_regulator(patient="bruno"), a_record(), a_document())


def test_a_regulator_needs_the_purpose_of_regulation() -> None:
    """R64: the mode is a matter of the request and not of the person."""
    assert not knows(a_regulator(purpose=Purpose.TREATMENT), a_record(), a_document())


@pytest.mark.parametrize("kind", [Kind.ESTABLISHMENT_SOFTWARE, Kind.REFERENCED_SERVICE])
def test_software_regulates_nothing(kind: Kind) -> None:
    caller = a_regulator(kind=kind)
    assert not knows(caller, a_record(), a_document())


def test_an_emergency_says_its_name_among_the_rules_used() -> None:
    """R68."""
    assert rules(an_emergency(), a_record(), a_document()) == {"break-glass"}


def test_treatment_with_a_reason_is_no_emergency() -> None:
    caller: Requester = a_doctor(reason="coma", patient="anna")
    assert not knows(caller, a_record(), a_document())
