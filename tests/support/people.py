"""Callers: nobody real, each with a number of their own."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from fhir_server.consent.requester import Kind, Purpose, Requester

_SERIAL = [count(1)]
DOCTOR, PHARMACIST, PODIATRIST, NURSE = "G15_10", "G15_21", "G15_80", "G15_60"


def numbered_from(first: int) -> None:
    """Number the callers to come from `first`: for a server that may have met those before."""
    _SERIAL[0] = count(first)


def a_professional(profession: str = DOCTOR, **changes: Any) -> Requester:
    """Return a professional with an RPPS that nobody else has."""
    return replace(
        Requester(Kind.PROFESSIONAL, rpps=f"9979{next(_SERIAL[0]):07d}", profession=profession),
        **changes,
    )


def a_doctor(**changes: Any) -> Requester:
    return a_professional(DOCTOR, **changes)


def a_pharmacist(**changes: Any) -> Requester:
    return a_professional(PHARMACIST, **changes)


def a_podiatrist(**changes: Any) -> Requester:
    return a_professional(PODIATRIST, **changes)


def the_patient(id_: str) -> Requester:
    return Requester(Kind.PATIENT, Purpose.PATIENT_REQUEST, patient=id_)


def the_representative(id_: str) -> Requester:
    return Requester(Kind.REPRESENTATIVE, Purpose.PATIENT_REQUEST, patient=id_)


def breaking_the_glass(of: str, **changes: Any) -> Requester:
    """Return an emergency doctor with a reason to open the record `of`."""
    given = {"purpose": Purpose.BREAK_GLASS, "patient": of, "reason": "coma"}
    return a_doctor(**(given | changes))


def regulating(of: str) -> Requester:
    return a_doctor(kind=Kind.SAMU_REGULATOR, purpose=Purpose.REGULATION, patient=of)


def a_hospital() -> Requester:
    """Return the software of an establishment that nobody else is."""
    return Requester(
        Kind.ESTABLISHMENT_SOFTWARE, Purpose.FEED, organization=f"9{next(_SERIAL[0]):08d}"
    )


def an_auditor() -> Requester:
    return Requester(Kind.AUDITOR, Purpose.ADMINISTRATION, client="auditor")


def an_administrator() -> Requester:
    return Requester(Kind.ADMINISTRATOR, Purpose.ADMINISTRATION, client="administrator")


def someone(kind: Kind, **changes: Any) -> Requester:
    """Return a caller of an excluded kind."""
    return replace(Requester(kind, Purpose.ADMINISTRATION, client=str(kind)), **changes)


EXCLUDED = (Kind.INSURER, Kind.BANK, Kind.OCCUPATIONAL_MEDICINE, Kind.SECRETARY)
