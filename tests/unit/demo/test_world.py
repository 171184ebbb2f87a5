"""The world: reproducible, valid R4, whole, and shaped as the contract says."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir_server.demo.patients import CLOSED, MAIN, MINOR, OPPOSED
from fhir_server.demo.world import bundles, world

Json = dict[str, Any]

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
WORLD = world(now=NOW)
BY_REFERENCE = {f"{one['resourceType']}/{one['id']}": one for one in WORLD}
DOCUMENTS = [one for one in WORLD if one["resourceType"] == "DocumentReference"]
TYPES = Path(__file__).parents[3] / "mappings/nos/types.csv"


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def labels(document: Json) -> set[str]:
    return {one["coding"][0]["code"] for one in document["securityLabel"]}


def of(person: str) -> list[Json]:
    return [one for one in DOCUMENTS if one["subject"]["reference"] == f"Patient/{person}"]


def test_the_same_seed_and_instant_give_the_same_world() -> None:
    assert json.dumps(world(7, NOW)) == json.dumps(world(7, NOW))


def test_another_seed_gives_other_patients_and_the_same_main_record() -> None:
    other = {f"{one['resourceType']}/{one['id']}": one for one in world(7, NOW)}
    assert other[f"Patient/{MAIN.id}"] == BY_REFERENCE[f"Patient/{MAIN.id}"]
    assert other["Patient/demo-patient-05"] != BY_REFERENCE["Patient/demo-patient-05"]


@pytest.mark.parametrize("resource_type", sorted({one["resourceType"] for one in WORLD}))
def test_every_resource_is_valid(resource_type: str) -> None:
    module = importlib.import_module(f"fhir.resources.R4B.{resource_type.lower()}")
    model = getattr(module, resource_type)
    for one in WORLD:
        if one["resourceType"] == resource_type:
            model.model_validate(one)


def test_the_element_tables_find_no_fault() -> None:
    validation = pytest.importorskip("fhir_server.validation")
    for one in WORLD:
        assert validation.validate(one, one["resourceType"]) == [], one["id"]


def test_ids_are_unique() -> None:
    assert len(BY_REFERENCE) == len(WORLD)


def test_every_reference_leads_somewhere() -> None:
    for one in WORLD:
        contained = {f"#{inner['id']}" for inner in one.get("contained", [])}
        assert set(references(one)) <= BY_REFERENCE.keys() | contained, one["id"]


def test_everything_contained_is_referred_to() -> None:
    for one in WORLD:
        contained = {f"#{inner['id']}" for inner in one.get("contained", [])}
        assert contained <= set(references(one)), one["id"]


def test_an_attachment_has_the_size_and_hash_of_its_binary() -> None:
    for document in DOCUMENTS:
        attachment = document["content"][0]["attachment"]
        binary = BY_REFERENCE[attachment["url"]]
        content = base64.b64decode(binary["data"])
        assert attachment["size"] == len(content)
        assert base64.b64decode(attachment["hash"]) == hashlib.sha1(content).digest()
        assert attachment["contentType"] == binary["contentType"]


def test_the_rights_of_a_binary_are_those_of_its_document() -> None:
    for document in DOCUMENTS:
        binary = BY_REFERENCE[document["content"][0]["attachment"]["url"]]
        assert binary["securityContext"]["reference"] == f"DocumentReference/{document['id']}"


def test_types_and_classes_agree_with_the_nomenclature() -> None:
    with TYPES.open(encoding="utf-8", newline="") as lines:
        rows = {row["code"]: row for row in csv.DictReader(lines)}
    for document in DOCUMENTS:
        coded = document["type"]["coding"][0]
        row = rows[coded["code"]]
        assert (row["system"], row["class_code"]) == (
            coded["system"],
            document["category"][0]["coding"][0]["code"],
        )


def test_the_main_record_holds_what_the_contract_asks() -> None:
    types = {one["type"]["coding"][0]["code"] for one in of(MAIN.id)}
    assert types >= {"34112-3", "11502-2", "57833-6", "15508-5", "EXPPAT_3", "EXPPAT_2"}
    assert sum("MASQUE_PS" in labels(one) for one in of(MAIN.id)) == 1
    assert sum("INVISIBLE_PATIENT" in labels(one) for one in of(MAIN.id)) == 1


def test_the_main_record_has_every_class_but_signatures() -> None:
    classes = {one["category"][0]["coding"][0]["code"] for one in of(MAIN.id)}
    assert classes == {"10", "11", "31", "42", "43", "44", "45", "52", "60", "90", "95"}


def test_the_invisible_document_was_deposited_three_days_ago() -> None:
    (invisible,) = [one for one in DOCUMENTS if "INVISIBLE_PATIENT" in labels(one)]
    assert datetime.fromisoformat(invisible["date"]) == NOW - timedelta(days=3)


def test_the_rectified_report_replaces_the_first() -> None:
    newer = BY_REFERENCE["DocumentReference/demo-document-01-biology"]
    older = BY_REFERENCE[newer["relatesTo"][0]["target"]["reference"]]
    assert (older["status"], newer["status"]) == ("superseded", "current")


def test_the_four_told_records_carry_their_story() -> None:
    assert BY_REFERENCE[f"Patient/{CLOSED.id}"]["active"] is False
    assert any("INVISIBLE_REPRESENTANTS_LEGAUX" in labels(one) for one in of(MINOR.id))
    opposed = [
        one["provision"]["purpose"][0]["code"]
        for one in WORLD
        if one["resourceType"] == "Consent"
        and one["patient"]["reference"] == f"Patient/{OPPOSED.id}"
        and one["provision"]["type"] == "deny"
    ]
    assert opposed == ["BTG", "ETREAT"]


def test_a_bundle_has_at_most_the_entries_asked_and_keeps_pairs_together() -> None:
    for size in (2, 3, 50, 200):
        for bundle in bundles(now=NOW, size=size):
            entries = [entry["resource"] for entry in bundle["entry"]]
            assert 0 < len(entries) <= size
            known = {f"{one['resourceType']}/{one['id']}" for one in entries}
            binaries = [one for one in entries if one["resourceType"] == "Binary"]
            assert {one["securityContext"]["reference"] for one in binaries} <= known


def test_a_reference_never_points_past_its_transaction() -> None:
    known: set[str] = set()
    for bundle in bundles(now=NOW):
        known |= {entry["request"]["url"] for entry in bundle["entry"]}
        for entry in bundle["entry"]:
            found = {one for one in references(entry["resource"]) if not one.startswith("#")}
            assert found <= known


def test_bundles_hold_the_whole_world_in_its_order() -> None:
    found = [entry["resource"] for bundle in bundles(now=NOW) for entry in bundle["entry"]]
    assert found == list(WORLD)
