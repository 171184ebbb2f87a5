"""Small records, callers and documents to test the consent kernel with.

Every builder takes what matters to the test and fills in the rest; times are in microseconds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fhir_server.consent.engine import Decision, Sight
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import (
    ConsentPolicy,
    Link,
    Period,
    Provision,
    RecordPolicy,
    Session,
)
from fhir_server.consent.requester import Kind, Purpose, Requester

NOW = 1_700_000_000_000_000
DAY = 86_400 * 1_000_000
YEAR = 365 * DAY

ANNA = "anna"
RPPS = "10000000001"
OTHER_RPPS = "10000000002"
FINESS = "750000001"

BIOLOGY = "11502-2"
HOSPITAL = "34112-3"
PRESCRIPTION = "57833-6"

MATRIX = Matrix(
    {
        "G15_10": frozenset({BIOLOGY, HOSPITAL, PRESCRIPTION}),
        "G15_21": frozenset({BIOLOGY, PRESCRIPTION}),
        "ESTABLISHMENT_SOFTWARE": frozenset({BIOLOGY}),
        "REFERENCED_SERVICE": frozenset({PRESCRIPTION}),
    },
    rows=frozenset({BIOLOGY, HOSPITAL, PRESCRIPTION}),
)
"""Doctors read all three types, pharmacists two, software one, nobody else any."""

DOCTOR = f"rpps:{RPPS}"
HOSPITAL_KEY = f"finess:{FINESS}"


def a_doctor(**changes: Any) -> Requester:
    return replace(Requester(Kind.PROFESSIONAL, rpps=RPPS, profession="G15_10"), **changes)


def a_pharmacist(**changes: Any) -> Requester:
    return a_doctor(profession="G15_21", **changes)


def a_holder(patient: str = ANNA) -> Requester:
    return Requester(Kind.PATIENT, Purpose.PATIENT_REQUEST, patient=patient)


def a_representative(patient: str = ANNA) -> Requester:
    return Requester(Kind.REPRESENTATIVE, Purpose.PATIENT_REQUEST, patient=patient)


def an_emergency(**changes: Any) -> Requester:
    """A doctor who breaks the glass of Anna's record and says why."""
    given = {"purpose": Purpose.BREAK_GLASS, "patient": ANNA, "reason": "coma"}
    return a_doctor(**(given | changes))


def a_regulator(**changes: Any) -> Requester:
    given = {"kind": Kind.SAMU_REGULATOR, "purpose": Purpose.REGULATION, "patient": ANNA}
    return a_doctor(**(given | changes))


def a_record(*consents: ConsentPolicy, links: tuple[Link, ...] = (), **rest: Any) -> RecordPolicy:
    given: dict[str, Any] = {"patient": ANNA, "version": "1"} | rest
    return RecordPolicy(links=links, consents=consents, **given)


def attending(key: str = DOCTOR, period: Period | None = None) -> Link:
    return Link(key, "attending", f"Patient/{ANNA}", period or Period())


def in_team(key: str = DOCTOR, period: Period | None = None, source: str = "CareTeam/t") -> Link:
    return Link(key, "care-team", source, period or Period())


def a_session(key: str = DOCTOR, client: str = "", period: Period | None = None) -> Session:
    """An emergency that the doctor opened on Anna's record, and that goes on."""
    return Session(key, client, "Task/s", "coma", period or Period())


def a_consent(root: Provision, in_force: Period | None = None, id_: str = "c") -> ConsentPolicy:
    return ConsentPolicy(id_, 1, in_force or Period(), root)


def permit(*actors: str, **rest: Any) -> Provision:
    return Provision(permits=True, actors=actors, names_actor=bool(actors), **rest)


def deny(*actors: str, **rest: Any) -> Provision:
    return Provision(permits=False, actors=actors, names_actor=bool(actors), **rest)


def a_document(type_: str = BIOLOGY, **rest: Any) -> dict[str, Any]:
    """Facts of a document of Anna's that someone else deposited a year ago; None leaves one out."""
    found: dict[str, Any] = {
        "patient": ANNA,
        "governance": "record",
        "ref": "DocumentReference/d",
        "types": [type_],
        "classes": ["DocumentReference"],
        "labels": ["N"],
        "authors": [f"rpps:{OTHER_RPPS}"],
        "owner": f"rpps:{OTHER_RPPS}",
        "deposited": NOW - YEAR,
    }
    return {name: value for name, value in (found | rest).items() if value is not None}


def masked(**rest: Any) -> dict[str, Any]:
    return a_document(labels=["N", "MASQUE_PS"], **rest)


def a_pointer(*targets: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """Facts of a List of Anna's that points to `targets`."""
    given = {"governance": "pointer", "ref": "List/l", "types": None, "targets": list(targets)}
    return a_document(**(given | rest))


def sight(requester: Requester, *records: RecordPolicy, at: int = NOW) -> Sight:
    return Sight(requester, MATRIX, at, records)


def decision(
    requester: Requester, record: RecordPolicy, document: dict[str, Any], at: int = NOW
) -> Decision:
    return sight(requester, record, at=at).decide(document)


def knows(
    requester: Requester, record: RecordPolicy, document: dict[str, Any], at: int = NOW
) -> bool:
    """Tell whether the caller may know the document, by the engine."""
    return decision(requester, record, document, at).permit


def rules(requester: Requester, record: RecordPolicy, document: dict[str, Any]) -> set[str]:
    """Return the ids of the rules that speak of the document."""
    return {reason.rule for reason in decision(requester, record, document).reasons}
