"""`provision.actor`: whom a Consent is about, by every kind of reference and by role."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.policy import Link, Period
from tests.oracle.fhir_consents import (
    AFTER,
    DOCTOR_REFERENCE,
    a_consent,
    a_provision,
    opens,
    read,
    shuts,
)
from tests.oracle.records import (
    DAY,
    DOCTOR,
    a_doctor,
    a_document,
    a_holder,
    a_record,
    a_representative,
    knows,
)


def role(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


def with_role(type_: str, given: Any) -> dict[str, Any]:
    return a_consent(a_provision(type_, actor=[{"role": given, "reference": DOCTOR_REFERENCE}]))


@pytest.mark.parametrize("code", ["IRCP", "PRCP", "DELEGATEE", "GRANTEE"])
def test_an_actor_who_receives_information_is_permitted(code: str) -> None:
    assert opens(with_role("permit", role(code)))


@pytest.mark.parametrize("given", [role("CST"), role("AUT"), role("WIT"), role("mascot")])
def test_an_actor_in_a_role_that_receives_nothing_is_not_permitted_and_can_be_denied(
    given: Any,
) -> None:
    assert not opens(with_role("permit", given))
    assert shuts(with_role("deny", given))


def test_a_role_in_words_alone_permits_nothing() -> None:
    assert not opens(with_role("permit", {"text": "le remplaçant"}))


def of_the_group(type_: str) -> dict[str, Any]:
    return a_consent(a_provision(type_, actor=[{"reference": {"reference": "Group/g"}}]))


@pytest.mark.parametrize(("period", "member"), [(Period(), True), (Period(end=AFTER), False)])
def test_a_group_stands_for_its_members_of_now(period: Period, member: bool) -> None:
    consent = read(of_the_group("permit"))
    assert consent is not None
    record = a_record(consent, links=(Link(DOCTOR, "group", "Group/g", period),))
    assert knows(a_doctor(), record, a_document(), AFTER) is member
    assert not knows(a_doctor(rpps="10000000009"), record, a_document(), AFTER)


def test_to_belong_to_a_group_opens_nothing_by_itself() -> None:
    record = a_record(links=(Link(DOCTOR, "group", "Group/g"),))
    assert not knows(a_doctor(), record, a_document(), AFTER)


def test_a_group_that_nobody_can_list_is_permitted_nothing_and_denies_everybody() -> None:
    actor = [{"reference": {"reference": "Group/everyone-tall"}}]
    assert not opens(a_consent(a_provision(actor=actor)))
    assert shuts(a_consent(a_provision("deny", actor=actor)))


def test_a_related_person_is_the_representative_and_can_be_denied() -> None:
    """R54: the representative reads, unless the holder names them."""
    mother = [{"reference": {"reference": "RelatedPerson/mother"}}]
    narrow = {"securityLabel": [{"code": "R"}]}
    consent = read(a_consent(a_provision("deny", actor=mother, **narrow)))
    assert consent is not None
    record = a_record(consent)
    secret, plain = a_document(labels=["R"]), a_document()
    assert not knows(a_representative(), record, secret, AFTER)
    assert knows(a_representative(), record, plain, AFTER)
    assert knows(a_holder(), record, secret, AFTER)


def test_a_deny_of_everybody_leaves_the_representative() -> None:
    """R26: blocks are for professionals."""
    consent = read(a_consent(a_provision("deny", actor=None)))
    assert consent is not None
    assert knows(a_representative(), a_record(consent), a_document(), AFTER + DAY)
