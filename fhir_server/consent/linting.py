"""What is wrong, or useless, in a habilitation matrix and in rule sets: values in, findings out.

`read_matrix` and `read_rule_sets` refuse what the server can't start with. A linter goes on after the
first fault, and also looks at what can be read and makes no sense.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from fhir_server.consent.matrix import (
    ESTABLISHMENT_SOFTWARE,
    REFERENCED_SERVICE,
    ROLES,
    Matrix,
    MatrixError,
    read_matrix,
)
from fhir_server.consent.ruleset import ORIGINAL, RuleSet, RuleSetError, read_rule_sets

ATTENDING: Final = "MEDECIN_TRAITANT"
"""The column that says what rule R20 says: it opens nothing, and must not say otherwise."""
UNKNOWN_TYPE: Final = "*"
_PLAIN: Final = ("type", "display_fr")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a linter; what is not `wrong` has no effect, or is worth a look."""

    wrong: bool
    where: str
    words: str

    def line(self) -> str:
        """Return the finding as the console shows it."""
        return f"{'!!' if self.wrong else '??'}  {self.where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Codes:
    """What the nomenclatures know: document types, and professions with their table, `G15_21`."""

    types: Sequence[str]
    professions: Collection[str]


@dataclass(frozen=True, slots=True)
class MatrixFile:
    """A matrix as it lies in files.

    `lines` are those of the CSV; `about` the JSON beside it; `cells` the rows (type, profession,
    right, status, source …) of the file that says where each cell comes from, empty without one.
    """

    name: str
    lines: Sequence[str]
    about: Mapping[str, Any] = field(default_factory=dict)
    cells: Collection[Mapping[str, str]] = ()


def lint_matrix(file: MatrixFile, codes: Codes) -> Iterator[Finding]:
    """Yield what is wrong with a matrix: codes, rows, cells, contradictions with its sources."""
    yield from (replace(found, where=file.name) for found in _lint_matrix(file, codes))


def _lint_matrix(file: MatrixFile, codes: Codes) -> Iterator[Finding]:
    header = next(csv.reader(file.lines), [])
    names = [name for name in header if name not in _PLAIN]
    columns = [name.split(" ")[0] for name in names]
    rows = list(csv.DictReader(file.lines))
    yield from _columns(columns, codes)
    yield from _rows([row.get("type") or "" for row in rows], codes)
    table: dict[tuple[str, str], str] = {}
    for row in rows:
        for name, column in zip(names, columns, strict=True):
            key, right = (row.get("type") or "", column), row.get(name) or ""
            if table.setdefault(key, right) != right:
                yield _wrong(f"type `{key[0]}`, `{column}`: both `{table[key]}` and `{right}`")
    yield from _cells(table)
    yield from _sources(table, file.cells)
    yield from _dated(file)


def _columns(columns: list[str], codes: Codes) -> Iterator[Finding]:
    special = {ATTENDING, ESTABLISHMENT_SOFTWARE, REFERENCED_SERVICE}
    for column, count in Counter(columns).items():
        known = column in special or column in codes.professions or column.startswith(ROLES)
        if not known:
            yield _wrong(f"column `{column}`: no such profession in the nomenclatures")
        if count > 1:
            yield _wrong(f"column `{column}` is there {count} times")
    for profession in sorted({p for p in codes.professions if p.startswith("G15_")} - {*columns}):
        yield _odd(f"profession `{profession}` has no column: it reads nothing")


def _rows(types: list[str], codes: Codes) -> Iterator[Finding]:
    for type_, count in Counter(types).items():
        if type_ != UNKNOWN_TYPE and type_ not in codes.types:
            yield _wrong(f"type `{type_}`: no such document type in the nomenclatures")
        if count > 1:
            yield _wrong(f"type `{type_}` has {count} rows")
    for type_ in sorted({*codes.types, UNKNOWN_TYPE} - {*types}):
        yield _wrong(f"type `{type_}` has no row")


