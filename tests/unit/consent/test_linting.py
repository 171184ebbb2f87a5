"""What the linter finds in a matrix (R37 to R42) and in rule sets, and what it lets be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_server.consent.linting import Codes, MatrixFile, lint_matrix, lint_rule_sets, readable
from fhir_server.consent.matrix import Matrix, MatrixError, read_matrix
from fhir_server.data import mappings_dir

CODES = Codes(["11502-2", "34112-3"], {"G15_10", "G15_21"})
GOOD = (
    "type,display_fr,MEDECIN_TRAITANT,G15_10,G15_21",
    "11502-2,Biologie,read,read,read",
    "34112-3,Hospitalisation,read,read,none",
    "*,Inconnu,read,none,none",
)
ABOUT = {"edition": "1", "valid_from": "2022-01-01"}
TODAY = "2026-11-22"
SHIPPED: list[dict[str, Any]] = json.loads(
    mappings_dir().joinpath("rulesets.json").read_text(encoding="utf-8")
)
MATRICES: dict[str, Matrix | None] = {"habilitation.csv": Matrix({"G15_10": frozenset()})}


def found(*lines: str, **rest: Any) -> list[str]:
    file = MatrixFile("m.csv", lines, **({"about": ABOUT} | rest))
    return [finding.line() for finding in lint_matrix(file, CODES)]


def test_a_matrix_with_nothing_wrong_has_no_finding() -> None:
    assert found(*GOOD) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        pytest.param(
            [*GOOD, "99999-9,?,read,none,none"],
            ["!!  m.csv: type `99999-9`: no such document type in the nomenclatures"],
            id="unknown type",
        ),
        pytest.param(
            [GOOD[0] + ",G15_99", *(f"{line},none" for line in GOOD[1:])],
            ["!!  m.csv: column `G15_99`: no such profession in the nomenclatures"],
            id="unknown profession",
        ),
        pytest.param(GOOD[:2] + GOOD[3:], ["!!  m.csv: type `34112-3` has no row"], id="no row"),
        pytest.param(GOOD[:3], ["!!  m.csv: type `*` has no row"], id="no row for the unknown"),
        pytest.param(
            [*GOOD, GOOD[1]], ["!!  m.csv: type `11502-2` has 2 rows"], id="the same row twice"
        ),
        pytest.param(
            [*GOOD, "11502-2,Biologie,read,read,none"],
            [
                "!!  m.csv: type `11502-2` has 2 rows",
                "!!  m.csv: type `11502-2`, `G15_21`: both `read` and `none`",
            ],
            id="two rows that contradict each other",
        ),
        pytest.param(
            [GOOD[0], "11502-2,Biologie,read,READ,read", *GOOD[2:]],
            ["!!  m.csv: type `11502-2`, `G15_10`: `READ` is neither `read` nor `none`"],
            id="a cell that is not understood",
        ),
        pytest.param(
            [GOOD[0], "11502-2,Biologie,none,read,read", *GOOD[2:]],
            ["!!  m.csv: type `11502-2`: the attending doctor reads everything (R20)"],
            id="against R20",
        ),
        pytest.param(
            [*GOOD[:3], "*,Inconnu,read,read,none"],
            ["!!  m.csv: `G15_10` would read documents of unknown type: fail closed"],
            id="unknown types opened",
        ),
        pytest.param(
            [line.rpartition(",")[0] for line in GOOD],
            ["??  m.csv: profession `G15_21` has no column: it reads nothing"],
            id="no column",
        ),
    ],
)
def test_what_is_wrong_with_a_matrix_is_said_in_one_line_each(
    lines: list[str], told: list[str]
) -> None:
    assert found(*lines) == told


def test_two_columns_of_one_profession_are_found_whatever_their_titles() -> None:
    lines = ["type,display_fr,G15_10 Médecin,G15_10", "11502-2,B,read,none"]
    assert "!!  m.csv: column `G15_10` is there 2 times" in found(*lines)


def test_a_column_of_a_profession_that_is_none_of_health_is_known() -> None:
    """R27."""
    lines = [GOOD[0] + ",R95_71", *(f"{line},none" for line in GOOD[1:])]
    assert found(*lines) == []


def cells(**changed: str) -> list[dict[str, str]]:
    """Return where each cell of GOOD comes from; a fact says of `type` what `changed` says."""
    titles = GOOD[0].split(",")[2:]
    return [
        {
            "type": line.split(",")[0],
            "profession": title,
            "right": right,
            "status": "fact",
            "rules_version": "1",
        }
        | (changed if (line.split(",")[0], title) == ("34112-3", "G15_21") else {})
        for line in GOOD[1:]
        for title, right in zip(titles, line.split(",")[2:], strict=True)
    ]


def test_a_cell_that_contradicts_the_fact_it_comes_from_is_found() -> None:
    assert found(*GOOD, cells=cells()) == []
    assert found(*GOOD, cells=cells(right="read")) == [
        "!!  m.csv: type `34112-3`, `G15_21`: `none`, but the fact says `read`"
    ]


def test_a_cell_of_which_nothing_says_where_it_comes_from_is_found() -> None:
    assert found(*GOOD, cells=cells()[:-1]) == [
        "!!  m.csv: type `*`, `G15_21`: nothing says where the cell comes from"
    ]


def test_cells_of_another_edition_are_found() -> None:
    assert found(*GOOD, cells=cells(rules_version="2")) == [
        "!!  m.csv: edition `1`, but its cells are of `2`"
    ]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({}, "??  m.csv: no JSON beside it tells its `edition` and `valid_from`"),
        ({"edition": "1", "valid_from": "May"}, "!!  m.csv: `May` is not a day YYYY-MM-DD"),
    ],
)
def test_a_matrix_without_a_day_is_found(about: dict[str, str], told: str) -> None:
    assert found(*GOOD, about=about) == [told]


def test_an_empty_file_has_findings_and_is_not_readable() -> None:
    assert "!!  m.csv: type `*` has no row" in found()
    assert readable(MatrixFile("m.csv", ())) is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["type,G15_10", "a,read", "a,none"], "type `a` has two rows"),
        (["type,G15_10 Médecin,G15_10", "a,read,none"], "two columns of one profession"),
        (["code,G15_10", "a,read"], "no column `type`"),
    ],
)
def test_the_server_does_not_start_with_a_matrix_that_says_a_thing_twice(
    lines: list[str], words: str
) -> None:
    with pytest.raises(MatrixError, match=words):
        read_matrix(lines)


# rule sets ---------------------------------------------------------------------------------------


def rule_set_lines(*entries: dict[str, Any], today: str = TODAY) -> list[str]:
    return [finding.line() for finding in lint_rule_sets(entries, MATRICES, today)]


def test_the_shipped_rule_sets_have_no_finding() -> None:
    assert rule_set_lines(*SHIPPED) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"notice_days": 30},
            "!!  rulesets.json, `mine`: `notice_days` is not before `announcement_days`: "
            "nobody would be told (R50)",
        ),
        (
            {"matrix": "annex.csv"},
            "!!  rulesets.json, `mine`: there is no matrix `annex.csv` in mappings/",
        ),
        (
            {"valid_from": "2027-01-01", "notice_days": 7},
            "??  rulesets.json, `mine`: valid from 2027-01-01 only",
        ),
        (
            {"role_professions": True},
            "??  rulesets.json, `mine`: `role_professions` has no effect: the matrix has no "
            "column of them (R27)",
        ),
        ({}, "??  rulesets.json, `mine`: decides as `original` does"),
        (
            {"representation": "nobody"},
            "!!  rulesets.json: rule set `mine`: `representation` takes minors-and-measures, token",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_set_is_said_in_one_line(
    changes: dict[str, Any], told: str
) -> None:
    assert rule_set_lines(*SHIPPED, SHIPPED[0] | {"id": "mine"} | changes) == [told]


def test_columns_that_the_rule_set_leaves_without_effect_are_found() -> None:
    wider = {"habilitation.csv": Matrix({"G15_10": frozenset(), "R95_71": frozenset()})}
    told = [finding.line() for finding in lint_rule_sets(SHIPPED[:1], wider, TODAY)]
    assert told == [
        "??  rulesets.json, `original`: columns R95_71 of its matrix have no effect (R27)"
    ]


def test_the_default_must_be_there_and_ids_must_differ() -> None:
    assert rule_set_lines(SHIPPED[1]) == [
        "!!  rulesets.json: no rule set `original`: it is the default"
    ]
    assert "!!  rulesets.json: rule set `original` is there 2 times" in rule_set_lines(
        SHIPPED[0], SHIPPED[0]
    )
