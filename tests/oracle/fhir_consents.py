"""A FHIR Consent for one doctor, and what it opens and shuts when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.consent.policy import UNKNOWABLE, ConsentPolicy
from fhir_server.consent.reading import Context, Doubt, Linked, read_consent, reading
from fhir_server.fhir.dates import interval
from tests.oracle.records import DAY, DOCTOR, YEAR, a_doctor, a_document, a_record, in_team, knows

DOCTOR_REFERENCE = {"reference": "Practitioner/dupont"}
THIS_DOCUMENT = {"meaning": "instance", "reference": {"reference": "DocumentReference/d"}}
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
UPDATED = interval("2024-03-01")[0]
BEFORE, AFTER = UPDATED - DAY, UPDATED + DAY


KNOWN = {
    "Practitioner/dupont": DOCTOR,
    "CareTeam/t": "team:CareTeam/t",
    "Group/g": "team:Group/g",
    "Group/everyone-tall": UNKNOWABLE,
    "RelatedPerson/mother": "representative:anna",
}
LINKED = {
    "Encounter/e": Linked(
        refers=("Condition/theirs", "Condition/another-s"), opens=("Condition/theirs",)
    )
}
"""A stay that refers to two conditions, of which one was deposited by the same hand."""


def who(reference: Mapping[str, Any]) -> frozenset[str]:
    key = KNOWN.get(reference.get("reference", ""))
    return frozenset({key}) if key else frozenset()


CONTEXT = Context(
    who=who, when=interval, lifetime=YEAR, linked=lambda ref: LINKED.get(ref, Linked())
)


def a_provision(type_: str | None = "permit", **rest: Any) -> dict[str, Any]:
    found = {"type": type_, "actor": [{"reference": DOCTOR_REFERENCE}]} | rest
    return {name: value for name, value in found.items() if value is not None}


def a_consent(provision: Any = None, **rest: Any) -> dict[str, Any]:
    found = {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "dateTime": "2024-03-01",
        "provision": provision or a_provision(),
    }
    return {name: value for name, value in (found | rest).items() if value is not None}


def read(resource: dict[str, Any]) -> ConsentPolicy | None:
    return read_consent(resource, version=3, updated=UPDATED, context=CONTEXT)


def doubts(resource: dict[str, Any]) -> list[Doubt]:
    """Return what of the Consent is to be told to whoever wrote it."""
    return list(reading(resource, version=3, updated=UPDATED, context=CONTEXT).doubts)


def opens(resource: dict[str, Any], *, at: int = AFTER, **document: Any) -> bool:
    """Tell whether the Consent alone lets the doctor read a document of Anna's."""
    found = read(resource)
    record = a_record(*([found] if found else []))
    return knows(a_doctor(), record, a_document(**document), at)


def shuts(resource: dict[str, Any], *, at: int = AFTER, **document: Any) -> bool:
    """Tell whether the Consent takes from a member of the care team a document of Anna's."""
    found = read(resource)
    record = a_record(*([found] if found else []), links=(in_team(),))
    return not knows(a_doctor(), record, a_document(**document), at)
