"""Records that hold 1, 20 and 200 Consents, for the measures of `consent.py`.

Of every four Consents one authorises the doctor who asks, less what is restricted; one authorises
somebody else; one blocks somebody else; one opposes the reading of one document by professionals.
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.resources import CARE_TEAM, Json, document_id, record
from fhir_server.records.people import systems

NUMBERS: Final = (1, 20, 200)
DOCUMENTS: Final = 20
_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
_CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def name_of(number: int) -> str:
    """Return the logical id of the patient with so many Consents."""
    return f"consents-{number:03d}"


def record_with(number: int) -> list[Json]:
    """Return a record with `DOCUMENTS` readable documents, a masked one, and `number` Consents."""
    patient = name_of(number)
    return [*record(patient, DOCUMENTS), *(_consent(patient, place) for place in range(number))]


def _consent(patient: str, place: int) -> Json:
    return {
        "resourceType": "Consent",
        "id": f"{patient}-c{place:03d}",
        "status": "active",
        "scope": _concept(_SCOPE, "patient-privacy"),
        "category": [_concept("http://loinc.org", "59284-0")],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": f"2026-01-{1 + place % 28:02d}",
        "policyRule": _concept(_ACT_CODE, "OPTIN"),
        "provision": _provision(patient, place),
    }


def _provision(patient: str, place: int) -> Json:
    other = _actor(f"9979100{place:04d}")
    match place % 4:
        case 0:
            restricted = [{"system": _CONFIDENTIALITY, "code": "R"}]
            inner = {"type": "deny", "securityLabel": restricted}
            return {"type": "permit", "actor": [_actor(CARE_TEAM.rpps)], "provision": [inner]}
        case 1:
            return {"type": "permit", "actor": [other]}
        case 2:
            return {"type": "deny", "actor": [other]}
        case _:
            # None of these documents is there: every search finds the same.
            opposed = {"reference": f"DocumentReference/{document_id(patient, 500 + place)}"}
            return {"type": "deny", "data": [{"meaning": "instance", "reference": opposed}]}


def _actor(rpps: str) -> dict[str, Any]:
    identifier = {"system": systems()["RPPS"], "value": rpps}
    return {"role": _concept(_ROLE, "IRCP"), "reference": {"identifier": identifier}}


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}
