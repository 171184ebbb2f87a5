"""The example requests: as the demonstration writes them, and valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.consent import Consent
from fhir.resources.R4B.documentreference import DocumentReference

from fhir_server.demo.codes import IS_ARCHIVED
from fhir_server.demo.examples import patches, provide, publish, write
from fhir_server.demo.patients import MAIN
from fhir_server.demo.world import world

EXAMPLES = Path(__file__).parents[3] / "examples"
SUBJECT = f"Patient?identifier=urn:oid:1.2.250.1.213.1.4.10|{MAIN.ins}"
NORMAL = next(one for one in world() if one["id"] == "demo-document-01-hospital-report")


def loaded(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def patched(*names: str) -> dict[str, Any]:
    found: dict[str, Any] = NORMAL
    for name in names:
        found = jsonpatch.apply_patch(found, patches()[name])
    return found


def test_the_files_are_those_that_the_code_writes(tmp_path: Path) -> None:
    for path in write(tmp_path):
        assert (EXAMPLES / path.name).read_bytes() == path.read_bytes()


def test_the_provide_bundle_is_a_set_two_documents_and_their_binaries() -> None:
    types = [entry["resource"]["resourceType"] for entry in provide()["entry"]]
    assert types == ["List", "DocumentReference", "Binary", "DocumentReference", "Binary"]
    Bundle.model_validate(provide())


def test_the_provide_bundle_names_the_patient_by_a_conditional_reference() -> None:
    resources = [entry["resource"] for entry in provide()["entry"]]
    subjects = [one["subject"]["reference"] for one in resources if "subject" in one]
    assert subjects == [SUBJECT] * 3


def test_the_provide_bundle_leaves_ids_to_the_server() -> None:
    assert all("id" not in entry["resource"] for entry in provide()["entry"])


def test_each_url_of_the_provide_bundle_is_one_of_its_entries() -> None:
    entries = provide()["entry"]
    urls = {entry["fullUrl"] for entry in entries}
    items = {one["item"]["reference"] for one in entries[0]["resource"]["entry"]}
    attached = {entries[at]["resource"]["content"][0]["attachment"]["url"] for at in (1, 3)}
    assert items | attached | {entries[0]["fullUrl"]} == urls


def test_the_simplified_publish_carries_its_content_and_no_address() -> None:
    attachment = publish()["content"][0]["attachment"]
    assert "data" in attachment
    assert "url" not in attachment
    DocumentReference.model_validate(publish())


def test_mask_and_unmask_come_back_to_the_same_document() -> None:
    codes = [one["coding"][0]["code"] for one in patched("mask")["securityLabel"]]
    assert codes == ["N", "MASQUE_PS"]
    assert patched("mask", "unmask") == NORMAL


def test_unmasking_what_is_not_masked_fails() -> None:
    with pytest.raises(jsonpatch.JsonPatchException):
        patched("unmask")


def test_archive_sets_the_extension() -> None:
    assert patched("archive")["extension"] == [{"url": IS_ARCHIVED, "valueBoolean": True}]


@pytest.mark.parametrize(
    "name", ["authorize-professional", "block-professional", "oppose-break-glass"]
)
def test_consents_are_valid_and_about_the_main_record(name: str) -> None:
    consent = loaded(f"consent-{name}.json")
    Consent.model_validate(consent)
    assert consent["patient"]["reference"] == f"Patient/{MAIN.id}"
    assert "id" not in consent
