"""Find the matrices, rule sets and nomenclatures that the `policy` commands speak of."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from typing import Any

from fhir_server.consent.linting import Codes, MatrixFile, readable
from fhir_server.consent.matrix import Matrix, MatrixError, read_matrix
from fhir_server.consent.ruleset import RuleSet
from fhir_server.data import mappings_dir
from fhir_server.records.rulesets import rule_sets, shipped_matrix


@dataclass(frozen=True, slots=True)
class Subject:
    """What `policy diff` compares: a matrix alone, or a rule set with its own."""

    name: str
    matrix: Matrix
    rule_set: RuleSet | None = None


def subject(name: str) -> Subject:
    """Return the rule set of that id, or the matrix of that path or name in `mappings/`.

    Raises ValueError with the line to show.
    """
    for one in rule_sets():
        if one.id == name:
            return Subject(name, shipped_matrix(one.matrix), one)
    file = matrix_file(name)
    return Subject(name, read_matrix(file.lines, file.about))


def matrix_file(name: str) -> MatrixFile:
    """Return the files of the matrix at a path, or of that name in `mappings/`.

    Raises MatrixError when there is none.
    """
    place: Traversable = Path(name)
    shipped = mappings_dir().joinpath(PurePath(name).name)
    if not place.is_file() and PurePath(name).name == name and shipped.is_file():
        place = shipped
    if not place.is_file():
        known = ", ".join(one.id for one in rule_sets())
        raise MatrixError(f"`{name}` is no matrix file, and no rule set: {known}")
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
        stem = PurePath(place.name).stem
        told = _beside(place, f"{stem}.json")
        about = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
        if not isinstance(about, Mapping):
            raise MatrixError(f"`{told.name}` is not a JSON object")
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MatrixError(f"`{name}` can't be read: {error}") from None
    cells = _beside(place, str(about.get("cells", f"{stem}_sources.csv")))
    return MatrixFile(place.name, lines, about, rows(cells) if cells.is_file() else ())


def _beside(place: Traversable, name: str) -> Traversable:
    """Return what lies beside `place`; nothing outside its folder can be named."""
    folder = place.parent if isinstance(place, Path) else mappings_dir()
    return folder.joinpath(PurePath(name).name)


def matrices() -> Iterator[tuple[MatrixFile, Matrix | None]]:
    """Yield the matrices that rule sets name and that there are; None for one not readable."""
    for name in sorted({str(entry.get("matrix", "")) for entry in rule_set_entries()}):
        try:
            file = matrix_file(name)
        except MatrixError:
            continue
        yield file, readable(file)


def rule_set_entries() -> list[dict[str, Any]]:
    """Return the entries of `rulesets.json` as they are; raises ValueError when it is no JSON."""
    text = mappings_dir().joinpath("rulesets.json").read_text(encoding="utf-8")
    return [dict(entry) for entry in json.loads(text)]


def codes() -> Codes:
    """Return the document types and professions of `mappings/nos/`."""
    nos = mappings_dir().joinpath("nos")
    professions = {row["profession_code"] for row in rows(nos.joinpath("professions.csv"))}
    types = [row["code"] for row in rows(nos.joinpath("types.csv"))]
    return Codes(types, professions - {""})


def type_names() -> dict[str, str]:
    """Return the French name of each document type."""
    nos = mappings_dir().joinpath("nos", "types.csv")
    return {row["code"]: row["display_fr"] for row in rows(nos)}


def profession_names() -> dict[str, str]:
    """Return the French name of each profession, without specialties."""
    nos = mappings_dir().joinpath("nos", "professions.csv")
    return {row["code"]: row["display_fr"] for row in rows(nos) if row["code"].count("/") == 0}


def rows(place: Traversable) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(place.read_text(encoding="utf-8").splitlines()))
