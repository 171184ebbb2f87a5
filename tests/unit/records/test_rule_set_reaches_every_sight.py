"""Whoever makes a sight says under which rule set: the default is for tests and for nobody else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import fhir_server

SOURCE = Path(fhir_server.__file__).parent
MADE = ("Sight", "StoredSight")
THE_RULE_SET = 5
"""Its number among the arguments."""


def made() -> Iterator[tuple[str, ast.Call]]:
    """Yield every place of the source that makes a sight."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(node, ast.Call) and isinstance(called, ast.Name) and called.id in MADE:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


def test_every_sight_of_the_server_is_made_under_a_rule_set_that_is_named() -> None:
    found = dict(made())
    assert len(found) >= 3
    silent = [
        place
        for place, call in found.items()
        if len(call.args) < THE_RULE_SET
        and "rule_set" not in {keyword.arg for keyword in call.keywords}
    ]
    assert silent == []
