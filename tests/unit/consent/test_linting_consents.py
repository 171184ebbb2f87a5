"""What the linter finds in the Consents of a record."""

from __future__ import annotations

import pytest

from fhir_server.consent.linting_consents import lint_record
from fhir_server.consent.policy import ConsentPolicy, Period, Provision
from tests.oracle.records import (
    BIOLOGY,
    DAY,
    DOCTOR,
    HOSPITAL_KEY,
    NOW,
    a_consent,
    a_record,
    deny,
    permit,
)

PAST, LATER = Period(NOW - 9 * DAY, NOW), Period(NOW + DAY, NOW + 9 * DAY)


def found(*consents: ConsentPolicy) -> list[str]:
    return [finding.line() for finding in lint_record(a_record(*consents), NOW, [BIOLOGY])]


def test_consents_that_have_their_effect_have_no_finding() -> None:
    by_name = permit(DOCTOR, codes=(BIOLOGY,), nested=(deny(labels=("R",)),))
    opposition = deny(purposes=("BTG",))
    assert found(a_consent(by_name), a_consent(opposition, id_="d")) == []


def test_a_consent_that_begins_later_has_no_finding() -> None:
    assert found(a_consent(permit(DOCTOR), in_force=LATER)) == []


@pytest.mark.parametrize(
    "over",
    [
        pytest.param(a_consent(permit(DOCTOR), in_force=PAST), id="as a whole"),
        pytest.param(a_consent(deny(DOCTOR, period=PAST)), id="its provision"),
    ],
)
def test_a_consent_that_is_over_says_nothing(over: ConsentPolicy) -> None:
    assert found(over) == ["??  Consent/c: is over: it says nothing any more"]


@pytest.mark.parametrize(
    ("root", "told"),
    [
        (
            permit(DOCTOR, exact=False),
            "!!  Consent/c: `provision` is not understood exactly: it permits nothing",
        ),
        (
            deny(DOCTOR, exact=False),
            "!!  Consent/c: `provision` is not understood exactly: it denies without its conditions",
        ),
        (
            Provision(permits=False, names_actor=True),
            "!!  Consent/c: `provision` names nobody that this server can recognise",
        ),
        (
            deny(DOCTOR, codes=("x",)),
            "!!  Consent/c: `provision` names the document type `x`, which none has",
        ),
        (
            deny(DOCTOR, data_period=Period(NOW, NOW - DAY)),
            "!!  Consent/c: `provision.dataPeriod` ends before it begins",
        ),
        (permit(), "??  Consent/c: permits and names nobody: it opens nothing"),
        (
            permit(DOCTOR, nested=(deny(HOSPITAL_KEY),)),
            "??  Consent/c: `provision.provision[0]` has no effect: it names others than the "
            "provision around it",
        ),
        (
            permit(DOCTOR, period=Period(NOW - DAY, NOW + DAY), nested=(deny(period=LATER),)),
            "??  Consent/c: `provision.provision[0]` has no effect: its period lies outside the "
            "provision around it",
        ),
        (
            permit(DOCTOR, nested=(deny(), deny(nested=(permit(codes=("y",)),)))),
            "!!  Consent/c: `provision.provision[1].provision[0]` names the document type `y`, "
            "which none has",
        ),
    ],
)
def test_a_provision_without_its_effect_is_named_by_its_place(root: Provision, told: str) -> None:
    assert found(a_consent(root)) == [told]


@pytest.mark.parametrize("block", [deny(DOCTOR), deny()])
def test_an_authorisation_of_whom_another_consent_blocks_is_found(block: Provision) -> None:
    """R24: the block wins."""
    told = found(a_consent(permit(DOCTOR)), a_consent(block, id_="d"))
    assert told == ["??  Consent/c: permits whom Consent/d blocks: the block wins (R24)"]


@pytest.mark.parametrize(
    "narrower",
    [
        deny(HOSPITAL_KEY),
        deny(DOCTOR, codes=(BIOLOGY,)),
        deny(purposes=("BTG",)),
        deny(period=LATER),
    ],
)
def test_a_narrower_deny_contradicts_no_authorisation(narrower: Provision) -> None:
    assert found(a_consent(permit(DOCTOR)), a_consent(narrower, id_="d")) == []
