"""Who is let in by a standing link, and that nobody else is."""

from __future__ import annotations

import pytest

from fhir_server.consent.policy import Period, RecordPolicy
from fhir_server.consent.requester import TRUSTED, Kind, Purpose, Requester
from tests.oracle.records import (
    ANNA,
    BIOLOGY,
    FINESS,
    HOSPITAL,
    HOSPITAL_KEY,
    NOW,
    OTHER_RPPS,
    PRESCRIPTION,
    RPPS,
    a_consent,
    a_doctor,
    a_document,
    a_holder,
    a_pharmacist,
    a_record,
    a_representative,
    attending,
    in_team,
    knows,
    masked,
    permit,
    rules,
    sight,
)

EVERYTHING = ("record", "pointer", "binary", "patient", "careteam", "policy")


def test_a_stranger_knows_nothing_of_the_record() -> None:
    """Default deny; convention 4."""
    for governance in (*EVERYTHING, "trace"):
        assert not knows(a_doctor(), a_record(), a_document(governance=governance))
    assert rules(a_doctor(), a_record(), a_document()) == set()


def test_a_record_whose_policy_is_not_at_hand_is_closed() -> None:
    assert not sight(a_holder()).decide(a_document()).permit
    assert not sight(a_holder("bruno"), a_record()).decide(a_document()).permit


@pytest.mark.parametrize("governance", EVERYTHING)
def test_a_member_of_the_care_team_is_deemed_authorised(governance: str) -> None:
    """R16."""
    document = a_document(governance=governance)
    assert knows(a_doctor(), a_record(links=(in_team(),)), document)
    assert rules(a_doctor(), a_record(links=(in_team(),)), document) == {"care-team"}


def test_the_care_team_opens_no_other_record() -> None:
    document = a_document(patient="bruno")
    assert not knows(a_doctor(), a_record(links=(in_team(),)), document)


@pytest.mark.parametrize(
    ("start", "end", "open_"),
    [(0, 1, True), (-9, 0, False), (1, 9, False), (-1, 1, True), (0, 0, False)],
)
def test_a_care_team_counts_from_its_first_instant_to_before_its_last(
    start: int, end: int, open_: bool
) -> None:
    """Convention 1: an active CareTeam; periods are half-open."""
    link = in_team(period=Period(NOW + start, NOW + end))
    assert knows(a_doctor(), a_record(links=(link,)), a_document()) is open_


def test_a_structure_in_the_care_team_brings_its_professionals() -> None:
    """Convention 1: a member may be an Organization."""
    record = a_record(links=(in_team(HOSPITAL_KEY),))
    assert knows(a_doctor(organization=FINESS), record, a_document())
    assert not knows(a_doctor(organization="750000009"), record, a_document())


def test_a_consent_for_a_care_team_counts_for_its_members_alone() -> None:
    """R15 with a CareTeam as actor."""
    record = a_record(
        a_consent(permit("team:CareTeam/t")),
        links=(in_team(f"rpps:{OTHER_RPPS}"),),
    )
    assert knows(a_doctor(rpps=OTHER_RPPS), record, a_document())
    assert "authorised" in rules(a_doctor(rpps=OTHER_RPPS), record, a_document())
    assert not knows(a_doctor(), record, a_document())


def test_the_attending_doctor_reads_everything() -> None:
    """R20, R44, R46: masked documents and types outside the matrix included."""
    record = a_record(links=(attending(),))
    for document in (a_document("unknown-type"), masked(), a_document(governance="trace")):
        assert knows(a_doctor(profession=""), record, document)


def test_who_was_the_attending_doctor_is_no_longer() -> None:
    """R20: the link has a period."""
    record = a_record(links=(attending(period=Period(0, NOW)),))
    assert knows(a_doctor(), record, a_document(), at=NOW - 1)
    assert not knows(a_doctor(), record, a_document())


def test_the_attending_doctor_of_one_record_is_a_stranger_in_another() -> None:
    mine, other = a_record(links=(attending(),)), a_record(patient="bruno")
    assert sight(a_doctor(), mine, other).decide(a_document()).permit
    assert not sight(a_doctor(), mine, other).decide(a_document(patient="bruno")).permit


