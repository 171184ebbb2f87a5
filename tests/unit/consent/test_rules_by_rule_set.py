"""What changes with the rule set, member by member (C3 to C6; R24, R27, R32, R44, R51, R57)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import FOREVER, Link, Period, RecordPolicy
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.ruleset import ORIGINAL, RuleSet
from tests.oracle.records import (
    ANNA,
    BIOLOGY,
    DAY,
    DOCTOR,
    FINESS,
    HOSPITAL,
    HOSPITAL_KEY,
    MATRIX,
    NOW,
    a_consent,
    a_doctor,
    a_document,
    a_record,
    a_representative,
    attending,
    deny,
    in_team,
    masked,
    permit,
)

EXPRESS = replace(ORIGINAL, occupational_medicine="express-consent")
BOUNDED = replace(ORIGINAL, representation="minors-and-measures")


def knows(
    who: Requester,
    record: RecordPolicy,
    document: dict[str, Any],
    law: RuleSet,
    *,
    matrix: Matrix = MATRIX,
    at: int = NOW,
) -> bool:
    return Sight(who, matrix, at, (record,), law).decide(document).permit


def an_occupational_doctor(**changes: Any) -> Requester:
    return a_doctor(kind=Kind.OCCUPATIONAL_MEDICINE, **changes)


# C3, R32 -----------------------------------------------------------------------------------------


def test_occupational_medicine_reads_by_a_consent_that_names_it() -> None:
    record = a_record(a_consent(permit(DOCTOR)))
    who = an_occupational_doctor()
    assert knows(who, record, a_document(), EXPRESS)
    assert not knows(who, record, a_document(), ORIGINAL)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(a_record(), id="nothing"),
        pytest.param(a_record(links=(in_team(),)), id="care team"),
        pytest.param(a_record(links=(attending(),)), id="attending doctor"),
        pytest.param(a_record(a_consent(permit(HOSPITAL_KEY))), id="its structure is named"),
        pytest.param(
            a_record(a_consent(permit("team:CareTeam/t")), links=(in_team(),)), id="its team is"
        ),
        pytest.param(a_record(a_consent(permit("rpps:10000000009"))), id="another is named"),
    ],
)
def test_nothing_else_opens_a_record_to_occupational_medicine(record: RecordPolicy) -> None:
    who = an_occupational_doctor(organization=FINESS)
    assert not knows(who, record, a_document(), EXPRESS)


def test_a_service_of_occupational_medicine_that_names_no_person_reads_nothing() -> None:
    service = Requester(Kind.OCCUPATIONAL_MEDICINE, organization=FINESS)
    record = a_record(a_consent(permit(HOSPITAL_KEY)))
    assert not knows(service, record, a_document(), EXPRESS)


@pytest.mark.parametrize("purpose", [Purpose.BREAK_GLASS, Purpose.REGULATION])
def test_occupational_medicine_has_no_emergency(purpose: Purpose) -> None:
    who = an_occupational_doctor(purpose=purpose, patient=ANNA, reason="coma")
    assert not knows(who, a_record(), a_document(), EXPRESS)


def test_a_block_of_its_structure_holds_against_occupational_medicine() -> None:
    who = an_occupational_doctor(organization=FINESS)
    consents = (a_consent(permit(DOCTOR)), a_consent(deny(HOSPITAL_KEY), id_="d"))
    assert not knows(who, a_record(*consents), a_document(), EXPRESS)


def test_express_consent_opens_neither_the_masked_nor_what_the_matrix_shuts() -> None:
    record = a_record(a_consent(permit(DOCTOR)), links=(attending(),))
    who = an_occupational_doctor(profession="G15_60")
    assert not knows(who, record, masked(), EXPRESS)
    assert not knows(who, record, a_document("unknown-type"), EXPRESS)
    assert knows(who, record, a_document(HOSPITAL), EXPRESS)


# C4, R44 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spared", [(), ("author",), ("attending-doctor",)])
def test_a_mask_spares_those_of_the_rule_set_alone(spared: tuple[str, ...]) -> None:
    law = replace(ORIGINAL, masked_spares=spared)
    author = a_record(links=(in_team(),))
    assert knows(a_doctor(), author, masked(authors=[DOCTOR]), law) == ("author" in spared)
    treated = a_record(links=(attending(),))
    assert knows(a_doctor(), treated, masked(), law) == ("attending-doctor" in spared)


# C5, R24 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("blockable", [True, False])
def test_a_block_of_the_attending_doctor_holds_where_the_rule_set_says_so(blockable: bool) -> None:
    law = replace(ORIGINAL, attending_blockable=blockable)
    record = a_record(a_consent(deny(DOCTOR)), links=(attending(),))
    assert knows(a_doctor(), record, a_document(), law) != blockable
    team = a_record(a_consent(deny(DOCTOR)), links=(in_team(),))
    assert not knows(a_doctor(), team, a_document(), law)


# C6, R51 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "open_"), [(30, True), (31, False)])
def test_an_announcement_waits_for_the_days_of_the_rule_set(days: int, open_: bool) -> None:
    law = replace(ORIGINAL, announcement_days=days)
    waiting = a_document(labels=["N", "INVISIBLE_PATIENT"], deposited=NOW - 30 * DAY)
    holder = Requester(Kind.PATIENT, Purpose.PATIENT_REQUEST, patient=ANNA)
    assert knows(holder, a_record(), waiting, law) == open_


# R27 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effective", [True, False])
def test_a_profession_that_is_none_of_health_reads_where_the_rule_set_says_so(
    effective: bool,
) -> None:
    law = replace(ORIGINAL, role_professions=effective)
    matrix = Matrix({**MATRIX.readable, "R95_71": frozenset({BIOLOGY})}, MATRIX.rows)
    osteopath, record = a_doctor(profession="R95_71"), a_record(links=(in_team(),))
    assert knows(osteopath, record, a_document(BIOLOGY), law, matrix=matrix) == effective
    assert not knows(osteopath, record, a_document(HOSPITAL), law, matrix=matrix)
    assert knows(a_doctor(), record, a_document(BIOLOGY), law, matrix=matrix)


# R57 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "open_"), [(-1, True), (0, False), (DAY, False)])
def test_a_representative_reads_until_the_instant_of_majority(age: int, open_: bool) -> None:
    record = a_record(of_age=NOW - age)
    assert knows(a_representative(), record, a_document(), BOUNDED) == open_
    assert knows(a_representative(), record, a_document(), ORIGINAL)


def test_without_a_birth_date_no_majority_ends_a_representation() -> None:
    assert knows(a_representative(), a_record(of_age=FOREVER), a_document(), BOUNDED)


@pytest.mark.parametrize(("end", "open_"), [(NOW + 1, True), (NOW, False)])
def test_a_measure_of_protection_lets_a_representative_read_while_it_lasts(
    end: int, open_: bool
) -> None:
    measure = Link(f"representative:{ANNA}", "protection", "RelatedPerson/r", Period(0, end))
    record = a_record(links=(measure,), of_age=NOW - DAY)
    assert knows(a_representative(), record, a_document(), BOUNDED) == open_


def test_the_holder_reads_on_at_majority() -> None:
    holder = Requester(Kind.PATIENT, Purpose.PATIENT_REQUEST, patient=ANNA)
    assert knows(holder, a_record(of_age=NOW - DAY), a_document(), BOUNDED)
