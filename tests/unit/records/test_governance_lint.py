"""What the linter finds in the governance table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_server.data import mappings_dir
from fhir_server.records.governance import governance
from fhir_server.records.governance_lint import KINDS, lint_governance

TEXT = mappings_dir().joinpath("governance.json").read_text(encoding="utf-8")
TYPES = {row.type for row in governance().values()} | {
    type_ for row in governance().values() for _, _, type_ in row.cases
}


def found(text: str) -> list[str]:
    return [finding.line() for finding in lint_governance(text, TYPES)]


def changed(name: str, entry: Any) -> str:
    return json.dumps(json.loads(TEXT) | {name: entry})


def test_the_shipped_table_has_no_finding() -> None:
    assert found(TEXT) == []


def test_the_governances_are_those_that_the_table_uses() -> None:
    assert {row.kind for row in governance().values()} == KINDS


@pytest.mark.parametrize(
    ("name", "entry", "told"),
    [
        ("Invoice", {"governance": "open"}, "`open` is no governance; one of: binary, careteam"),
        ("Account", {"governance": "record"}, "a `record`, and nothing else, has a `type`"),
        (
            "Observation",
            {"governance": "directory"},
            "is in the Patient compartment and open to everybody as `directory`",
        ),
        (
            "Observation",
            {"governance": "record", "type": "99999-9"},
            "`99999-9` is no document type of the nomenclatures",
        ),
        ("Observation", {"governance": "record", "type": "*", "wen": []}, "`wen` is not known"),
        (
            "Observation",
            {
                "governance": "record",
                "type": "*",
                "when": [{"path": "category", "code": "exam", "type": "11488-4"}] * 2,
            },
            "`category` = `exam` is tried 2 times: only the first has effect",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_said_with_its_type(
    name: str, entry: dict[str, Any], told: str
) -> None:
    lines = found(changed(name, entry))
    assert any(line.startswith(f"!!  governance.json: `{name}`: {told}") for line in lines), lines


def test_a_type_without_an_entry_and_one_that_r4_has_not_are_found() -> None:
    table = json.loads(TEXT)
    table["Obsevation"] = table.pop("Observation")
    assert found(json.dumps(table)) == [
        "!!  governance.json: `Observation` has no entry",
        "!!  governance.json: `Obsevation` is no resource type of R4",
    ]


def test_a_second_entry_of_a_type_is_found_though_json_would_forget_the_first() -> None:
    twice = TEXT.rstrip().removesuffix("}") + ', "Patient": {"governance": "knowledge"}}'
    assert "!!  governance.json: `Patient` is there 2 times" in found(twice)


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_what_is_no_table_is_one_finding(text: str) -> None:
    (line,) = found(text)
    assert line.startswith("!!  governance.json: can't be read: ")


def test_an_entry_that_is_no_object_has_no_governance() -> None:
    assert any(
        line.startswith("!!  governance.json: `Patient`: `None`")
        for line in found(changed("Patient", 1))
    )
