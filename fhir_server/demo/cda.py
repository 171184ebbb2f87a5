"""Write CDA R2 documents: a French header, and a readable body or an enclosed PDF.

Source: HL7 CDA R2 and the ANS "Volet structuration minimale" for the header fields. No template
of the CI-SIS is claimed: the documents are not checked against its schematrons.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fhir_server.demo import identity
from fhir_server.demo.patients import Person
from fhir_server.demo.pdf import Section
from fhir_server.demo.people import Professional
from fhir_server.demo.places import Establishment

_OID = "urn:oid:"


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a CDA says; `oid` identifies the document, `type_oid` its code system."""

    oid: str
    type_code: str
    type_oid: str
    title: str
    at: datetime
    patient: Person
    author: Professional
    custodian: Establishment


def cda(header: Header, sections: Sequence[Section], enclosed: bytes = b"") -> bytes:
    """Return a ClinicalDocument with `sections` as text, or around `enclosed` (a PDF)."""
    root = Element("ClinicalDocument", {"xmlns": "urn:hl7-org:v3"})
    _opening(root, header)
    _record_target(root, header.patient)
    _author(root, header)
    _custodian(root, header.custodian)
    _legal_authenticator(root, header)
    _encounter(root, header)
    body = _add(root, "component")
    if enclosed:
        holder = _add(_add(body, "nonXMLBody"), "text", mediaType="application/pdf")
        holder.set("representation", "B64")
        holder.text = base64.b64encode(enclosed).decode()
    else:
        _structured(body, sections)
    indent(root)
    written: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _add(parent: Element, name: str, text: str = "", /, **attributes: str) -> Element:
    child = SubElement(parent, name, attributes)
    child.text = text or None
    return child


def _opening(root: Element, header: Header) -> None:
    _add(root, "realmCode", code="FR")
    _add(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    _add(root, "id", root=header.oid)
    _add(
        root,
        "code",
        code=header.type_code,
        codeSystem=header.type_oid,
        displayName=header.title,
    )
    _add(root, "title", header.title)
    _add(root, "effectiveTime", value=_time(header.at))
    _add(
        root,
        "confidentialityCode",
        code="N",
        codeSystem="2.16.840.1.113883.5.25",
        displayName="Normal",
    )
    _add(root, "languageCode", code="fr-FR")
    _add(root, "setId", root=header.oid)
    _add(root, "versionNumber", value="1")


def _record_target(root: Element, person: Person) -> None:
    role = _add(_add(root, "recordTarget", typeCode="RCT"), "patientRole", classCode="PAT")
    _add(role, "id", extension=person.ins, root=identity.INS_TEST.removeprefix(_OID))
    patient = _add(role, "patient", classCode="PSN")
    name = _add(patient, "name")
    _add(name, "given", person.given)
    _add(name, "family", person.family, qualifier="BR")
    _add(
        patient,
        "administrativeGenderCode",
        code="M" if person.gender == "male" else "F",
        codeSystem="2.16.840.1.113883.5.1",
    )
    _add(patient, "birthTime", value=f"{person.birth:%Y%m%d}")
    place = _add(_add(patient, "birthplace"), "place")
    address = _add(place, "addr")
    _add(address, "county", person.commune[0])
    _add(address, "city", person.commune[1])


def _person(parent: Element, element: str, person: Professional) -> None:
    name = _add(_add(parent, element), "name")
    _add(name, "given", person.given)
    _add(name, "family", person.family)


def _organization_of(parent: Element, element: str, place: Establishment) -> None:
    organization = _add(parent, element)
    _add(organization, "id", root=identity.IDNST.removeprefix(_OID), extension=f"1{place.finess}")
    _add(organization, "name", place.name)


def _author(root: Element, header: Header) -> None:
    author = _add(root, "author")
    _add(author, "time", value=_time(header.at))
    assigned = _add(author, "assignedAuthor")
    _add(
        assigned,
        "id",
        root=identity.IDNPS.removeprefix(_OID),
        extension=f"8{header.author.rpps}",
    )
    _add(
        assigned,
        "code",
        code=header.author.skill,
        codeSystem="1.2.250.1.213.1.1.4.5",
        displayName=header.author.title_fr,
    )
    _person(assigned, "assignedPerson", header.author)
    _organization_of(assigned, "representedOrganization", header.custodian)


def _custodian(root: Element, place: Establishment) -> None:
    assigned = _add(_add(root, "custodian"), "assignedCustodian")
    _organization_of(assigned, "representedCustodianOrganization", place)


def _legal_authenticator(root: Element, header: Header) -> None:
    authenticator = _add(root, "legalAuthenticator")
    _add(authenticator, "time", value=_time(header.at))
    _add(authenticator, "signatureCode", code="S")
    entity = _add(authenticator, "assignedEntity")
    _add(
        entity,
        "id",
        root=identity.IDNPS.removeprefix(_OID),
        extension=f"8{header.author.rpps}",
    )
    _person(entity, "assignedPerson", header.author)


def _encounter(root: Element, header: Header) -> None:
    encounter = _add(_add(root, "componentOf"), "encompassingEncounter")
    _add(_add(encounter, "effectiveTime"), "low", value=_time(header.at))
    facility = _add(_add(encounter, "location"), "healthCareFacility")
    _add(
        facility,
        "code",
        code=header.custodian.sector,
        codeSystem="1.2.250.1.71.4.2.4",
        displayName=header.custodian.sector_fr,
    )


def _structured(body: Element, sections: Sequence[Section]) -> None:
    structured = _add(body, "structuredBody")
    for heading, text in sections:
        section = _add(_add(structured, "component"), "section")
        _add(section, "title", heading)
        holder = _add(section, "text")
        for paragraph in text.splitlines():
            _add(holder, "paragraph", paragraph)


def _time(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}+0000"
