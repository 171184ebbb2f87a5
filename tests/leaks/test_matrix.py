"""docs/leaks.md, the rows of the matrix, and the tests that bear their numbers are the same."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "leaks.md").read_text(encoding="utf-8")
ROWS = [f"L{number:02d}" for number in range(1, 70)]
ROW = re.compile(r"^\| (L\d\d) \|(.*)\|$", re.MULTILINE)
NAMED = re.compile(r"^test((?:_L\d\d)+)_[a-z]\w+$")
HOW = {"hidden", "bounded", "closed"}


def functions() -> Iterator[str]:
    for path in sorted(HERE.glob("test_L*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.name


def numbers(name: str) -> list[str]:
    found = NAMED.match(name)
    return found[1].strip("_").split("_") if found else []


def cells() -> dict[str, list[str]]:
    """Return row → attack, how, what this server does, a test."""
    return {row: [cell.strip() for cell in rest.split(" | ")] for row, rest in ROW.findall(PAGE)}


def test_every_test_here_is_named_by_rows_of_the_matrix_and_by_no_other() -> None:
    names = list(functions())
    assert [name for name in names if not numbers(name)] == []
    assert {row for name in names for row in numbers(name)} == set(ROWS)
    assert [name for name, times in Counter(names).items() if times > 1] == []


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test_whose_name_begins_with_it(row: str) -> None:
    assert [name for name in functions() if name.startswith(f"test_{row}_")]


def test_the_page_has_each_row_once_and_in_order() -> None:
    assert [row for row, _ in ROW.findall(PAGE)] == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_page_names_one_of_its_tests_and_says_what_happens(row: str) -> None:
    attack, how, answer, test = cells()[row]
    assert how in HOW
    assert min(len(attack), len(answer)) > 15
    name = test.strip("`")
    assert name in set(functions())
    assert row in numbers(name)


def test_a_bound_is_explained_below_the_table() -> None:
    explained = set(re.findall(r"^- \*\*(L\d\d)\*\*", PAGE, re.MULTILINE))
    assert {row for row, (_, how, *_) in cells().items() if how == "bounded"} == explained
