"""What a Consent says that is not understood never widens access."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.fhir_consents import (
    ACT_REASON,
    DOCTOR_REFERENCE,
    a_consent,
    a_provision,
    opens,
    shuts,
)

UNKNOWN: list[dict[str, Any]] = [
    {"type": None},
    {"type": "allow"},
    {"extension": [{"url": "http://example.org/only-on-sundays", "valueBoolean": True}]},
    {"modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}]},
    {"futureElement": True},
    {"period": {}},
    {"period": {"start": "someday"}},
    {"period": {"start": 2024}},
    {"dataPeriod": {"start": "someday"}},
    {"action": [{"coding": [{"code": "sell"}]}]},
    {"action": [{"text": "consultation"}]},
    {"purpose": [{"system": ACT_REASON, "code": "UNHEARD"}]},
    {"purpose": [{"system": "http://example.org", "code": "TREAT"}]},
    {"purpose": [{"code": "TREAT"}]},
    {"securityLabel": [{"display": "secret"}]},
    {"class": [{"system": "urn:ietf:bcp:13", "code": "application/pdf"}]},
    {"class": [{"code": "Observation"}]},
    {"class": [{"system": "http://hl7.org/fhir/resource-types"}]},
    {"code": [{"text": "biologie"}]},
    {"code": [{"coding": [{"code": "11502-2"}]}, {"text": "imagerie"}]},
    {"data": [{"meaning": "related", "reference": {"reference": "Patient/anna"}}]},
    {"data": [{"meaning": "dependents", "reference": {"reference": "Patient/anna"}}]},
    {"data": [{"meaning": "related", "reference": {"display": "the stay of May"}}]},
    {"data": [{"meaning": "authoredby", "reference": {"reference": "CareTeam/t"}}]},
    {"data": [{"meaning": "authoredby", "reference": {"reference": "Group/g"}}]},
    {"actor": [{"reference": {"reference": "Group/everyone-tall"}}]},
    {"data": [{"meaning": "instance", "reference": {"display": "the one of May"}}]},
    {"data": [{"meaning": "instance", "reference": {"reference": "urn:uuid:1"}}]},
    {"data": [{"meaning": "instance", "reference": {"reference": "Binary/b/_history/1"}}]},
    {"data": [{"meaning": "authoredby", "reference": {"reference": "Practitioner/nobody"}}]},
    {
        "data": [
            {
                "meaning": "instance",
                "reference": {"reference": "DocumentReference/d"},
                "modifierExtension": [{"url": "http://example.org/not"}],
            }
        ]
    },
    {"actor": [{"reference": DOCTOR_REFERENCE, "modifierExtension": [{"url": "urn:x"}]}]},
]


@pytest.mark.parametrize("element", UNKNOWN)
def test_a_permit_with_something_unknown_in_it_gives_nothing(element: dict[str, Any]) -> None:
    """Design, section 3: it denies."""
    assert not opens(a_consent(a_provision(**element)))
    nested = a_consent(a_provision("deny", provision=[{"type": "permit"} | element]))
    if element.get("type", "permit") is not None:
        assert shuts(nested)


@pytest.mark.parametrize("element", [e for e in UNKNOWN if "type" not in e])
def test_a_deny_with_something_unknown_in_it_denies_without_conditions(
    element: dict[str, Any],
) -> None:
    """Design, section 3."""
    narrow = {"securityLabel": [{"code": "V"}]}
    assert not shuts(a_consent(a_provision("deny", **narrow)))
    assert shuts(a_consent(a_provision("deny", **(narrow | element))))
    nested = a_consent(a_provision(provision=[{"type": "deny", **narrow, **element}]))
    assert not opens(nested)


@pytest.mark.parametrize("name", ["modifierExtension", "implicitRules"])
def test_a_consent_whose_meaning_is_changed_as_a_whole_is_not_understood(name: str) -> None:
    """https://hl7.org/fhir/R4/extensibility.html#modifierExtension."""
    assert not opens(a_consent(**{name: "urn:x"}))
    narrow = a_provision("deny", securityLabel=[{"code": "V"}])
    assert shuts(a_consent(narrow, **{name: "urn:x"}))
