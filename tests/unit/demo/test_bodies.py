"""The bodies of documents: PDF that a reader can open, CDA that a parser can read."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

from fhir_server.demo.pdf import pdf
from fhir_server.demo.world import world

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
BINARIES = {one["id"]: one for one in world(now=NOW) if one["resourceType"] == "Binary"}
HL7 = {"h": "urn:hl7-org:v3"}


def content(name: str) -> bytes:
    return base64.b64decode(BINARIES[f"demo-binary-01-{name}"]["data"])


def cda(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(content(name))


def test_every_offset_of_the_cross_reference_table_leads_to_its_object() -> None:
    written = pdf("Titre", [("Chapitre", "ligne\n" * 120)])
    offsets = re.findall(rb"(\d{10}) 00000 n ", written)
    assert len(offsets) == 5 + 2 * 3
    for number, offset in enumerate(offsets, start=1):
        assert written[int(offset) :].startswith(b"%d 0 obj" % number)
    start = int(written.rsplit(b"startxref\n", 1)[1].split()[0])
    assert written[start:].startswith(b"xref")


def test_french_letters_are_written_in_the_encoding_of_the_font() -> None:
    written = pdf("Œdème", [("À l'été", "62 µmol/l, 25 €, l’œil (droit)")])
    assert "l’œil \\(droit\\)".encode("cp1252") in written
    assert b"/WinAnsiEncoding" in written


def test_the_same_text_gives_the_same_pdf() -> None:
    assert pdf("Titre", [("A", "b")]) == pdf("Titre", [("A", "b")])


def test_a_cda_names_patient_author_custodian_and_signatory() -> None:
    root = cda("summary")
    assert root.tag == "{urn:hl7-org:v3}ClinicalDocument"
    patient = root.find("h:recordTarget/h:patientRole/h:id", HL7)
    assert patient is not None
    assert patient.attrib == {"extension": "288035518990193", "root": "1.2.250.1.213.1.4.10"}
    for path in ("author/h:assignedAuthor", "legalAuthenticator/h:assignedEntity"):
        found = root.find(f"h:{path}/h:id", HL7)
        assert found is not None
        assert found.get("extension") == "899790000014"
    assert root.find("h:custodian/h:assignedCustodian", HL7) is not None


def test_a_structured_cda_has_a_readable_body() -> None:
    paragraphs = [one.text for one in cda("summary").iter("{urn:hl7-org:v3}paragraph")]
    assert any("Metformine" in (text or "") for text in paragraphs)


def test_a_pdf_can_stand_inside_a_cda() -> None:
    text = cda("hospital-report").find(".//h:nonXMLBody/h:text", HL7)
    assert text is not None
    assert base64.b64decode(text.text or "").startswith(b"%PDF-1.4")


def test_the_identifier_of_a_cda_is_that_of_its_document_reference() -> None:
    documents = {one["id"]: one for one in world(now=NOW)}
    wanted = documents["demo-document-01-summary"]["masterIdentifier"]["value"]
    found = cda("summary").find("h:id", HL7)
    assert found is not None
    assert f"urn:oid:{found.get('root')}" == wanted
