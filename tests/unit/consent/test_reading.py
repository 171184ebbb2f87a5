"""A FHIR Consent read as policy, element by element."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.policy import FOREVER, Period
from fhir_server.fhir.dates import interval
from tests.oracle.fhir_consents import (
    ACT_REASON,
    BEFORE,
    DOCTOR_REFERENCE,
    THIS_DOCUMENT,
    UPDATED,
    a_consent,
    a_provision,
    opens,
    read,
    shuts,
)
from tests.oracle.records import DOCTOR, YEAR


def test_an_active_consent_keeps_its_id_and_version() -> None:
    found = read(a_consent())
    assert found is not None
    assert (found.id, found.version) == ("c", 3)


# L53: status x period x dateTime --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ("active", True),
        ("draft", False),
        ("proposed", False),
        ("rejected", False),
        ("inactive", False),
        ("entered-in-error", False),
        (None, False),
    ],
)
@pytest.mark.parametrize(
    ("period", "current"),
    [
        (None, True),
        ({"start": "2024-03"}, True),
        ({"start": "2024-03-02", "end": "2024-03-02"}, True),
        ({"end": "2024"}, True),
        ({"start": "2024-03-03"}, False),
        ({"end": "2024-03-01"}, False),
        ({"start": "2023", "end": "2023"}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize(
    ("given", "begun"), [("2024-03-01", True), ("2024-03-02", True), ("2024-03-03", False)]
)
def test_a_consent_grants_while_active_begun_and_not_over(
    status: str | None,
    active: bool,
    period: dict[str, str] | None,
    current: bool,
    given: str,
    begun: bool,
) -> None:
    """L53, convention 2; the day asked about is 2 March 2024."""
    resource = a_consent(a_provision(period=period), status=status, dateTime=given)
    assert opens(resource) is (active and current and begun)


@pytest.mark.parametrize(
    "status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"]
)
def test_a_deny_that_is_not_active_denies_nothing(status: str) -> None:
    """L53."""
    assert shuts(a_consent(a_provision("deny")))
    assert not shuts(a_consent(a_provision("deny"), status=status))


def test_a_deny_holds_from_when_it_is_known_until_it_is_withdrawn() -> None:
    """R24: a block has no lifetime, and does not wait for its date."""
    found = read(a_consent(a_provision("deny"), dateTime="2030"))
    assert found is not None
    assert found.in_force == Period()


def test_an_authorisation_without_an_end_lasts_its_lifetime() -> None:
    """R21: one year unless the installation says otherwise."""
    found = read(a_consent())
    assert found is not None
    assert found.in_force == Period(UPDATED, UPDATED + YEAR)
    assert opens(a_consent(), at=UPDATED + YEAR - 1)
    assert not opens(a_consent(), at=UPDATED + YEAR)


def test_an_authorisation_with_an_end_lasts_until_then() -> None:
    """R21."""
    resource = a_consent(a_provision(period={"end": "2027"}))
    found = read(resource)
    assert found is not None
    assert found.in_force == Period(UPDATED, FOREVER)
    assert opens(resource, at=interval("2027")[1] - 1)
    assert not opens(resource, at=interval("2027")[1])


def test_an_authorisation_without_a_date_begins_when_it_was_written() -> None:
    assert opens(a_consent(dateTime=None), at=UPDATED)
    assert not opens(a_consent(dateTime=None), at=BEFORE)


# what is no policy ----------------------------------------------------------------------------------


def test_a_consent_without_a_provision_says_nothing() -> None:
    assert read(a_consent() | {"provision": None}) is None


@pytest.mark.parametrize("scope", ["research", "treatment", "adr"])
def test_a_consent_about_something_else_is_no_policy(scope: str) -> None:
    about = {"coding": [{"code": scope}]}
    assert read(a_consent(scope=about)) is None
    assert read(a_consent(a_provision("deny"), scope=about)) is None


def test_a_permit_must_say_that_it_is_about_privacy_and_a_deny_need_not() -> None:
    """What is unclear never widens."""
    for scope in ({}, {"coding": [{"code": "whatever"}]}):
        assert not opens(a_consent(scope=scope))
        assert shuts(a_consent(a_provision("deny"), scope=scope))


def test_an_authorisation_that_its_verification_refutes_is_none() -> None:
    assert opens(a_consent(verification=[{"verified": True}]))
    assert not opens(a_consent(verification=[{"verified": True}, {"verified": False}]))
    assert shuts(a_consent(a_provision("deny"), verification=[{"verified": False}]))


# every element --------------------------------------------------------------------------------------


def test_actors_are_read_as_the_keys_of_callers() -> None:
    found = read(a_consent())
    assert found is not None
    assert (found.root.actors, found.root.names_actor) == ((DOCTOR,), True)


def test_an_actor_who_can_not_be_found_is_nobody() -> None:
    unknown = [{"reference": {"reference": "Practitioner/nobody"}}]
    assert not opens(a_consent(a_provision(actor=unknown)))
    assert not opens(a_consent(a_provision(actor=None)))


UNDERSTOOD: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]] = [
    ({"action": [{"coding": [{"code": "access"}]}]}, {}, None),
    ({"purpose": [{"system": ACT_REASON, "code": "TREAT"}]}, {}, None),
    ({"securityLabel": [{"code": "R"}]}, {"labels": ["R"]}, {"labels": ["N"]}),
    (
        {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]},
        {"classes": ["Observation"]},
        {"classes": ["Condition"]},
    ),
    (
        {"class": [{"system": "urn:x:TRE_A03-ClasseDocument", "code": "10"}]},
        {"classes": ["10"]},
        {"classes": ["11"]},
    ),
    (
        {"code": [{"coding": [{"code": "11502-2"}]}]},
        {"type_": "11502-2"},
        {"type_": "34112-3"},
    ),
    (
        {"data": [THIS_DOCUMENT]},
        {},
        {"ref": "DocumentReference/e"},
    ),
    (
        {"data": [{"meaning": "authoredby", "reference": DOCTOR_REFERENCE}]},
        {"authors": [DOCTOR]},
        {"authors": ["rpps:1"]},
    ),
    (
        {"dataPeriod": {"start": "2023", "end": "2023"}},
        {"dated": [dict(zip(("lo", "hi"), interval("2023-05-01"), strict=True))]},
        {"dated": [dict(zip(("lo", "hi"), interval("2024-01-01"), strict=True))]},
    ),
    ({"id": "p"}, {}, None),
]


@pytest.mark.parametrize(("element", "inside", "outside"), UNDERSTOOD)
def test_every_element_of_a_provision_is_honoured(
    element: dict[str, Any], inside: dict[str, Any], outside: dict[str, Any] | None
) -> None:
    """Design, section 3."""
    permit, deny = a_provision(**element), a_provision("deny", **element)
    assert opens(a_consent(permit), **inside)
    assert shuts(a_consent(deny), **inside)
    if outside is not None:
        assert not opens(a_consent(permit), **outside)
        assert not shuts(a_consent(deny), **outside)


def test_provisions_are_read_to_any_depth() -> None:
    innermost = {"type": "deny", "data": [THIS_DOCUMENT]}
    middle = {"type": "permit", "securityLabel": [{"code": "R"}], "provision": [innermost]}
    inner = {"type": "deny", "code": [{"coding": [{"code": "34112-3"}]}], "provision": [middle]}
    resource = a_consent(a_provision(provision=[inner]))
    assert opens(resource)
    assert not opens(resource, type_="34112-3")
    assert opens(resource, type_="34112-3", labels=["R"], ref="DocumentReference/e")
    assert not opens(resource, type_="34112-3", labels=["R"])
