"""Write one document: a DocumentReference in PDSm comprehensive form, and its Binary.

Source: https://interop.esante.gouv.fr/ig/fhir/pdsm (pdsm-comprehensive-document-reference).
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from fhir_server.demo.catalogue import Entry
from fhir_server.demo.cda import Header, cda
from fhir_server.demo.codes import (
    CLASSES,
    DOCUMENT_CLASS,
    FORMAT,
    IHE_FORMAT,
    NOT_PROFESSIONAL,
    PDSM,
    SECTOR,
    SETTING,
    Json,
    coding,
    concept,
    document_type,
    label,
)
from fhir_server.demo.narratives import narrative
from fhir_server.demo.patients import Person, ins_identifier
from fhir_server.demo.pdf import pdf
from fhir_server.demo.people import PROFESSIONALS, identifiers, name
from fhir_server.demo.places import ESTABLISHMENTS, Establishment

_SPACE = uuid.UUID("6f0d2c1e-6b5c-5c1a-9a57-5d3a4c0e9b11")


@dataclass(frozen=True, slots=True)
class Document:
    """A document of `patient` deposited `at` an instant; `oid` is its masterIdentifier."""

    entry: Entry
    patient: Person
    at: datetime

    @property
    def id(self) -> str:
        """Return the logical id of the DocumentReference."""
        return f"demo-document-{self.patient.number:02d}-{self.entry.key}"

    @property
    def binary_id(self) -> str:
        """Return the logical id of the Binary."""
        return f"demo-binary-{self.patient.number:02d}-{self.entry.key}"

    @property
    def oid(self) -> str:
        """Return the OID of the document, in the arc of UUIDs (ITU-T X.667)."""
        return f"2.25.{uuid.uuid5(_SPACE, self.id).int}"

    @property
    def content_type(self) -> str:
        """Return the media type of the body."""
        return "application/pdf" if self.entry.form == "pdf" else "text/xml"

    @property
    def place(self) -> Establishment | None:
        """Return the establishment of the author; none for the patient's own documents."""
        author = self.entry.author
        if author == "patient":
            return None
        key = PROFESSIONALS[author].establishment if author in PROFESSIONALS else author
        return ESTABLISHMENTS[key]


def deposited(entry: Entry, patient: Person, recent: datetime) -> Document:
    """Return `entry` as a document of `patient`, dated `recent` when it has no day."""
    at = datetime.fromisoformat(f"{entry.day}T09:30:00+00:00") if entry.day else recent
    return Document(entry, patient, at.astimezone(UTC).replace(microsecond=0))


def body(document: Document) -> bytes:
    """Return the PDF or CDA of `document`."""
    entry = document.entry
    who = document.patient
    heading = (
        "Patient",
        f"{who.family} {who.given}, né(e) le {who.birth:%d/%m/%Y}, INS {who.ins} (test)",
    )
    sections = (heading, *narrative(entry.type), ("Avertissement", "Document fictif."))
    if entry.form == "pdf":
        return pdf(entry.title, sections)
    place = document.place
    if place is None:
        raise ValueError(f"a CDA needs a professional author: `{entry.key}`")
    type_oid = "2.16.840.1.113883.6.1" if entry.type[0].isdigit() else "1.2.250.1.213.1.1.4.12"
    header = Header(
        document.oid,
        entry.type,
        type_oid,
        entry.title,
        document.at,
        who,
        PROFESSIONALS[entry.author],
        place,
    )
    return cda(header, sections, pdf(entry.title, sections) if entry.form == "cda-pdf" else b"")


def binary(document: Document, content: bytes) -> Json:
    """Return `content` as a Binary whose rights are those of its DocumentReference."""
    return {
        "resourceType": "Binary",
        "id": document.binary_id,
        "contentType": document.content_type,
        "securityContext": {"reference": f"DocumentReference/{document.id}"},
        "data": base64.b64encode(content).decode(),
    }


