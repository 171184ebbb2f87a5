"""A Consent as an authorisation: by whom, for whom, and how long (R15, R17, R21, L53)."""

from __future__ import annotations

import pytest

from fhir_server.consent.policy import Period, Provision, RecordPolicy
from tests.oracle.records import (
    DOCTOR,
    FINESS,
    HOSPITAL,
    HOSPITAL_KEY,
    NOW,
    OTHER_RPPS,
    a_consent,
    a_doctor,
    a_document,
    a_pharmacist,
    a_record,
    an_emergency,
    deny,
    knows,
    masked,
    permit,
    rules,
)


def test_an_authorised_professional_reads() -> None:
    """R15."""
    record = a_record(a_consent(permit(DOCTOR)))
    assert knows(a_doctor(), record, a_document())
    assert rules(a_doctor(), record, a_document()) == {"authorised"}
    assert not knows(a_doctor(rpps=OTHER_RPPS), record, a_document())


def test_an_authorisation_by_structure_is_for_its_professionals() -> None:
    """Convention 1: Organization = the caller's FINESS."""
    record = a_record(a_consent(permit(HOSPITAL_KEY)))
    assert knows(a_doctor(organization=FINESS), record, a_document())
    assert not knows(a_doctor(organization="750000009"), record, a_document())


@pytest.mark.parametrize("governance", ["record", "pointer", "binary", "patient", "careteam"])
def test_an_authorisation_opens_what_a_link_opens(governance: str) -> None:
    assert knows(a_doctor(), a_record(a_consent(permit(DOCTOR))), a_document(governance=governance))


def test_an_authorisation_shows_no_traces() -> None:
    """R72."""
    trace = a_document(governance="trace")
    assert not knows(a_doctor(), a_record(a_consent(permit(DOCTOR))), trace)


def test_an_authorisation_lifts_neither_mask_nor_matrix() -> None:
    """R37, R43."""
    record = a_record(a_consent(permit(DOCTOR)))
    assert not knows(a_doctor(), record, masked())
    assert not knows(a_pharmacist(), record, a_document(HOSPITAL))


@pytest.mark.parametrize(
    ("start", "end", "open_"),
    [(-1, 1, True), (0, 1, True), (1, 9, False), (-9, 0, False), (-9, -1, False)],
)
def test_an_authorisation_counts_while_it_is_in_force(start: int, end: int, open_: bool) -> None:
    """R21, L53."""
    consent = a_consent(permit(DOCTOR), Period(NOW + start, NOW + end))
    assert knows(a_doctor(), a_record(consent), a_document()) is open_


@pytest.mark.parametrize(
    ("start", "end", "open_"),
    [(-1, 1, True), (0, 1, True), (1, 9, False), (-9, 0, False), (-9, -1, False)],
)
def test_an_authorisation_counts_within_its_own_period(start: int, end: int, open_: bool) -> None:
    """L53: `provision.period` as well."""
    root = permit(DOCTOR, period=Period(NOW + start, NOW + end))
    assert knows(a_doctor(), a_record(a_consent(root)), a_document()) is open_


def test_a_permit_for_nobody_by_name_is_no_authorisation() -> None:
    """Convention 1: the root provision permits the caller."""
    assert not knows(a_doctor(), a_record(a_consent(permit())), a_document())


def test_a_permit_for_someone_who_can_not_be_found_is_for_nobody() -> None:
    record = a_record(a_consent(Provision(permits=True, actors=(), names_actor=True)))
    assert not knows(a_doctor(), record, a_document())


def test_a_permit_that_is_not_understood_gives_nothing() -> None:
    """Design, section 3: what can't be understood exactly never widens access."""
    assert not knows(a_doctor(), a_record(a_consent(permit(DOCTOR, exact=False))), a_document())


def test_a_permit_for_treatment_serves_treatment() -> None:
    record = a_record(a_consent(permit(DOCTOR, purposes=("TREAT",))))
    assert rules(a_doctor(), record, a_document()) == {"authorised"}
    assert rules(an_emergency(), record, a_document()) == {"break-glass"}


def test_a_permit_for_research_serves_no_care() -> None:
    record = a_record(a_consent(permit(DOCTOR, purposes=("HRESCH",))))
    assert not knows(a_doctor(), record, a_document())


@pytest.mark.parametrize(
    ("actions", "open_"),
    [
        (("access",), True),
        (("use",), True),
        (("disclose", "collect"), True),
        (("collect",), False),
        (("correct",), False),
    ],
)
def test_a_permit_counts_when_it_lets_read(actions: tuple[str, ...], open_: bool) -> None:
    """R22: authorisations govern reading."""
    record = a_record(a_consent(permit(DOCTOR, actions=actions)))
    assert knows(a_doctor(), record, a_document()) is open_


def test_a_second_authorisation_adds_to_the_first() -> None:
    record = a_record(
        a_consent(permit(DOCTOR, codes=(HOSPITAL,))),
        a_consent(permit(DOCTOR, labels=("R",)), id_="c2"),
    )
    assert knows(a_doctor(), record, a_document(HOSPITAL))
    assert knows(a_doctor(), record, a_document(labels=["R"]))
    assert not knows(a_doctor(), record, a_document())


def test_a_record_is_found_by_the_keys_that_it_grants_something_to() -> None:
    record: RecordPolicy = a_record(a_consent(permit(DOCTOR)), a_consent(deny(HOSPITAL_KEY)))
    assert record.keys() == {DOCTOR}
