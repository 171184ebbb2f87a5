"""`data.meaning` `related` and `dependents`: https://hl7.org/fhir/R4/valueset-consent-data-meaning.html."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.fhir_consents import a_consent, a_provision, opens, shuts

STAY = "Encounter/e"
PCF = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentIntermediate"
OF_THE_STAY: dict[str, Any] = {"ref": STAY}
REFERS_TO_IT: dict[str, Any] = {"ref": "Observation/o", "refers": [STAY, "Observation/x"]}
IT_REFERS_TO: dict[str, Any] = {"ref": "Condition/theirs"}
BY_ANOTHER_HAND: dict[str, Any] = {"ref": "Condition/another-s"}
ELSEWHERE: dict[str, Any] = {"ref": "Observation/y", "refers": ["Encounter/other"]}


def data(meaning: str, ref: str = STAY) -> dict[str, Any]:
    return {"data": [{"meaning": meaning, "reference": {"reference": ref}}]}


def test_dependents_are_the_instance_and_what_refers_to_it() -> None:
    permit = a_consent(a_provision(**data("dependents")))
    deny = a_consent(a_provision("deny", **data("dependents")))
    for document in (OF_THE_STAY, REFERS_TO_IT):
        assert opens(permit, **document)
        assert shuts(deny, **document)
    for document in (IT_REFERS_TO, ELSEWHERE):
        assert not opens(permit, **document)
        assert not shuts(deny, **document)


def test_a_permit_of_what_is_related_covers_what_the_instance_refers_to() -> None:
    permit = a_consent(a_provision(**data("related")))
    assert opens(permit, **OF_THE_STAY)
    assert opens(permit, **IT_REFERS_TO)
    assert not opens(permit, **ELSEWHERE)


def test_a_reference_that_another_hand_may_have_written_opens_nothing() -> None:
    """L31."""
    assert not opens(a_consent(a_provision(**data("related"))), **BY_ANOTHER_HAND)


def test_a_permit_of_what_is_related_covers_what_refers_to_a_stay_only_as_pcf_means_it() -> None:
    permit = a_consent(a_provision(**data("related")))
    assert not opens(permit, **REFERS_TO_IT)
    assert opens(permit | {"meta": {"profile": [PCF]}}, **REFERS_TO_IT)
    other = a_consent(a_provision(**data("related", "Observation/x")))
    assert not opens(other | {"meta": {"profile": [PCF]}}, **REFERS_TO_IT)


@pytest.mark.parametrize("document", [OF_THE_STAY, REFERS_TO_IT, IT_REFERS_TO, BY_ANOTHER_HAND])
def test_a_deny_of_what_is_related_covers_it_in_every_sense(document: dict[str, Any]) -> None:
    deny = a_consent(a_provision("deny", **data("related")))
    assert shuts(deny, **document)
    assert not shuts(deny, **ELSEWHERE)
