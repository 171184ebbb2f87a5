"""A provision and its exceptions, to any depth: https://hl7.org/fhir/R4/consent.html."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.policy import Period, Provision
from tests.oracle.records import (
    BIOLOGY,
    DAY,
    DOCTOR,
    HOSPITAL,
    NOW,
    OTHER_RPPS,
    PRESCRIPTION,
    YEAR,
    a_consent,
    a_doctor,
    a_document,
    a_record,
    deny,
    in_team,
    knows,
    permit,
)


def reads(root: Provision, **document: Any) -> bool:
    """Tell whether `root` alone opens a document of Anna's to the doctor."""
    return knows(a_doctor(), a_record(a_consent(root)), a_document(**document))


def spared(root: Provision, **document: Any) -> bool:
    """Tell whether `root` leaves a member of the care team the document."""
    record = a_record(a_consent(root), links=(in_team(),))
    return knows(a_doctor(), record, a_document(**document))


SPAN = Period(NOW - YEAR, NOW)
IN_SPAN = [{"lo": NOW - YEAR, "hi": NOW}]
CONDITIONS = [
    ({"labels": ("R",)}, {"labels": ["N", "R"]}, {"labels": ["N"]}),
    ({"classes": ("10",)}, {"classes": ["DocumentReference", "10"]}, {"classes": ["Observation"]}),
    ({"codes": (BIOLOGY, HOSPITAL)}, {"type_": HOSPITAL}, {"type_": PRESCRIPTION}),
    ({"instances": ("DocumentReference/d",)}, {}, {"ref": "DocumentReference/e"}),
    ({"authored_by": (f"rpps:{OTHER_RPPS}",)}, {}, {"authors": [DOCTOR]}),
    ({"data_period": SPAN}, {"dated": IN_SPAN}, {"dated": [{"lo": NOW, "hi": NOW + 1}]}),
    (
        {"data_period": SPAN},
        {"dated": IN_SPAN},
        {"dated": [{"lo": NOW - 2 * YEAR, "hi": NOW - YEAR}]},
    ),
]
DOUBTFUL = [
    {"dated": [{"lo": NOW - YEAR, "hi": NOW + 1}]},
    {"dated": [{"lo": NOW - YEAR - 1, "hi": NOW}]},
    {},
]
"""Documents that lie partly inside the period, or have no date."""


@pytest.mark.parametrize("document", DOUBTFUL)
def test_a_period_of_the_data_that_may_be_meant_denies_and_does_not_permit(
    document: dict[str, Any],
) -> None:
    assert not reads(permit(DOCTOR, data_period=SPAN), **document)
    assert not spared(deny(DOCTOR, data_period=SPAN), **document)


