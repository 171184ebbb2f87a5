"""Bris de glace and the regulation of the centre 15: what they open, and for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.consent.emergency import Emergency, opens
from fhir_server.consent.policy import Period, RecordPolicy, as_json, from_json
from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.oracle.records import (
    ANNA,
    HOSPITAL,
    NOW,
    OTHER_RPPS,
    PRESCRIPTION,
    a_consent,
    a_doctor,
    a_document,
    a_pharmacist,
    a_record,
    a_regulator,
    a_session,
    an_emergency,
    attending,
    deny,
    in_team,
    knows,
    masked,
    rules,
    sight,
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


# a session that was opened ----------------------------------------------------------------------

OPENED = a_record(sessions=(a_session(),))


def test_a_session_opens_the_record_whatever_the_purpose_of_the_token() -> None:
    """R63: it was opened by an act of its own, so the token need not say so again."""
    assert rules(a_doctor(), OPENED, a_document()) == {"break-glass"}
    assert knows(a_doctor(), OPENED, a_document())


def test_a_session_of_one_opens_nothing_to_another() -> None:
    """L61."""
    assert not knows(a_doctor(rpps=OTHER_RPPS), OPENED, a_document())


def test_a_session_opens_no_other_record() -> None:
    other = a_record(patient="bruno")
    found = sight(a_doctor(), OPENED, other)
    assert found.decide(a_document()).permit
    assert not found.decide(a_document(patient="bruno")).permit
    assert set(found.emergencies) == {ANNA}


@pytest.mark.parametrize(
    ("start", "end", "open_"),
    [(0, 1, True), (-9, 0, False), (1, 9, False), (-1, 1, True), (0, 0, False)],
)
def test_a_session_counts_from_its_first_instant_to_before_its_last(
    start: int, end: int, open_: bool
) -> None:
    """L61: time-boxed; periods are half-open."""
    record = a_record(sessions=(a_session(period=Period(NOW + start, NOW + end)),))
    assert knows(a_doctor(), record, a_document()) is open_


def test_a_session_is_of_the_software_that_it_was_opened_in() -> None:
    record = a_record(sessions=(a_session(client="software-a"),))
    assert knows(a_doctor(client="software-a"), record, a_document())
    for client in ("", "software-b"):
        assert not knows(a_doctor(client=client), record, a_document())
    assert knows(a_doctor(client="software-b"), OPENED, a_document())


@pytest.mark.parametrize("kind", [k for k in Kind if k not in ("professional", "trusted-system")])
def test_a_session_is_a_professionals(kind: Kind) -> None:
    """R63: whoever bears the number in another role is let in by it no more."""
    assert "break-glass" not in rules(a_doctor(kind=kind), OPENED, a_document())


def test_a_session_keeps_to_the_matrix_and_the_mask() -> None:
    """R37, R70."""
    assert not knows(a_pharmacist(), OPENED, a_document(HOSPITAL))
    assert knows(a_pharmacist(), OPENED, a_document(PRESCRIPTION))
    assert not knows(a_doctor(), OPENED, masked())


def test_a_session_shows_no_traces_of_others() -> None:
    """R72."""
    assert not knows(a_doctor(), OPENED, a_document(governance="trace"))


def test_an_opposition_ends_a_session_and_leaves_a_link() -> None:
    """R65: the care team was let in by something else."""
    opposed = a_consent(deny(purposes=("BTG",)))
    assert not knows(a_doctor(), a_record(opposed, sessions=(a_session(),)), a_document())
    linked = a_record(opposed, links=(in_team(),), sessions=(a_session(),))
    assert rules(a_doctor(), linked, a_document()) == {"care-team"}


def test_an_opposition_to_the_centre_15_leaves_a_session() -> None:
    """R65: two separate oppositions."""
    opposed = a_consent(deny(purposes=("ETREAT",)))
    assert knows(a_doctor(), a_record(opposed, sessions=(a_session(),)), a_document())


def test_an_opposition_to_a_part_takes_that_part_of_a_session() -> None:
    opposed = a_consent(deny(purposes=("BTG",), codes=(HOSPITAL,)))
    record = a_record(opposed, sessions=(a_session(),))
    assert not knows(a_doctor(), record, a_document(HOSPITAL))
    assert knows(a_doctor(), record, a_document(PRESCRIPTION))


def test_an_emergency_is_told_with_its_reason_and_its_session() -> None:
    """R68."""
    by_token = sight(an_emergency(reason="chute"), a_record()).emergencies
    assert by_token == {ANNA: Emergency("break-glass", "chute")}
    assert sight(a_regulator(), a_record()).emergencies == {ANNA: Emergency("regulation", "")}
    session = {ANNA: Emergency("break-glass", "coma", "Task/s")}
    assert sight(a_doctor(), OPENED).emergencies == session
    assert sight(an_emergency(reason="chute"), OPENED).emergencies == session
    assert sight(a_doctor(), a_record(links=(in_team(),))).emergencies == {}


def test_of_several_sessions_the_last_one_opened_is_told() -> None:
    """R68: with the reason that was given last."""
    first = a_session(period=Period(NOW - 9, NOW + 9))
    last = replace(a_session(period=Period(NOW - 1, NOW + 9)), task="Task/t", reason="chute")
    over = replace(a_session(period=Period(NOW - 1, NOW)), task="Task/u")
    for sessions in ((first, last, over), (over, last, first)):
        found = sight(a_doctor(), a_record(sessions=sessions)).emergencies
        assert found == {ANNA: Emergency("break-glass", "chute", "Task/t")}


@pytest.mark.parametrize(
    ("record", "open_"),
    [
        (a_record(), True),
        (a_record(links=(attending(),)), True),
        (a_record(a_consent(deny(purposes=("ETREAT",)))), True),
        (a_record(a_consent(deny(purposes=("BTG",), codes=(HOSPITAL,)))), True),
        (a_record(a_consent(deny(purposes=("BTG",)))), False),
        (a_record(a_consent(deny(purposes=("TREAT",)))), False),
        (a_record(a_consent(deny())), False),
        (a_record(a_consent(deny("rpps:10000000001")), links=(in_team(),)), False),
        (a_record(closed=True), False),
    ],
)
def test_a_session_may_be_opened_where_a_token_would_open_something(
    record: RecordPolicy, open_: bool
) -> None:
    """R63, R65, R24, R13."""
    found = sight(an_emergency(), record)
    assert opens(found.case(record)) is open_


def test_no_session_may_be_opened_on_another_record_or_without_a_reason() -> None:
    for caller in (an_emergency(patient="bruno"), an_emergency(reason=""), a_doctor()):
        assert not opens(sight(caller, a_record()).case(a_record()))


def test_a_policy_is_read_as_it_was_written_with_its_sessions_and_without() -> None:
    period = Period(NOW, NOW + 1)
    record = a_record(sessions=(a_session(client="software-a", period=period),))
    assert from_json(ANNA, "1", as_json(record)) == record
    older = {name: value for name, value in as_json(record).items() if name != "sessions"}
    assert from_json(ANNA, "1", older) == a_record()
