"""What each persona counts on the main record, computed naively from the rules and the matrix.

An independent reading of R16, R20, R24, R33-R35, R37-R41, R44, R49 and R70: it knows nothing of
the consent kernel, and the tables of the READMEs must agree with it.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhir_server.consent.requester import Kind, Purpose
from fhir_server.demo.identity import FINESS, RPPS
from fhir_server.demo.patients import MAIN
from fhir_server.demo.personas import Persona, persona, personas
from fhir_server.demo.world import world

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
WORLD = world(now=NOW)
BY_REFERENCE = {f"{one['resourceType']}/{one['id']}": one for one in WORLD}
READERS = {Kind.PROFESSIONAL, Kind.SAMU_REGULATOR}
EMERGENCY = {Purpose.BREAK_GLASS, Purpose.REGULATION}


def matrix() -> dict[str, dict[str, str]]:
    with (ROOT / "mappings/habilitation.csv").open(encoding="utf-8", newline="") as lines:
        return {row["type"]: row for row in csv.DictReader(lines)}


MATRIX = matrix()


def main_documents() -> list[Json]:
    subject = f"Patient/{MAIN.id}"
    return [
        one
        for one in WORLD
        if one["resourceType"] == "DocumentReference"
        and one["subject"]["reference"] == subject
        and one["status"] == "current"
    ]


def numbers(resource: Json, system: str) -> set[str]:
    return {one["value"] for one in resource.get("identifier", []) if one["system"] == system}


def is_caller(reference: str, who: Persona) -> bool:
    """Tell whether `reference` is the caller: by RPPS, through a role, or by FINESS."""
    target = BY_REFERENCE[reference]
    if target["resourceType"] == "PractitionerRole":
        target = BY_REFERENCE[target["practitioner"]["reference"]]
    caller = who.requester
    return caller.rpps in numbers(target, RPPS) or caller.organization in numbers(target, FINESS)


def root_provisions(kind: str) -> list[Json]:
    found = [
        one["provision"]
        for one in WORLD
        if one["resourceType"] == "Consent" and one["patient"]["reference"] == f"Patient/{MAIN.id}"
    ]
    return [one for one in found if one["type"] == kind]


def named(provision: Json, who: Persona) -> bool:
    return any(
        is_caller(actor["reference"]["reference"], who) for actor in provision.get("actor", [])
    )


def is_attending(who: Persona) -> bool:
    doctors = BY_REFERENCE[f"Patient/{MAIN.id}"]["generalPractitioner"]
    return any(is_caller(doctor["reference"], who) for doctor in doctors)


def is_linked(who: Persona) -> bool:
    teams = [one for one in WORLD if one["resourceType"] == "CareTeam"]
    members = [
        participant["member"]["reference"]
        for team in teams
        if team["subject"]["reference"] == f"Patient/{MAIN.id}"
        for participant in team["participant"]
    ]
    return (
        is_attending(who)
        or who.requester.purpose in EMERGENCY
        or any(is_caller(member, who) for member in members)
        or any(named(provision, who) for provision in root_provisions("permit"))
    )


def is_author(document: Json, who: Persona) -> bool:
    caller = who.requester
    authors = [one for one in document["contained"] if one["id"] == "author"]
    if any(caller.rpps in numbers(one, RPPS) for one in authors):
        return True
    custodian = document.get("custodian")
    return custodian is not None and is_caller(custodian["reference"], who)


def sees(who: Persona, document: Json) -> bool:
    labels = {one["coding"][0]["code"] for one in document["securityLabel"]}
    caller = who.requester
    if who.kind is Kind.PATIENT:
        return caller.patient == MAIN.id and "INVISIBLE_PATIENT" not in labels  # R49
    if who.kind not in READERS:
        return False  # R32-R35; writers and administrators read nothing of their own right
    if any(named(provision, who) for provision in root_provisions("deny")):
        return False  # R24
    if not is_linked(who):
        return False  # R15, R16
    if is_attending(who) or is_author(document, who):
        return True  # R20, R44
    if "MASQUE_PS" in labels:
        return False  # R43, R70
    return MATRIX[document["type"]["coding"][0]["code"]][caller.profession] == "read"  # R37


def count(name: str) -> int:
    return sum(sees(persona(name), document) for document in main_documents())


def counts_table() -> str:
    rows = [f"| `{one.name}` | {count(one.name)} |" for one in personas()]
    return "\n".join(["| persona | documents |", "|---|---|", *rows])


def documents_table() -> str:
    """Return who sees each document, the personas that see all or none left out."""
    readers = [one for one in personas() if one.kind in READERS | {Kind.PATIENT}]
    readers = [one for one in readers if count(one.name) > 0]
    head = "| document | type | " + " | ".join(one.name for one in readers) + " |"
    rows = [head, "|" + "---|" * (len(readers) + 2)]
    for document in main_documents():
        cells = " | ".join("x" if sees(one, document) else "" for one in readers)
        key = document["id"].removeprefix("demo-document-01-")
        rows.append(f"| {key} | {document['type']['coding'][0]['code']} | {cells} |")
    return "\n".join(rows)


def test_the_attending_doctor_counts_more_than_the_care_team_doctor() -> None:
    assert count("attending-doctor") == len(main_documents())
    assert count("care-team-doctor") == count("attending-doctor") - 1


def test_the_care_team_doctor_counts_more_than_the_podiatrist_who_counts_some() -> None:
    assert count("care-team-doctor") > count("podiatrist") > 0


@pytest.mark.parametrize(
    "name", ["occupational-doctor", "insurer", "bank", "secretary", "administrator"]
)
def test_the_excluded_count_nothing(name: str) -> None:
    assert count(name) == 0


def test_the_blocked_doctor_is_authorised_and_counts_nothing() -> None:
    assert is_linked(persona("blocked-doctor"))
    assert count("blocked-doctor") == 0


def test_the_unrelated_doctor_has_no_link() -> None:
    assert not is_linked(persona("unrelated-doctor"))
    assert count("unrelated-doctor") == 0


def test_the_patient_misses_only_what_awaits_an_announcement() -> None:
    assert count("patient") == len(main_documents()) - 1


def test_no_excluded_kind_is_hidden_behind_another_reason() -> None:
    secretary = persona("secretary").requester
    assert secretary.organization == persona("attending-doctor").requester.organization


def test_the_emergency_doctor_sees_what_the_care_team_doctor_sees() -> None:
    assert count("emergency-doctor") == count("samu-regulator") == count("care-team-doctor")


def test_the_table_of_counts_in_the_readme_is_the_computed_one() -> None:
    readme = (ROOT / "fhir_server/demo/README.md").read_text(encoding="utf-8")
    assert counts_table() in readme


def test_the_table_of_documents_in_the_readme_is_the_computed_one() -> None:
    readme = (ROOT / "fhir_server/demo/README.md").read_text(encoding="utf-8")
    assert documents_table() in readme


def steps() -> dict[str, str]:
    text = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    parts = text.split("<!-- step: ")[1:]
    return {part.split(" -->")[0]: part for part in parts}


def stated(step: str) -> int:
    return int(steps()[step].split("count `")[1].split("`")[0])


def deposited(name: str) -> int:
    """Count what the first step adds, for a persona of the care team."""
    bundle = json.loads((ROOT / "examples/provide-document-bundle.json").read_text("utf-8"))
    added = [
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "DocumentReference"
    ]
    return sum(sees(persona(name), document) for document in added)


@pytest.mark.parametrize(
    "name",
    ["attending-doctor", "pharmacist", "podiatrist", "occupational-doctor", "blocked-doctor"],
)
def test_the_walk_through_states_the_computed_count(name: str) -> None:
    assert stated(f"search-{name}") == count(name) + deposited(name)


def test_the_walk_through_masks_one_document_for_the_care_team_doctor_alone() -> None:
    before = count("care-team-doctor") + deposited("care-team-doctor")
    assert stated("search-care-team-doctor-after-mask") == before - 1
    after = count("emergency-doctor") + deposited("emergency-doctor") - 1
    assert stated("break-glass") == after


def test_the_walk_through_masks_a_document_of_the_record() -> None:
    report = BY_REFERENCE["DocumentReference/demo-document-01-hospital-report"]
    assert report["masterIdentifier"]["value"] in steps()["mask"]
    assert MAIN.ins in steps()["search-attending-doctor"]
