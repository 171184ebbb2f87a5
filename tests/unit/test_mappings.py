"""The data of `mappings/`: complete, known codes only, facts untouched."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions import RESOURCE_TYPES, compartment
from fhir_server.records.care import care_dates
from fhir_server.search.registry import supported

MAPPINGS = Path(__file__).parents[2] / "mappings"
REFERENCE = Path(os.environ.get("FHIR_REFERENCE_DATA", MAPPINGS / "../../shared/reference"))
DOMAIN = REFERENCE / "../domain"
GOVERNANCE = {
    "record",
    "patient",
    "careteam",
    "policy",
    "trace",
    "binary",
    "pointer",
    "directory",
    "knowledge",
    "restricted",
}
PSEUDO = {"MEDECIN_TRAITANT", "ESTABLISHMENT_SOFTWARE", "REFERENCED_SERVICE"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def domain(name: str) -> list[dict[str, str]]:
    path = DOMAIN / name
    if not path.exists():
        pytest.skip(f"LOUD: {path} is absent, facts are not compared")
    return rows(path)


MATRIX = {row["type"]: row for row in rows(MAPPINGS / "habilitation.csv")}
COLUMNS = [name for name in next(iter(MATRIX.values())) if name not in {"type", "display_fr"}]
SOURCES = {
    (row["type"], row["profession"]): row for row in rows(MAPPINGS / "habilitation_sources.csv")
}
DEFAULTS = rows(MAPPINGS / "habilitation_defaults.csv")
TYPES = {row["code"]: row for row in rows(MAPPINGS / "nos/types.csv")}
PROFESSIONS = {row["profession_code"] for row in rows(MAPPINGS / "nos/professions.csv")}
RULES = json.loads((MAPPINGS / "governance.json").read_text(encoding="utf-8"))


def test_every_document_type_has_one_row_and_the_unknown_one_comes_last() -> None:
    assert list(MATRIX) == [*TYPES, "*"]
    assert len(rows(MAPPINGS / "habilitation.csv")) == len(MATRIX) == 116


def test_every_cell_is_read_or_none() -> None:
    assert {MATRIX[kind][column] for kind in MATRIX for column in COLUMNS} == {"read", "none"}


def test_columns_are_the_professions_of_the_domain_and_three_that_are_not() -> None:
    assert set(COLUMNS) - PSEUDO == {code for code in PROFESSIONS if code.startswith("G15_")}
    assert set(COLUMNS) >= PSEUDO


def test_the_long_form_says_the_same_as_the_matrix() -> None:
    cells = {(kind, column): MATRIX[kind][column] for kind in MATRIX for column in COLUMNS}
    assert {key: row["right"] for key, row in SOURCES.items() if key[1] in COLUMNS} == cells


def test_facts_are_exactly_those_of_the_domain() -> None:
    wanted = {}
    for fact in domain("habilitation_facts.csv"):
        every = fact["type_code"] == "*" and fact["profession_code"] in COLUMNS
        for kind in MATRIX if every else [fact["type_code"]]:
            wanted[kind, fact["profession_code"]] = fact["right"], fact["source"]
    found = {
        key: (row["right"], row["source"])
        for key, row in SOURCES.items()
        if row["status"] == "fact"
    }
    assert found == wanted


def test_default_cells_follow_the_stated_defaults() -> None:
    for (kind, column), row in SOURCES.items():
        if row["status"] == "default" and kind != "*":
            right = "none"
            for rule in DEFAULTS:
                selectors = {"all", f"type:{kind}", f"class:{TYPES[kind]['class_code']}"}
                if rule["profession"] == column and rule["selector"] in selectors:
                    right = rule["right"]
            assert row["right"] == right, (kind, column)


def test_defaults_name_known_types_classes_and_professions() -> None:
    classes = {row["class_code"] for row in TYPES.values()}
    for rule in DEFAULTS:
        kind, _, code = rule["selector"].partition(":")
        assert rule["profession"] in COLUMNS
        assert kind == "all" or code in (TYPES if kind == "type" else classes), rule


def test_an_unknown_type_is_closed_to_all_but_the_attending_doctor() -> None:
    assert [column for column in COLUMNS if MATRIX["*"][column] == "read"] == ["MEDECIN_TRAITANT"]


def test_every_resource_type_is_governed_once() -> None:
    text = (MAPPINGS / "governance.json").read_text(encoding="utf-8")
    names = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    assert sorted(name for name, _ in names) == sorted(RESOURCE_TYPES)
    assert {rule["governance"] for rule in RULES.values()} == GOVERNANCE


def test_every_record_type_names_a_known_document_type() -> None:
    for name, rule in RULES.items():
        assert ("type" in rule) == (rule["governance"] == "record"), name
        for type_ in [rule.get("type", "*"), *(when["type"] for when in rule.get("when", []))]:
            assert type_ in MATRIX, name


def test_nothing_in_the_patient_compartment_is_directory_or_knowledge() -> None:
    definitions: Any = pytest.importorskip("fhir_server.definitions")
    for name, parameters in definitions.compartment("Patient").items():
        if parameters:
            assert RULES[name]["governance"] not in {"directory", "knowledge"}, name


def test_systems_have_a_code_each() -> None:
    systems = json.loads((MAPPINGS / "systems.json").read_text(encoding="utf-8"))
    codes = [system["code"] for system in systems]
    assert len(codes) == len(set(codes)) == 20


@pytest.mark.parametrize(
    ("copy", "original", "key"),
    [
        ("types", "type_codes", "code"),
        ("classes", "class_codes", "code"),
        ("confidentiality", "confidentiality_codes", "code"),
        ("practice_settings", "practice_settings", "code"),
        ("facility_types", "facility_types", "code"),
        ("formats", "format_codes", "code"),
        ("professions", "professions", "code"),
    ],
)
def test_code_systems_are_those_of_the_domain(copy: str, original: str, key: str) -> None:
    wanted = [row[key] for row in domain(f"{original}.csv")]
    assert [row["code"] for row in rows(MAPPINGS / f"nos/{copy}.csv")] == wanted


def test_care_dates_are_date_parameters_of_types_in_the_compartment() -> None:
    for type_, dates in care_dates().items():
        assert type_ in compartment("Patient"), type_
        known = supported(type_)
        for code in (*dates.begins, *dates.ends):
            assert known[code].type == "date", (type_, code)


def test_what_a_record_holds_has_a_date_of_care_unless_it_has_none() -> None:
    """Types that tell no date of care, or whose date is another's: who, consent, money, trace."""
    undated = {name for name in compartment("Patient") if name not in care_dates()}
    assert {name for name in undated if RULES[name]["governance"] == "record"} == {
        "AppointmentResponse", "BodyStructure", "Claim", "ClaimResponse", "Coverage",
        "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DeviceUseStatement",
        "ExplanationOfBenefit", "FamilyMemberHistory", "ImmunizationRecommendation", "Invoice",
        "MolecularSequence", "RelatedPerson", "SupplyDelivery",
    }  # fmt: skip
