"""A mask written as a Consent: R43, R44, R70; `docs/consents.md`."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.reading import MASK
from tests.oracle.fhir_consents import (
    ACT_REASON,
    AFTER,
    DOCTOR_REFERENCE,
    THIS_DOCUMENT,
    a_consent,
    read,
)
from tests.oracle.records import (
    DOCTOR,
    a_doctor,
    a_document,
    a_holder,
    a_record,
    an_emergency,
    attending,
    in_team,
    knows,
    rules,
)


def a_mask(**rest: Any) -> dict[str, Any]:
    provision = {"type": "deny", "data": [THIS_DOCUMENT]} | rest
    return a_consent(provision, meta={"profile": [f"{MASK}|0.1.0"]})


def hides(consent: dict[str, Any], *, via: Any = in_team, **document: Any) -> bool:
    found = read(consent)
    assert found is not None
    return not knows(a_doctor(), a_record(found, links=(via(),)), a_document(**document), AFTER)


def test_a_mask_hides_the_document_and_no_other() -> None:
    assert hides(a_mask())
    assert not hides(a_mask(), ref="DocumentReference/e")


def test_a_mask_spares_the_author_and_the_attending_doctor() -> None:
    """R44."""
    assert not hides(a_mask(), authors=[DOCTOR])
    assert not hides(a_mask(), via=attending)


def test_a_mask_holds_in_an_emergency_and_not_for_the_holder() -> None:
    """R70."""
    found = read(a_mask())
    assert found is not None
    assert not knows(an_emergency(), a_record(found), a_document(), AFTER)
    assert knows(a_holder(), a_record(found), a_document(), AFTER)


def test_a_mask_is_named_as_a_mask() -> None:
    found = read(a_mask())
    assert found is not None
    spoke = rules(a_doctor(), a_record(found, links=(in_team(),)), a_document())
    assert spoke == {"masked-to-professionals", "care-team"}


@pytest.mark.parametrize(
    "more",
    [
        {"purpose": [{"system": ACT_REASON, "code": "TREAT"}]},
        {"actor": [{"reference": DOCTOR_REFERENCE}]},
        {"securityLabel": [{"code": "N"}]},
        {"futureElement": True},
    ],
)
def test_a_claim_on_a_deny_that_says_more_spares_nobody(more: dict[str, Any]) -> None:
    """What is unclear never widens: it stays a deny, to the author and the attending doctor too."""
    assert hides(a_mask(**more), authors=[DOCTOR])
    assert hides(a_mask(**more), via=attending)