def test_the_holder_reads_their_own_record_and_no_other() -> None:
    """R15, R25, R72."""
    for governance in (*EVERYTHING, "trace"):
        assert knows(a_holder(), a_record(), a_document(governance=governance))
    assert not knows(a_holder("bruno"), a_record(), a_document())


def test_the_holder_reads_a_closed_record() -> None:
    """R7, R9: closing is against others."""
    assert knows(a_holder(), a_record(closed=True), a_document())


def test_the_legal_representative_exercises_the_holders_rights() -> None:
    """R54."""
    assert knows(a_representative(), a_record(), masked())
    assert not knows(a_representative("bruno"), a_record(), masked())


def test_writers_read_nothing_without_a_grant_of_their_own() -> None:
    """R22, convention 8."""
    software = Requester(Kind.ESTABLISHMENT_SOFTWARE, organization=FINESS)
    service = Requester(Kind.REFERENCED_SERVICE, organization=FINESS)
    for writer in (software, service):
        assert not knows(writer, a_record(), a_document())
    granted = a_record(a_consent(permit(HOSPITAL_KEY)))
    assert knows(software, granted, a_document(BIOLOGY))
    assert not knows(software, granted, a_document(PRESCRIPTION))
    assert knows(service, granted, a_document(PRESCRIPTION))


def test_the_trusted_system_sees_everything() -> None:
    """Contract, tokens."""
    assert sight(TRUSTED).decide(masked()).permit
    assert sight(TRUSTED).rules_used() == ()


@pytest.mark.parametrize("kind", [Kind.ADMINISTRATOR, Kind.AUDITOR])
def test_administration_opens_no_record(kind: Kind) -> None:
    caller = Requester(kind, Purpose.ADMINISTRATION, rpps=RPPS, patient=ANNA)
    assert not knows(caller, a_record(links=(attending(), in_team())), a_document())


def test_the_log_is_told_which_rules_opened_something() -> None:
    record = a_record(a_consent(permit(f"rpps:{RPPS}")), links=(in_team(), attending()))
    used = sight(a_doctor(), record, a_record(patient="bruno")).rules_used()
    assert used == ("attending-doctor", "care-team", "authorised", "own-act")
    assert sight(a_holder(), record).rules_used() == ("holder",)


def test_alike_records_share_one_part_of_the_predicate() -> None:
    """The predicate grows with the situations and not with the records."""

    def records(count: int) -> list[RecordPolicy]:
        team = [(in_team(source=f"CareTeam/t{n}"),) for n in range(count)]
        return [a_record(patient=f"p{n}", links=links) for n, links in enumerate(team)]

    few, many = sight(a_doctor(), *records(2)), sight(a_doctor(), *records(200))
    assert repr(few.known).count("deposited") == repr(many.known).count("deposited")
    assert repr(many.known).count("MASQUE_PS") == repr(few.known).count("MASQUE_PS")
    assert many.decide(a_document(patient="p199")).permit


def test_what_names_a_care_team_as_its_author_is_not_its_members_own() -> None:
    """R44 speaks of authors; R4 lets no CareTeam be one, and only authors change a document."""
    record = a_record(links=(in_team(source="CareTeam/t"),))
    assert not knows(a_doctor(), record, masked(authors=["team:CareTeam/t"]))


def test_a_reason_tells_its_rule_its_sources_and_itself_in_two_languages() -> None:
    (reason,) = sight(a_pharmacist(), a_record(links=(in_team(),))).explain(a_document(BIOLOGY))
    assert (reason.rule, reason.effect, reason.sources) == ("care-team", "permit", ("R16",))
    assert reason.patient == ANNA
    assert reason.fr == "L'appelant est de l'équipe de soins."
    assert reason.en == "The caller is of the care team."


def test_reasons_come_strongest_first() -> None:
    record = a_record(closed=True, links=(in_team(),))
    reasons = sight(a_pharmacist(), record).explain(masked(type_=HOSPITAL))
    assert [reason.rule for reason in reasons] == [
        "record-closed",
        "masked-to-professionals",
        "not-habilitated",
        "care-team",
    ]