def _cells(table: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    for (type_, column), right in table.items():
        if right not in ("read", "none"):
            yield _wrong(f"type `{type_}`, `{column}`: `{right}` is neither `read` nor `none`")
        elif column == ATTENDING and right == "none":
            yield _wrong(f"type `{type_}`: the attending doctor reads everything (R20)")
        elif column != ATTENDING and type_ == UNKNOWN_TYPE and right == "read":
            yield _wrong(f"`{column}` would read documents of unknown type: fail closed")


def _sources(
    table: Mapping[tuple[str, str], str], cells: Collection[Mapping[str, str]]
) -> Iterator[Finding]:
    if not cells:
        return
    told = {(cell["type"], cell["profession"]): cell for cell in cells}
    for key, right in table.items():
        where = f"type `{key[0]}`, `{key[1]}`"
        cell = told.get(key)
        if cell is None:
            yield _wrong(f"{where}: nothing says where the cell comes from")
        elif cell["right"] != right:
            yield _wrong(f"{where}: `{right}`, but the {cell['status']} says `{cell['right']}`")


def _dated(file: MatrixFile) -> Iterator[Finding]:
    day, edition = file.about.get("valid_from"), file.about.get("edition")
    if not day or not edition:
        yield _odd("no JSON beside it tells its `edition` and `valid_from`")
        return
    try:
        date.fromisoformat(str(day))
    except ValueError:
        yield _wrong(f"`{day}` is not a day YYYY-MM-DD")
    editions = {cell["rules_version"] for cell in file.cells if "rules_version" in cell}
    if editions - {str(edition)}:
        others = ", ".join(sorted(editions - {str(edition)}))
        yield _wrong(f"edition `{edition}`, but its cells are of `{others}`")


def readable(file: MatrixFile) -> Matrix | None:
    """Return the matrix, or None when the server would not start with it."""
    try:
        return read_matrix(file.lines, file.about)
    except MatrixError:
        return None


# rule sets ---------------------------------------------------------------------------------------


def lint_rule_sets(
    entries: Iterable[Mapping[str, Any]], matrices: Mapping[str, Matrix | None], today: str
) -> Iterator[Finding]:
    """Yield what is wrong with the entries of `rulesets.json`.

    `matrices` are those of the files that there are, None for one that can't be read; `today` is
    YYYY-MM-DD.
    """
    found: list[RuleSet] = []
    for entry in entries:
        try:
            found += read_rule_sets([entry])
        except RuleSetError as error:
            yield Finding(True, "rulesets.json", str(error))
    ids = Counter(one.id for one in found)
    for id_ in sorted(id_ for id_, count in ids.items() if count > 1):
        yield Finding(True, "rulesets.json", f"rule set `{id_}` is there {ids[id_]} times")
    if ORIGINAL.id not in ids:
        yield Finding(True, "rulesets.json", f"no rule set `{ORIGINAL.id}`: it is the default")
    for one in found:
        where = f"rulesets.json, `{one.id}`"
        yield from (replace(f, where=where) for f in _rule_set(one, matrices, today))
    yield from _alike(found)


def _rule_set(one: RuleSet, matrices: Mapping[str, Matrix | None], today: str) -> Iterator[Finding]:
    if one.matrix not in matrices:
        yield _wrong(f"there is no matrix `{one.matrix}` in mappings/")
    if one.notice_days >= one.announcement_days:
        yield _wrong("`notice_days` is not before `announcement_days`: nobody would be told (R50)")
    if one.valid_from > today:
        yield _odd(f"valid from {one.valid_from} only")
    matrix = matrices.get(one.matrix)
    if matrix is None:
        return
    roles = sorted(matrix.role_columns)
    if one.role_professions and not roles:
        yield _odd("`role_professions` has no effect: the matrix has no column of them (R27)")
    if roles and not one.role_professions:
        yield _odd(f"columns {', '.join(roles)} of its matrix have no effect (R27)")


def _alike(found: list[RuleSet]) -> Iterator[Finding]:
    kept: dict[RuleSet, str] = {}
    for one in found:
        bare = replace(one, id="", valid_from="", fr="", en="")
        if (twin := kept.setdefault(bare, one.id)) != one.id:
            yield Finding(False, f"rulesets.json, `{one.id}`", f"decides as `{twin}` does")


def _wrong(words: str) -> Finding:
    return Finding(True, "", words)


def _odd(words: str) -> Finding:
    return Finding(False, "", words)
