"""`fhir-server policy matrix` and `policy diff`: who sees what, and what changes for whom."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from fhir_server.consent.comparing import (
    Cell,
    Change,
    Member,
    changed_cells,
    changed_members,
    changed_situations,
)
from fhir_server.consent.linting import ATTENDING
from fhir_server.consent.matrix import read_matrix
from fhir_server.consent.ruleset import ORIGINAL
from fhir_server.console.policy_files import (
    matrix_file,
    profession_names,
    subject,
    type_names,
)
from fhir_server.records.rulesets import rule_sets

Form = Literal["text", "markdown", "json"]

_MARKS: Final = {("read", "fact"): "R", ("read", "default"): "r", ("none", "fact"): "X"}
LEGEND: Final = (
    "R lit, fait connu; r lit, défaut du projet; X ne lit pas, fait connu; . ne lit pas, défaut\n"
    "R reads, known fact; r reads, default of the project; X reads not, fact; . reads not, default"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell with where it comes from: `status` is `fact`, `default`, or `unsourced`."""

    type: str
    column: str
    right: str
    status: str
    source: str

    @property
    def mark(self) -> str:
        """Return the cell as one letter."""
        plain = "r" if self.right == "read" else "."
        return _MARKS.get((self.right, self.status), plain)


def matrix_table(name: str, professions: Sequence[str], types: Sequence[str], form: Form) -> str:
    """Return the matrix `name`, of a path, `mappings/` or a rule set; narrowed where asked.

    Raises ValueError with the line to show, for a code that it does not know too.
    """
    cells = list(_cells(name))
    columns = list(dict.fromkeys(cell.column for cell in cells))
    rows = list(dict.fromkeys(cell.type for cell in cells))
    professions = [f"G15_{one}" if one.isdecimal() else one for one in professions]
    _must_know(professions, columns, "profession")
    _must_know(types, rows, "document type")
    wanted = [
        cell
        for cell in cells
        if cell.column in (professions or columns) and cell.type in (types or rows)
    ]
    if form == "json":
        return _json([_cell_json(cell) for cell in wanted])
    if professions or types:
        return _long(wanted, form)
    return _wide(wanted, columns, rows, form)


def _cells(name: str) -> Iterator[Shown]:
    named = {one.id: one.matrix for one in rule_sets()}
    file = matrix_file(named.get(name, name or ORIGINAL.matrix))
    matrix = read_matrix(file.lines, file.about)
    told = {(cell["type"], cell["profession"]): cell for cell in file.cells}
    header = [ATTENDING, *matrix.readable]
    for type_ in (row["type"] for row in csv.DictReader(file.lines)):
        for column in header:
            cell = told.get((type_, column), {})
            reads = column == ATTENDING or type_ in matrix.readable[column]
            right = "read" if reads else "none"
            sourced = cell.get("right") == right
            status = cell["status"] if sourced else "unsourced"
            yield Shown(type_, column, right, status, cell.get("source", "") if sourced else "")


def _must_know(asked: Iterable[str], known: Sequence[str], what: str) -> None:
    for code in asked:
        if code not in known:
            raise ValueError(f"`{code}` is no {what} of this matrix; one of: {', '.join(known)}")


def _cell_json(cell: Shown) -> dict[str, str]:
    return {
        "type": cell.type,
        "profession": cell.column,
        "right": cell.right,
        "status": cell.status,
        "source": cell.source,
    }


def _long(cells: Sequence[Shown], form: Form) -> str:
    types, professions = type_names(), profession_names()
    head = ("type", "document", "profession", "name", "right", "status", "source")
    body = [
        (c.type, types.get(c.type, ""), c.column, professions.get(c.column, ""), c.right, c.status,
         c.source)
        for c in cells
    ]  # fmt: skip
    return _table(head, body, form)


def _wide(cells: Sequence[Shown], columns: list[str], rows: list[str], form: Form) -> str:
    marks = {(cell.type, cell.column): cell.mark for cell in cells}
    short = [column.removeprefix("G15_") for column in columns]
    body = [(type_, *(marks[type_, column] for column in columns)) for type_ in rows]
    return f"{_table(('type', *short), body, form)}\n\n{LEGEND}"


# differences -------------------------------------------------------------------------------------


def difference(before: str, after: str, form: Form) -> str:
    """Return what changes from `before` to `after`: two rule sets, or two matrices.

    Raises ValueError with the line to show.
    """
    one, other = subject(before), subject(after)
    if (one.rule_set is None) != (other.rule_set is None):
        raise ValueError("compare two rule sets, or two matrices: not one with the other")
    cells = list(changed_cells(one.matrix, other.matrix))
    members: list[Member] = []
    changes: list[Change] = []
    if one.rule_set is not None and other.rule_set is not None:
        laws = (one.rule_set, one.matrix), (other.rule_set, other.matrix)
        members += changed_members(one.rule_set, other.rule_set)
        changes += changed_situations(*laws)
    if form == "json":
        told = {
            "members": [{"name": m.name, "before": m.before, "after": m.after} for m in members],
            "situations": [_change_json(change) for change in changes],
            "cells": [_changed_json(cell) for cell in cells],
        }
        return _json(told)
    parts = []
    if members:
        rows = [(m.name, m.before, m.after) for m in members]
        parts.append(_table(("rule set", before, after), rows, form))
    if changes:
        spoken = [
            (str(c.situation.kind), _gain(c.gained), c.situation.fr, c.situation.en)
            for c in changes
        ]
        parts.append(_table(("kind", "change", "situation", "in English"), spoken, form))
    if cells:
        names = type_names()
        listed = [
            (c.column, _gain(c.gained), c.type, names.get(c.type, ""), c.kinds) for c in cells
        ]
        parts.append(_table(("profession", "change", "type", "document", "kinds"), listed, form))
    return "\n\n".join(parts) or "aucune différence (no difference)"


def _change_json(change: Change) -> dict[str, Any]:
    told = change.situation
    return {"kind": told.kind, "change": _gain(change.gained), "fr": told.fr, "en": told.en}


def _changed_json(cell: Cell) -> dict[str, str]:
    return {
        "profession": cell.column,
        "type": cell.type,
        "change": _gain(cell.gained),
        "kinds": cell.kinds,
    }


def _gain(gained: bool) -> str:
    return "gained" if gained else "lost"


# forms -------------------------------------------------------------------------------------------


def _table(head: Sequence[str], body: Sequence[Sequence[str]], form: Form) -> str:
    if form == "markdown":
        lines = [head, ["---"] * len(head), *body]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in (head, *body)
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
