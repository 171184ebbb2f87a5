"""What is taken away, whatever was given: excluded kinds, closure, blocks, masks, delays."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.ruleset import ORIGINAL
from fhir_server.predicate import NEVER
from tests.oracle.records import (
    ANNA,
    BIOLOGY,
    DAY,
    DOCTOR,
    FINESS,
    HOSPITAL_KEY,
    NOW,
    OTHER_RPPS,
    RPPS,
    a_consent,
    a_doctor,
    a_document,
    a_holder,
    a_record,
    a_regulator,
    a_representative,
    an_emergency,
    attending,
    deny,
    in_team,
    knows,
    masked,
    permit,
    rules,
    sight,
)

OPEN = (in_team(), attending())
MONTH = ORIGINAL.announcement


@pytest.mark.parametrize(
    "kind",
    [
        Kind.OCCUPATIONAL_MEDICINE,  # R32
        Kind.INSURER,  # R33
        Kind.BANK,  # R33
        Kind.SECRETARY,  # R34
        Kind.HEALTH_INSURANCE_FEED,  # R35
    ],
)
def test_an_excluded_kind_reads_nothing_even_with_consent(kind: Kind) -> None:
    record = a_record(a_consent(permit(DOCTOR, HOSPITAL_KEY)), links=OPEN)
    caller = Requester(kind, rpps=RPPS, profession="G15_10", organization=FINESS, patient=ANNA)
    assert sight(caller, record).known == NEVER
    assert not knows(caller, record, a_document(authors=[DOCTOR], owner=DOCTOR))
    assert "excluded-kind" in rules(caller, record, a_document())
    assert not knows(caller, record, a_document(patient=None, governance="directory"))


@pytest.mark.parametrize("caller", [a_doctor(), an_emergency(), a_regulator()])
def test_a_closed_record_is_closed_to_every_professional(caller: Requester) -> None:
    """R7, R8, R13, convention 3: the attending doctor and emergencies included."""
    record = a_record(a_consent(permit(DOCTOR)), links=OPEN, closed=True)
    assert not knows(caller, record, a_document())
    assert "record-closed" in rules(caller, record, a_document())


# blocks -------------------------------------------------------------------------------------------


def test_a_blocked_professional_has_no_access_with_or_without_authorisation() -> None:
    """R24, R38."""
    record = a_record(a_consent(deny(DOCTOR)), a_consent(permit(DOCTOR)), links=(in_team(),))
    assert not knows(a_doctor(), record, a_document())
    assert rules(a_doctor(), record, a_document()) == {
        "blocked-or-opposed",
        "care-team",
        "authorised",
    }


def test_a_block_is_of_no_concern_to_another_professional() -> None:
    """R24."""
    record = a_record(a_consent(deny(DOCTOR)), links=(in_team(f"rpps:{OTHER_RPPS}"),))
    assert knows(a_doctor(rpps=OTHER_RPPS), record, a_document())


def test_a_block_holds_against_the_attending_doctor() -> None:
    """R24, C5: no exception is written."""
    assert not knows(a_doctor(), a_record(a_consent(deny(DOCTOR)), links=(attending(),)), masked())


@pytest.mark.parametrize("caller", [an_emergency(), a_regulator()])
def test_a_block_holds_in_an_emergency(caller: Requester) -> None:
    """R24, R67."""
    assert knows(caller, a_record(), a_document())
    assert not knows(caller, a_record(a_consent(deny(DOCTOR))), a_document())


def test_a_block_hides_even_what_the_blocked_wrote() -> None:
    """R24: a blocked professional cannot access."""
    record = a_record(a_consent(deny(DOCTOR)), links=(in_team(),))
    assert not knows(a_doctor(), record, a_document(authors=[DOCTOR]))


def test_a_blocked_structure_shuts_out_its_professionals() -> None:
    record = a_record(a_consent(deny(HOSPITAL_KEY)), links=(in_team(),))
    assert not knows(a_doctor(organization=FINESS), record, a_document())
    assert knows(a_doctor(), record, a_document())


def test_a_block_is_of_no_concern_to_the_holder() -> None:
    record = a_record(a_consent(deny()))
    assert knows(a_holder(), record, a_document())
    assert knows(a_representative(), record, a_document())


def test_a_deny_without_actor_shuts_out_every_professional() -> None:
    """R26: hide all my documents, emergencies included."""
    record = a_record(a_consent(deny()), a_consent(permit(DOCTOR)), links=OPEN)
    for caller in (a_doctor(), an_emergency(), a_regulator()):
        assert not knows(caller, record, a_document())


# oppositions --------------------------------------------------------------------------------------


def test_the_two_emergency_oppositions_are_separate() -> None:
    """R65, convention 2: `BTG` is against break-glass alone, `ETREAT` against regulation alone."""
    no_glass = a_record(a_consent(deny(purposes=("BTG",))))
    no_centre = a_record(a_consent(deny(purposes=("ETREAT",))))
    assert not knows(an_emergency(), no_glass, a_document())
    assert knows(a_regulator(), no_glass, a_document())
    assert not knows(a_regulator(), no_centre, a_document())
    assert knows(an_emergency(), no_centre, a_document())


def test_an_emergency_opposition_leaves_ordinary_care_alone() -> None:
    """R65."""
    record = a_record(a_consent(deny(purposes=("BTG", "ETREAT"))), links=(in_team(),))
    assert knows(a_doctor(), record, a_document())


def test_who_denies_treatment_denies_its_emergencies() -> None:
    """v3-ActReason puts `BTG` and `ETREAT` under `TREAT`."""
    record = a_record(a_consent(deny(DOCTOR, purposes=("TREAT",))), links=(in_team(),))
    for caller in (a_doctor(), an_emergency(), a_regulator()):
        assert not knows(caller, record, a_document())


# masks --------------------------------------------------------------------------------------------


def test_a_masked_document_is_hidden_from_the_care_team() -> None:
    """R43."""
    record = a_record(a_consent(permit(DOCTOR)), links=(in_team(),))
    assert not knows(a_doctor(), record, masked())
    assert "masked-to-professionals" in rules(a_doctor(), record, masked())


def test_a_masked_document_stays_known_to_its_author() -> None:
    """R44: the professional or the establishment that deposited it, if otherwise let in."""
    record = a_record(links=(in_team(),))
    assert knows(a_doctor(), record, masked(authors=[DOCTOR]))
    assert knows(a_doctor(organization=FINESS), record, masked(authors=[HOSPITAL_KEY]))
    assert not knows(a_doctor(), a_record(), masked(authors=[DOCTOR]))


def test_a_masked_document_stays_known_to_the_attending_doctor_and_the_holder() -> None:
    """R44, R46."""
    assert knows(a_doctor(), a_record(links=(attending(),)), masked())
    assert knows(a_holder(), a_record(), masked())


@pytest.mark.parametrize("caller", [an_emergency(), a_regulator()])
def test_an_emergency_lifts_no_mask(caller: Requester) -> None:
    """R70."""
    assert not knows(caller, a_record(), masked())


@pytest.mark.parametrize("governance", ["pointer", "binary", "patient", "careteam", "policy"])
def test_a_mask_hides_resources_of_every_type(governance: str) -> None:
    """Convention 5: `meta.security` counts on every type."""
    record = a_record(links=(in_team(),))
    assert not knows(a_doctor(), record, masked(governance=governance))


# invisible to the patient -------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [a_holder(), a_representative()])
@pytest.mark.parametrize(
    ("age", "open_"),
    [(0, False), (14 * DAY, False), (MONTH - 1, False), (MONTH, True), (400 * DAY, True)],
)
def test_a_document_to_be_announced_opens_by_itself_after_a_month(
    caller: Requester, age: int, open_: bool
) -> None:
    """R49, R51."""
    document = a_document(labels=["N", "INVISIBLE_PATIENT"], deposited=NOW - age)
    assert knows(caller, a_record(), document) is open_


def test_the_month_is_thirty_days() -> None:
    """R51."""
    assert MONTH == 30 * DAY


def test_a_document_to_be_announced_is_open_to_professionals() -> None:
    """R49, R53."""
    document = a_document(labels=["N", "INVISIBLE_PATIENT"], deposited=NOW)
    assert knows(a_doctor(), a_record(links=(in_team(),)), document)


def test_a_minor_hides_documents_from_the_representatives() -> None:
    """R58: for good, and from nobody else."""
    document = a_document(labels=["INVISIBLE_REPRESENTANTS_LEGAUX"])
    assert not knows(a_representative(), a_record(), document)
    assert knows(a_holder(), a_record(), document)
    assert knows(a_doctor(), a_record(links=(in_team(),)), document)


@pytest.mark.parametrize("label", ["R", "V"])
def test_a_confidentiality_label_alone_hides_nothing(label: str) -> None:
    """Convention 2: it takes a Consent that names the label."""
    document = a_document(BIOLOGY, labels=[label])
    assert knows(a_doctor(), a_record(links=(in_team(),)), document)
    named = a_record(a_consent(deny(DOCTOR, labels=(label,))), links=(in_team(),))
    assert not knows(a_doctor(), named, document)
    assert knows(a_doctor(), named, a_document())


def test_a_purpose_of_administration_is_no_emergency() -> None:
    assert not knows(an_emergency(purpose=Purpose.ADMINISTRATION), a_record(), a_document())
