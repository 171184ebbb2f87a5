"""The personas: the stable names of the contract, and what each is about."""

from __future__ import annotations

import json

import pytest

from fhir_server.consent.requester import Kind, Purpose
from fhir_server.demo.patients import MAIN, MINOR
from fhir_server.demo.personas import persona, personas
from fhir_server.demo.world import world

CONTRACT = [
    "attending-doctor",
    "care-team-doctor",
    "unrelated-doctor",
    "blocked-doctor",
    "pharmacist",
    "nurse",
    "podiatrist",
    "optician",
    "dentist",
    "emergency-doctor",
    "samu-regulator",
    "patient",
    "representative",
    "minor",
    "occupational-doctor",
    "insurer",
    "bank",
    "secretary",
    "hospital-system",
    "pharmacy-system",
    "health-insurance-feed",
    "referenced-service",
    "auditor",
    "administrator",
]


def test_the_names_are_those_of_the_contract_in_its_order() -> None:
    assert [one.name for one in personas()] == CONTRACT


def test_every_persona_but_two_is_about_the_main_record() -> None:
    records = {one.name: one.record.patient for one in personas() if one.record}
    assert {name for name, patient in records.items() if patient == MINOR.id} == {
        "minor",
        "representative",
    }
    assert set(records.values()) == {MAIN.id, MINOR.id}


def test_the_record_of_a_persona_is_a_patient_with_that_ins() -> None:
    ins = {
        one["id"]: one["identifier"][0]["value"]
        for one in world()
        if one["resourceType"] == "Patient"
    }
    for one in personas():
        assert one.record
        assert ins[one.record.patient] == one.record.ins


def test_a_persona_is_written_as_the_contract_says() -> None:
    written = json.loads(json.dumps(persona("podiatrist").as_json()))
    assert written["name"] == "podiatrist"
    assert written["kind"] == "professional"
    assert written["record"] == {"patient": MAIN.id, "ins": MAIN.ins}
    assert written["identity"]["profession"] == "G15_80"


def test_an_empty_fact_is_not_written() -> None:
    assert "rpps" not in persona("bank").as_json()["identity"]


def test_the_emergency_doctor_breaks_the_glass_of_the_main_record_with_a_reason() -> None:
    caller = persona("emergency-doctor").requester
    assert (caller.purpose, caller.patient) == (Purpose.BREAK_GLASS, MAIN.id)
    assert caller.reason


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("occupational-doctor", Kind.OCCUPATIONAL_MEDICINE),
        ("insurer", Kind.INSURER),
        ("bank", Kind.BANK),
        ("secretary", Kind.SECRETARY),
        ("samu-regulator", Kind.SAMU_REGULATOR),
        ("hospital-system", Kind.ESTABLISHMENT_SOFTWARE),
        ("pharmacy-system", Kind.ESTABLISHMENT_SOFTWARE),
    ],
)
def test_kinds_are_those_of_the_contract(name: str, kind: Kind) -> None:
    assert persona(name).requester.kind is persona(name).kind is kind
