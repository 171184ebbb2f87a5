"""What changes between matrices and rule sets, and for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.consent.comparing import (
    Cell,
    changed_cells,
    changed_members,
    changed_situations,
)
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.ruleset import ORIGINAL, RuleSet
from tests.oracle.records import BIOLOGY, HOSPITAL, MATRIX

WIDER = Matrix({**MATRIX.readable, "R95_71": frozenset({BIOLOGY})}, MATRIX.rows)


def changes(matrix: Matrix = MATRIX, **members: Any) -> list[tuple[str, bool]]:
    after = replace(ORIGINAL, **members)
    found = changed_situations((ORIGINAL, matrix), (after, matrix))
    return [(one.situation.en, one.gained) for one in found]


def test_a_matrix_gains_and_loses_by_column_and_type() -> None:
    other = Matrix(
        {
            **MATRIX.readable,
            "G15_21": frozenset({BIOLOGY, HOSPITAL}),
            "REFERENCED_SERVICE": frozenset(),
        }
    )
    assert list(changed_cells(MATRIX, other)) == [
        Cell(HOSPITAL, "G15_21", "professional", gained=True),
        Cell("57833-6", "G15_21", "professional", gained=False),
        Cell("57833-6", "REFERENCED_SERVICE", "referenced-service", gained=False),
    ]


def test_a_column_of_doctors_is_that_of_regulators_and_occupational_medicine_too() -> None:
    (cell,) = changed_cells(Matrix({}), Matrix({"G15_10": frozenset({BIOLOGY})}))
    assert cell.kinds == "professional, samu-regulator, occupational-medicine"


def test_the_same_differ_in_nothing() -> None:
    assert changes() == []
    assert list(changed_cells(MATRIX, MATRIX)) == []
    assert list(changed_members(ORIGINAL, RuleSet())) == []


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            {"occupational_medicine": "express-consent"},
            [("occupational medicine, named by a Consent", True)],
        ),
        ({"representation": "minors-and-measures"}, [("representative of an adult", False)]),
        ({"attending_blockable": False}, [("attending doctor, blocked", True)]),
        ({"masked_spares": ("author",)}, [("attending doctor, masked document", False)]),
        ({"masked_spares": ("attending-doctor",)}, [("author, their own masked document", False)]),
        (
            {"announcement_days": 31},
            [("holder, document invisible to the patient, deposited 30 days ago", False)],
        ),
    ],
)
def test_every_member_that_decides_shows_in_a_situation(
    members: dict[str, Any], told: list[tuple[str, bool]]
) -> None:
    assert changes(**members) == told


def test_professions_that_are_none_of_health_show_where_the_matrix_has_them() -> None:
    assert changes(WIDER, role_professions=True) == [
        (f"profession `R95_71` of the care team, type `{BIOLOGY}`", True)
    ]


def test_members_are_told_before_and_after_and_names_are_not() -> None:
    after = replace(ORIGINAL, id="x", fr="y", masked_spares=(), role_professions=True)
    assert [(m.name, m.before, m.after) for m in changed_members(ORIGINAL, after)] == [
        ("masked_spares", "attending-doctor, author", "nobody"),
        ("role_professions", "false", "true"),
    ]
