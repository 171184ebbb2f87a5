"""Write the example requests of `examples/`: `python -m fhir_server.demo.examples --out examples`.

They are made with the demonstration's own code, so that identifiers agree with its records.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from fhir_server.demo import consents
from fhir_server.demo.catalogue import Entry
from fhir_server.demo.codes import IS_ARCHIVED, PDSM, Json, concept, label
from fhir_server.demo.documents import Document, binary, body, document_reference, instant
from fhir_server.demo.identity import INS_TEST
from fhir_server.demo.patients import MAIN
from fhir_server.demo.people import PROFESSIONALS, identifiers, name
from fhir_server.demo.places import ESTABLISHMENTS, organization

_MHD = "https://profiles.ihe.net/ITI/MHD"
_AT = datetime(2025, 6, 16, 14, 0, tzinfo=UTC)
_SUBJECT = {"reference": f"Patient?identifier={INS_TEST}|{MAIN.ins}"}
_SET = "urn:uuid:0b5c6a52-0001-4c1e-9d7e-000000000000"


def _urn(number: int) -> str:
    return f"urn:uuid:0b5c6a52-0001-4c1e-9d7e-{number:012d}"


def _document(key: str, type_code: str, form: str) -> Document:
    entry = Entry(key, type_code, "10", "hospital-doctor", "2025-06-16", form, ("N",))
    return Document(entry, MAIN, _AT)


def provide() -> Json:
    """Return an ITI-65 transaction by the hospital: a submission set and two documents.

    Profile: pdsm-comprehensive-provide-document-bundle.
    """
    documents = (
        _document("emergency-visit", "15507-7", "pdf"),
        _document("emergency-biology", "11502-2", "cda"),
    )
    entries = [_post(_SET, _submission_set([_urn(1), _urn(3)]))]
    for number, document in zip((1, 3), documents, strict=True):
        content = body(document)
        reference = document_reference(document, content)
        stored = binary(document, content)
        # The server chooses ids, and the rights of the Binary come from the DocumentReference.
        for resource in (reference, stored):
            del resource["id"]
        del stored["securityContext"]
        reference["subject"] = _SUBJECT
        reference["content"][0]["attachment"]["url"] = _urn(number + 1)
        entries += [_post(_urn(number), reference), _post(_urn(number + 1), stored)]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PDSM}/pdsm-comprehensive-provide-document-bundle"]},
        "type": "transaction",
        "entry": entries,
    }


def publish() -> Json:
    """Return an ITI-105 simplified publish: one DocumentReference that carries its content."""
    document = _document("simplified-letter", "11490-0", "pdf")
    content = body(document)
    reference = document_reference(document, content)
    attachment = reference["content"][0]["attachment"]
    attachment["data"] = binary(document, content)["data"]
    for key in ("url", "size", "hash"):
        del attachment[key]
    del reference["id"]
    reference["meta"] = {"profile": [f"{PDSM}/pdsm-simplified-publish"]}
    return reference | {"subject": _SUBJECT}


def patches() -> dict[str, list[Json]]:
    """Return the JSON Patches of the life of a document (PDSm flux 03/04, RFC 6902).

    `test` first: a document whose labels are not those expected is left alone.
    """
    at = "/securityLabel/1"
    normal = {"op": "test", "path": "/securityLabel/0/coding/0/code", "value": "N"}
    masked = {"op": "test", "path": f"{at}/coding/0/code", "value": "MASQUE_PS"}
    archived = [{"url": IS_ARCHIVED, "valueBoolean": True}]
    return {
        "mask": [normal, {"op": "add", "path": at, "value": label("MASQUE_PS")}],
        "unmask": [masked, {"op": "remove", "path": at}],
        "archive": [{"op": "add", "path": "/extension", "value": archived}],
    }


def new_consents() -> dict[str, Json]:
    """Return Consents to create: they name people whom the main record does not know yet."""
    doctor = f"Practitioner/{PROFESSIONALS['unrelated-doctor'].id}"
    blocked = f"Practitioner/{PROFESSIONALS['dentist'].id}"
    found = {
        "authorize-professional": consents.consent("new", MAIN, consents.permit(doctor), "1"),
        "block-professional": consents.consent("new", MAIN, consents.block(blocked), "2"),
        "oppose-break-glass": consents.consent("new", MAIN, consents.opposition("BTG"), "3"),
    }
    for consent in found.values():
        del consent["id"]
    return found


def write(out: Path) -> list[Path]:
    """Write every example file into `out` and return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, object] = {
        "provide-document-bundle.json": provide(),
        "simplified-publish.json": publish(),
        **{f"patch-{name}.json": patch for name, patch in patches().items()},
        **{f"consent-{name}.json": consent for name, consent in new_consents().items()},
    }
    for file, content in files.items():
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (out / file).write_text(text + "\n", encoding="utf-8")
    return [out / file for file in files]


def main() -> None:
    """Write the examples to the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write the example requests.")
    parser.add_argument("--out", type=Path, default=Path("examples"), help="folder to write to")
    for path in write(parser.parse_args().out):
        print(path)


def _post(full_url: str, resource: Json) -> Json:
    request = {"method": "POST", "url": resource["resourceType"]}
    return {"fullUrl": full_url, "resource": resource, "request": request}


def _submission_set(items: list[str]) -> Json:
    """Return the List of an ITI-65 (profile pdsm-submissionset-comprehensive)."""
    author = PROFESSIONALS["hospital-doctor"]
    place = ESTABLISHMENTS["hospital"]
    contained_place = {
        key: value
        for key, value in organization(place).items()
        if key in {"resourceType", "identifier", "name"}
    }
    designation = concept("http://loinc.org", "15507-7", "Compte rendu de passage aux urgences")
    source_id = {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:2.25.{place.finess}"}
    return {
        "resourceType": "List",
        "meta": {"profile": [f"{PDSM}/pdsm-submissionset-comprehensive"]},
        "language": "fr",
        "contained": [
            {
                "resourceType": "Practitioner",
                "id": "author",
                "identifier": identifiers(author),
                "name": [name(author)],
            },
            {"id": "place"} | contained_place,
        ],
        "extension": [
            {
                "url": f"{_MHD}/StructureDefinition/ihe-designationType",
                "valueCodeableConcept": designation,
            },
            {"url": f"{_MHD}/StructureDefinition/ihe-sourceId", "valueIdentifier": source_id},
        ],
        "identifier": [
            {"use": "official", "system": "urn:ietf:rfc:3986", "value": "urn:oid:2.25.7001"},
            {"use": "usual", "system": "urn:ietf:rfc:3986", "value": _SET},
        ],
        "status": "current",
        "mode": "working",
        "title": "Passage aux urgences",
        "code": concept(f"{_MHD}/CodeSystem/MHDlistTypes", "submissionset"),
        "subject": _SUBJECT,
        "date": instant(_AT),
        "source": {
            "extension": [
                {
                    "url": f"{_MHD}/StructureDefinition/ihe-authorOrg",
                    "valueReference": {"reference": "#place"},
                }
            ],
            "reference": "#author",
        },
        "entry": [{"item": {"reference": item}} for item in items],
    }


if __name__ == "__main__":
    main()
