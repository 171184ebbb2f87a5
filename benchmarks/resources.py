"""What the generated records are made of, and the Bundles that carry it."""

from __future__ import annotations

import json
from typing import Any, Final

from fhir_server.consent.requester import Kind, Purpose, Requester

Json = dict[str, Any]

CARE_TEAM: Final = Requester(
    Kind.PROFESSIONAL, Purpose.TREATMENT, rpps="99790000902", profession="G15_10", client="bench"
)
ATTENDING: Final = Requester(
    Kind.PROFESSIONAL, Purpose.TREATMENT, rpps="99790000901", profession="G15_10", client="bench"
)
_TYPES: Final = (("11502-2", "CR d'examens biologiques"), ("34112-3", "Note hospitalière"))
_LABEL: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def document_id(patient: str, number: int) -> str:
    """Return the logical id of one document of `patient`."""
    return f"{patient}-{number:03d}"


def document(patient: str, number: int, *, masked: bool = False) -> Json:
    """Return a DocumentReference of `patient`, of the size that documents have in the field."""
    code, display = _TYPES[number % len(_TYPES)]
    day = f"20{10 + number % 14}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    labels = ["N", "MASQUE_PS"] if masked else ["N"]
    return {
        "resourceType": "DocumentReference",
        "id": document_id(patient, number),
        "language": "fr",
        "masterIdentifier": {
            "system": "urn:ietf:rfc:3986",
            "value": f"urn:bench:{patient}:{number}",
        },
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
        "category": [{"coding": [{"system": "urn:bench:class", "code": f"{number % 5}"}]}],
        "subject": {"reference": f"Patient/{patient}"},
        "date": f"{day}T09:30:{number % 60:02d}Z",
        "author": [{"reference": "Practitioner/bench-attending", "display": "Dr Hélène CHÊNE"}],
        "description": f"Document fictif numéro {number}, écrit pour mesurer et pour rien d'autre.",
        "securityLabel": [{"coding": [{"system": _LABEL, "code": label}]} for label in labels],
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "language": "fr-FR",
                    "url": f"https://documents.example.org/{patient}/{number}.pdf",
                    "size": 48_213,
                    "title": display,
                    "creation": f"{day}T09:30:00Z",
                },
                "format": {"system": "urn:bench:format", "code": "pdf", "display": "PDF"},
            }
        ],
        "context": {
            "period": {"start": f"{day}T09:00:00Z"},
            "facilityType": {"coding": [{"system": "urn:bench:facility", "code": "SA07"}]},
            "practiceSetting": {"coding": [{"system": "urn:bench:setting", "code": "AMBULATOIRE"}]},
        },
    }


def new_document(patient: str, number: int) -> Json:
    """Return the same without its id, which the server will choose."""
    return {name: value for name, value in document(patient, number).items() if name != "id"}


def new_documents(patient: str, entries: int) -> bytes:
    """Return a transaction that creates as many documents of `patient`."""
    return post_bundle([new_document(patient, number) for number in range(entries)])


def directory() -> list[Json]:
    """Return the two doctors."""
    return [
        {
            "resourceType": "Practitioner",
            "id": f"bench-{name}",
            "identifier": [{"system": "https://rpps.esante.gouv.fr", "value": doctor.rpps}],
        }
        for name, doctor in (("attending", ATTENDING), ("care-team", CARE_TEAM))
    ]


def patient_resource(name: str) -> Json:
    """Return a Patient without an id and without an attending doctor."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:bench:patient", "value": name}],
        "active": True,
        "name": [{"use": "official", "family": f"ESSAI {name.upper()}", "given": ["Camille"]}],
        "telecom": [{"system": "phone", "value": "+33 1 99 00 00 00", "use": "home"}],
        "gender": "female",
        "birthDate": "1970-01-01",
        "address": [{"line": ["1 rue de l'Essai"], "city": "Lyon", "postalCode": "69003"}],
    }


def with_doctor(patient: Json) -> Json:
    """Return `patient` with the attending doctor whom all patients have here."""
    return patient | {"generalPractitioner": [{"reference": "Practitioner/bench-attending"}]}


def record(patient: str, documents: int) -> list[Json]:
    """Return one patient, their care team, and their documents with the masked one."""
    member = {"reference": "Practitioner/bench-care-team"}
    found = [
        with_doctor(patient_resource(patient)) | {"id": patient},
        {
            "resourceType": "CareTeam",
            "id": f"team-{patient}",
            "status": "active",
            "subject": {"reference": f"Patient/{patient}"},
            "participant": [{"member": member}],
        },
    ]
    found += [document(patient, number) for number in range(documents)]
    if documents:
        found.append(document(patient, documents, masked=True))
    return found


def put_bundle(resources: list[Json]) -> bytes:
    """Return a transaction that puts each of `resources` at its own id."""
    entries = [
        {
            "resource": item,
            "request": {"method": "PUT", "url": f"{item['resourceType']}/{item['id']}"},
        }
        for item in resources
    ]
    return _bundle(entries)


def post_bundle(resources: list[Json]) -> bytes:
    """Return a transaction that creates each of `resources`."""
    entries = [
        {"resource": item, "request": {"method": "POST", "url": item["resourceType"]}}
        for item in resources
    ]
    return _bundle(entries)


def batch_of_reads(references: list[str]) -> bytes:
    """Return a batch that reads each of `references`."""
    return _bundle([{"request": {"method": "GET", "url": each}} for each in references], "batch")


def _bundle(entries: list[Json], type_: str = "transaction") -> bytes:
    bundle = {"resourceType": "Bundle", "type": type_, "entry": entries}
    return json.dumps(bundle, ensure_ascii=False).encode()