def document_reference(document: Document, content: bytes) -> Json:
    """Return the DocumentReference of `document`, whose body is `content`."""
    entry = document.entry
    at = instant(document.at)
    author, contained = _author(document)
    place = document.place
    found: Json = {
        "resourceType": "DocumentReference",
        "id": document.id,
        "meta": {"profile": [f"{PDSM}/pdsm-comprehensive-document-reference"]},
        "language": "fr",
        "contained": [*contained, _source_patient(document.patient)],
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{document.oid}"},
        "identifier": [
            {
                "use": "official",
                "system": "urn:ietf:rfc:3986",
                "value": f"urn:uuid:{uuid.uuid5(_SPACE, document.oid)}",
            }
        ],
        "status": "current",
        "type": document_type(entry.type, entry.title),
        "category": [concept(DOCUMENT_CLASS, entry.category, CLASSES[entry.category])],
        "subject": {"reference": f"Patient/{document.patient.id}"},
        "date": at,
        "author": [author],
    }
    if entry.author in PROFESSIONALS:  # a patient or a device cannot authenticate
        found["authenticator"] = author
    if place is not None:
        found["custodian"] = {"reference": f"Organization/{place.id}", "display": place.name}
    found["securityLabel"] = [label(code) for code in entry.labels]
    found["content"] = [{"attachment": _attachment(document, content), "format": _format(entry)}]
    found["context"] = _context(at, place)
    return found


def replaced_by(older: Json, newer: Json) -> tuple[Json, Json]:
    """Return both versions linked: the `older` superseded, the `newer` replacing it (R86)."""
    target = {"reference": f"DocumentReference/{older['id']}"}
    return older | {"status": "superseded"}, newer | {
        "relatesTo": [{"code": "replaces", "target": target}]
    }


def instant(at: datetime) -> str:
    """Return `at` in UTC, to the second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _author(document: Document) -> tuple[Json, list[Json]]:
    """Return the reference to the author, and what must be contained for it."""
    key = document.entry.author
    if key == "patient":
        return {"reference": f"Patient/{document.patient.id}"}, []
    if key in PROFESSIONALS:
        person = PROFESSIONALS[key]
        contained: Json = {
            "resourceType": "Practitioner",
            "id": "author",
            "identifier": identifiers(person),
            "name": [name(person)],
        }
        return {"reference": "#author", "display": name(person)["text"]}, [contained]
    feed = {
        "resourceType": "Device",
        "id": "author",
        "type": concept(NOT_PROFESSIONAL, "ALIM_AM", "Alimentation par l'Assurance maladie"),
        "owner": {"reference": f"Organization/{ESTABLISHMENTS[key].id}"},
    }
    return {"reference": "#author", "display": ESTABLISHMENTS[key].name}, [feed]


def _source_patient(person: Person) -> Json:
    return {
        "resourceType": "Patient",
        "id": "patient",
        "identifier": [ins_identifier(person)],
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "gender": person.gender,
        "birthDate": person.birth.isoformat(),
    }


def _attachment(document: Document, content: bytes) -> Json:
    # SHA-1 because the format asks for it (Attachment.hash); it protects nothing here.
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return {
        "contentType": document.content_type,
        "language": "fr-FR",
        "url": f"Binary/{document.binary_id}",
        "size": len(content),
        "hash": base64.b64encode(digest).decode(),
        "title": document.entry.title,
        "creation": instant(document.at),
    }


def _format(entry: Entry) -> Json:
    if entry.form == "pdf":
        code = "urn:ihe:iti:xds:2017:mimeTypeSufficient"
        return coding(IHE_FORMAT, code, "mimeType Sufficient")
    code = "urn:asipSante:modelesHorsProfils:2011"
    return coding(FORMAT, code, "Document non référencé IHE ou CI-SIS")


def _context(at: str, place: Establishment | None) -> Json:
    patient = concept(NOT_PROFESSIONAL, "EXP_PATIENT", "Expression personnelle du patient")
    return {
        "period": {"start": at},
        "facilityType": concept(SECTOR, place.sector, place.sector_fr) if place else patient,
        "practiceSetting": concept(SETTING, place.setting, place.setting_fr) if place else patient,
        "sourcePatientInfo": {"reference": "#patient"},
    }