@pytest.mark.parametrize(("condition", "inside", "outside"), CONDITIONS)
def test_a_condition_on_the_data_bounds_a_permit(
    condition: dict[str, Any], inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    assert reads(permit(DOCTOR, **condition), **inside)
    assert not reads(permit(DOCTOR, **condition), **outside)


@pytest.mark.parametrize(("condition", "inside", "outside"), CONDITIONS)
def test_a_condition_on_the_data_bounds_a_deny(
    condition: dict[str, Any], inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    assert not spared(deny(DOCTOR, **condition), **inside)
    assert spared(deny(DOCTOR, **condition), **outside)


def test_conditions_of_several_kinds_must_all_be_met() -> None:
    root = permit(DOCTOR, labels=("R",), codes=(BIOLOGY,))
    assert reads(root, labels=["R"])
    assert not reads(root)
    assert not reads(root, type_=HOSPITAL, labels=["R"])


def test_an_instance_and_an_author_are_alternatives() -> None:
    root = permit(DOCTOR, instances=("DocumentReference/x",), authored_by=(DOCTOR,))
    assert reads(root, authors=[DOCTOR])
    assert reads(root, ref="DocumentReference/x")
    assert not reads(root)


# exceptions ---------------------------------------------------------------------------------------


def test_a_nested_deny_takes_away_from_its_permit() -> None:
    """Convention 2."""
    root = permit(DOCTOR, nested=(deny(codes=(HOSPITAL,)),))
    assert reads(root)
    assert not reads(root, type_=HOSPITAL)


def test_a_nested_permit_spares_from_its_deny() -> None:
    root = deny(DOCTOR, nested=(permit(codes=(HOSPITAL,)),))
    assert not spared(root)
    assert spared(root, type_=HOSPITAL)


def test_a_nested_permit_alone_is_no_authorisation() -> None:
    """Convention 1: the root must permit; an exception to a deny only spares."""
    assert not reads(deny(nested=(permit(DOCTOR),)))


def test_a_nested_permit_adds_to_its_permit() -> None:
    root = permit(DOCTOR, codes=(BIOLOGY,), nested=(permit(labels=("R",)),))
    assert reads(root)
    assert reads(root, type_=HOSPITAL, labels=["R"])
    assert not reads(root, type_=HOSPITAL)


def test_a_nested_deny_adds_to_its_deny() -> None:
    root = deny(DOCTOR, codes=(BIOLOGY,), nested=(deny(labels=("R",)),))
    assert not spared(root)
    assert not spared(root, type_=HOSPITAL, labels=["R"])
    assert spared(root, type_=HOSPITAL)


def test_exceptions_to_exceptions_are_read_three_deep() -> None:
    """All but hospital reports, but those that are restricted, but not the one named."""
    one = deny(instances=("DocumentReference/x",))
    root = permit(
        DOCTOR, nested=(deny(codes=(HOSPITAL,), nested=(permit(labels=("R",), nested=(one,)),)),)
    )
    assert reads(root)
    assert not reads(root, type_=HOSPITAL)
    assert reads(root, type_=HOSPITAL, labels=["R"])
    assert not reads(root, type_=HOSPITAL, labels=["R"], ref="DocumentReference/x")


def test_a_nested_deny_may_be_for_someone_else() -> None:
    root = permit(DOCTOR, nested=(deny(f"rpps:{OTHER_RPPS}"),))
    assert reads(root)


def test_a_nested_permit_for_someone_else_spares_nobody_else() -> None:
    root = deny(nested=(permit(f"rpps:{OTHER_RPPS}"),))
    assert not spared(root)


def test_a_nested_deny_may_be_over() -> None:
    root = permit(DOCTOR, nested=(deny(period=Period(0, NOW)),))
    assert reads(root)
    assert not reads(permit(DOCTOR, nested=(deny(period=Period(0, NOW + 1)),)))


def test_a_nested_permit_may_be_over() -> None:
    assert not spared(deny(nested=(permit(period=Period(0, NOW)),)))
    assert spared(deny(nested=(permit(period=Period(0, NOW + 1)),)))


# what is not understood -----------------------------------------------------------------------------


def test_a_deny_that_is_not_understood_denies_without_its_conditions() -> None:
    """Design, section 3."""
    root = deny(DOCTOR, codes=(HOSPITAL,), exact=False, period=Period(0, 1))
    assert not spared(root)


def test_a_nested_deny_that_is_not_understood_takes_everything() -> None:
    assert not reads(permit(DOCTOR, nested=(deny(codes=(HOSPITAL,), exact=False),)))


def test_a_nested_permit_that_is_not_understood_spares_nothing() -> None:
    root = deny(nested=(permit(codes=(BIOLOGY,), exact=False),))
    assert not spared(root)


def test_a_deny_of_writing_takes_no_reading() -> None:
    assert spared(deny(DOCTOR, actions=("collect", "correct")))
    assert not spared(deny(DOCTOR, actions=("access",)))


def test_a_deny_whose_period_is_over_denies_nothing() -> None:
    assert spared(deny(DOCTOR, period=Period(NOW - DAY, NOW)))
    assert not spared(deny(DOCTOR, period=Period(NOW - DAY, NOW + 1)))


def test_a_deny_that_is_not_in_force_denies_nothing() -> None:
    consent = a_consent(deny(DOCTOR), Period(NOW + 1, NOW + DAY))
    assert knows(a_doctor(), a_record(consent, links=(in_team(),)), a_document())


def test_a_deny_of_another_purpose_leaves_care_alone() -> None:
    assert spared(deny(DOCTOR, purposes=("HRESCH",)))
