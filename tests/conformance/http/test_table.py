"""docs/conformance/http.md and the tests that it names are the same, in both directions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PAGE = (TESTS.parent / "docs" / "conformance" / "http.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (3\.1\.0[\d.]*-\d+) \|(.*)\|$", re.MULTILINE)
NAMED = re.compile(r"`(?:([\w/]+\.py)::)?(test_\w+)`")
LEVELS = {"SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY", "rule"}


def rows() -> dict[str, list[str]]:
    """Return row → statement, level, who, here, shown by or why not."""
    return {
        found[1]: [cell.strip() for cell in found[2].split(" | ")] for found in ROW.finditer(PAGE)
    }


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def cited(test: ast.FunctionDef) -> Iterator[str]:
    """Yield the rows that the `@http(…)` of a test names."""
    for decorator in test.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="http"), args=names):
                yield from (str(ast.literal_eval(name)) for name in names)


OWN = sorted(path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))


def test_a_row_stands_once_and_in_order() -> None:
    found = [row[1] for row in ROW.finditer(PAGE)]
    assert len(found) > 100
    assert len(set(found)) == len(found) == PAGE.count("\n| 3.1.0")
    last: dict[str, int] = {}
    for row in found:
        section, _, number = row.partition("-")
        assert int(number) == last.get(section, 0) + 1, row
        last[section] = int(number)


def test_a_test_and_the_rows_that_it_cites_name_each_other() -> None:
    citing = {
        (row, test.name) for path in OWN for test in functions_of(path) for row in cited(test)
    }
    named = {
        (row, name)
        for row, cells in rows().items()
        for path, name in NAMED.findall(cells[-1])
        if not path
    }
    assert citing == named


def test_every_test_here_cites_a_row() -> None:
    silent = [test.name for path in OWN for test in functions_of(path) if not [*cited(test)]]
    assert silent == []


@pytest.mark.parametrize(
    ("path", "name"), sorted({found for found in NAMED.findall(PAGE) if found[0]})
)
def test_a_test_of_another_folder_that_a_row_names_is_there(path: str, name: str) -> None:
    assert name in {test.name for test in functions_of(TESTS / path)}


def test_every_shall_that_is_the_server_s_is_shown_or_explained() -> None:
    for row, (_, level, who, here, why) in rows().items():
        assert level in LEVELS, row
        assert who in {"server", "client", "both", "other"}, row
        assert here in {"yes", "part", "no", "client"}, row
        if here == "yes":
            assert NAMED.search(why), row
        if here in {"part", "no"}:
            assert len(re.sub(r"`[^`]*`", "", why)) > 15, row
