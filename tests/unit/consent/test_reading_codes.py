"""`class`, `code`, `securityLabel`, `purpose` and the base policy, to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.fhir_consents import ACT_REASON, a_consent, a_provision, doubts, opens, shuts

LOINC, LOCAL = "http://loinc.org", "http://example.org/codes"
PROFILE = "http://example.org/StructureDefinition/vital-sign"


def code(value: str, system: str = "") -> dict[str, Any]:
    coding = {"code": value} | ({"system": system} if system else {})
    return {"code": [{"coding": [coding]}]}


def coded(value: str, system: str) -> dict[str, Any]:
    return {"codes": [f"*|{value}", f"{system}|{value}"]}


def test_a_code_is_one_of_its_system() -> None:
    permit = a_consent(a_provision(**code("718-7", LOINC)))
    deny = a_consent(a_provision("deny", **code("718-7", LOINC)))
    assert opens(permit, **coded("718-7", LOINC))
    assert not opens(permit, **coded("718-7", LOCAL))
    assert shuts(deny, **coded("718-7", LOINC))
    assert not shuts(deny, **coded("718-7", LOCAL))


def test_a_type_of_document_counts_under_the_systems_of_such_types() -> None:
    """R37: what the matrix calls `11502-2` is permitted as LOINC's, not as another's."""
    assert opens(a_consent(a_provision(**code("11502-2", LOINC))))
    assert not opens(a_consent(a_provision(**code("11502-2", LOCAL))))


def test_a_code_without_a_system_is_denied_under_any_and_permitted_as_a_document() -> None:
    assert shuts(a_consent(a_provision("deny", **code("718-7"))), **coded("718-7", LOCAL))
    assert not opens(a_consent(a_provision(**code("718-7"))), **coded("718-7", LOCAL))
    assert opens(a_consent(a_provision(**code("11502-2"))))


@pytest.mark.parametrize("system", [{}, {"system": "urn:ietf:rfc:3986"}])
def test_a_class_can_be_a_profile(system: dict[str, str]) -> None:
    wanted: dict[str, Any] = {"class": [{"code": PROFILE} | system]}
    assert opens(a_consent(a_provision(**wanted)), classes=["Observation", PROFILE])
    assert not opens(a_consent(a_provision(**wanted)))
    assert not shuts(a_consent(a_provision("deny", **wanted)))


def labels(*codes: str) -> dict[str, Any]:
    return {"securityLabel": [{"code": one} for one in codes]}


@pytest.mark.parametrize(
    ("listed", "borne", "covered"),
    [
        (["N"], ["N"], True),
        (["N"], ["N", "R"], False),
        (["R"], ["N", "R"], True),
        (["N", "R"], ["R"], True),
        (["N", "R"], ["V"], False),
        (["N", "V"], ["R"], False),
    ],
)
def test_a_permit_stops_at_the_highest_confidentiality_it_lists(
    listed: list[str], borne: list[str], covered: bool
) -> None:
    assert opens(a_consent(a_provision(**labels(*listed))), labels=borne) is covered


@pytest.mark.parametrize(("borne", "covered"), [("N", False), ("R", True), ("V", True)])
def test_a_deny_of_a_confidentiality_covers_what_is_above(borne: str, covered: bool) -> None:
    assert shuts(a_consent(a_provision("deny", **labels("R"))), labels=[borne]) is covered


def test_a_sensitivity_covers_its_kinds() -> None:
    assert shuts(a_consent(a_provision("deny", **labels("ETH"))), labels=["N", "ETHUD"])
    assert not shuts(a_consent(a_provision("deny", **labels("ETHUD"))), labels=["N", "ETH"])


def test_of_several_purposes_the_unknown_one_takes_nothing_from_a_permit() -> None:
    study = {"system": "http://example.org/studies", "code": "study-7"}
    treatment = {"system": ACT_REASON, "code": "TREAT"}
    permit = a_consent(a_provision(purpose=[treatment, study]))
    assert opens(permit)
    assert [(one.expression, one.fatal) for one in doubts(permit)] == [
        ("Consent.provision.purpose[1]", False)
    ]
    assert shuts(a_consent(a_provision("deny", purpose=[study])))


def test_a_permit_that_names_nobody_opens_nothing_and_its_denies_bind_everybody() -> None:
    """R15; the base of IHE's PCF is a permit for the whole community."""
    inner = {"type": "deny", "code": [{"coding": [{"code": "34112-3"}]}]}
    consent = a_consent(a_provision(actor=None, provision=[inner]))
    assert not opens(consent)
    assert shuts(consent, type_="34112-3")
    assert not shuts(consent)


def test_such_a_deny_has_the_period_of_what_it_stands_in() -> None:
    inner = {"type": "deny"}
    over = {"end": "2024-02"}
    assert shuts(a_consent(a_provision(actor=None, provision=[inner])))
    assert not shuts(a_consent(a_provision(actor=None, period=over, provision=[inner])))


def test_an_opt_out_without_provisions_shuts_professionals_out() -> None:
    rule = {"coding": [{"code": "OPTOUT"}]}
    assert shuts(a_consent(policyRule=rule) | {"provision": None})
    assert not shuts(a_consent(policyRule={"coding": [{"code": "OPTIN"}]}) | {"provision": None})


# what is told ---------------------------------------------------------------------------------------


def test_what_is_not_understood_is_told_with_its_place() -> None:
    inner = {"type": "deny", "class": [{"system": "urn:ietf:bcp:13", "code": "text/plain"}]}
    told = doubts(a_consent(a_provision(futureElement=1, provision=[{"type": "permit"}, inner])))
    assert [(one.expression, one.fatal) for one in told] == [
        ("Consent.provision.futureElement", True),
        ("Consent.provision.provision[1].class[0]", True),
    ]


def test_what_is_understood_is_not_told() -> None:
    assert doubts(a_consent()) == []


def test_an_actor_whom_nobody_knows_is_told() -> None:
    unknown = [{"reference": {"reference": "Practitioner/nobody"}}]
    told = doubts(a_consent(a_provision("deny", actor=unknown)))
    assert [(one.expression, one.fatal) for one in told] == [
        ("Consent.provision.actor[0].reference", False)
    ]
