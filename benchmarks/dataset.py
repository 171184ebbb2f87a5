"""Generate the records that are measured: one by the server's own transactions, then its copies.

Every patient has the same two doctors: one of the care team, who asks, and the attending one. A
record holds `documents` that both may read, and one more that the patient masked: the doctor of the
care team must never meet it, which is what the answers are checked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from fhir_server.app import open_records
from fhir_server.consent.requester import TRUSTED, Kind, Purpose, Requester
from fhir_server.interactions.exchange import Exchange
from fhir_server.interactions.transaction import transaction
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore

Json = dict[str, Any]

CARE_TEAM: Final = Requester(
    Kind.PROFESSIONAL, Purpose.TREATMENT, rpps="99790000902", profession="G15_10", client="bench"
)
ATTENDING: Final = Requester(
    Kind.PROFESSIONAL, Purpose.TREATMENT, rpps="99790000901", profession="G15_10", client="bench"
)
SCRATCH: Final = 64
"""Patients of their own for writes, so that what is searched stays as it was."""
_TYPES: Final = (("11502-2", "CR d'examens biologiques"), ("34112-3", "Note hospitalière"))
_LABEL: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_GROUP: Final = 64
_OF_PATIENT: Final = {
    "Patient": "_id",
    "CareTeam": "acl.patient",
    "DocumentReference": "acl.patient",
    "record_policy": "_id",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape:
    """How many patients, and how many readable documents each has."""

    patients: int = 1000
    documents: int = 20

    def names(self) -> list[str]:
        """Return the logical ids of the patients that are read and searched."""
        return [f"bench-{number:05d}" for number in range(self.patients)]


def scratch_names() -> list[str]:
    """Return the logical ids of the patients that are written to."""
    return [f"scratch-{number:03d}" for number in range(SCRATCH)]


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


def record(patient: str, documents: int) -> list[Json]:
    """Return one patient, their care team, and their documents with the masked one."""
    member = {"reference": "Practitioner/bench-care-team"}
    found: list[Json] = [
        {
            "resourceType": "Patient",
            "id": patient,
            "active": True,
            "name": [{"family": f"ESSAI {patient.upper()}", "given": ["Camille"]}],
            "gender": "female",
            "birthDate": "1970-01-01",
            "generalPractitioner": [{"reference": "Practitioner/bench-attending"}],
        },
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


def _bundle(entries: list[Json]) -> bytes:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return json.dumps(bundle, ensure_ascii=False).encode()


def load(settings: Settings, shape: Shape, progress: Callable[[int, int], None]) -> None:
    """Write one record through the server's transactions, then copies of what that stored.

    A copy differs from its original in the patient's id alone, which is as long, so the bytes that
    MongoDB keeps are right with one replaced by the other. Tell `progress` (done, all).
    """
    with connect(settings.mongodb_uri or "") as client:
        records = open_records(settings, store=MongoStore(client, settings.database))
        for resources in (
            directory(),
            *_groups(record(shape.names()[0], shape.documents)),
            record(scratch_names()[0], 0),
        ):
            view = records.as_seen_by(TRUSTED, request_id="bench-load")
            transaction(Exchange(view, settings.fhir_url), put_bundle(resources))
        database = client[settings.database]
        _copy(database, shape.names(), progress)
        _copy(database, scratch_names(), lambda _, __: None)


def _copy(database: Database[Json], names: list[str], progress: Callable[[int, int], None]) -> None:
    """Copy the record of the first of `names` for each of the others."""
    originals = _stored_of(database, names[0])
    done = 1
    for some in _groups(names[1:]):
        for collection, documents in originals.items():
            database[collection].insert_many(_copies(documents, names[0], some))
        done += len(some)
        progress(done, len(names))


def _stored_of(database: Database[Json], patient: str) -> dict[str, list[bytes]]:
    """Return what is stored of one record, as BSON, by collection."""
    return {
        name: documents
        for name, path in _OF_PATIENT.items()
        if (documents := [bson.encode(found) for found in database[name].find({path: patient})])
    }


def _copies(documents: list[bytes], original: str, names: list[str]) -> list[RawBSONDocument]:
    if any(len(name) != len(original) for name in names):
        raise ValueError("a copy's id must be as long as the original's")
    return [
        RawBSONDocument(document.replace(original.encode(), name.encode()))
        for name in names
        for document in documents
    ]


def _groups(items: list[T]) -> Iterator[list[T]]:
    left = iter(items)
    while group := list(islice(left, _GROUP)):
        yield group
