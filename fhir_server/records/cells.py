"""Where each cell of the habilitation matrix comes from: `mappings/habilitation_sources.csv` (R42)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from fhir_server.consent.explaining import Cell
from fhir_server.data import mappings_dir


@dataclass(frozen=True, slots=True)
class Origin:
    """What a cell rests on, and the edition of the table that says so (empty when none does).

    `status` is `fact` (a published rule), `default` (chosen by this project), `site` (the matrix in
    use says otherwise than the table of sources) or `absent` (no cell: nothing is read).
    """

    status: str
    source: str = ""
    edition: str = ""


@cache
def _origins() -> dict[tuple[str, str], tuple[str, Origin]]:
    text = mappings_dir().joinpath("habilitation_sources.csv").read_text(encoding="utf-8")
    return {
        (row["type"], row["profession"]): (
            row["right"],
            Origin(row["status"], row["source"], row["rules_version"]),
        )
        for row in csv.DictReader(text.splitlines())
    }


def origin(cell: Cell) -> Origin:
    """Return what `cell` rests on."""
    found = _origins().get((cell.type, cell.profession))
    if found is None:
        return Origin("absent" if cell.right == "none" else "site")
    right, known = found
    return known if right == cell.right else Origin("site")
