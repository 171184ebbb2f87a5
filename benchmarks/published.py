"""Compare with what open servers reached on a machine of this kind: `published.csv`.

Requests a second on two cores that server, database and generator share, 1,000 patients of 20
documents, 8 connections, a bearer token checked but neither rights on single resources nor an access
log. `best` is the best of them, `best_low` its worst run where several were published, and
`node_mongodb` one server on Node and MongoDB.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PUBLISHED: Final = Path(__file__).with_name("published.csv")


@dataclass(frozen=True, slots=True)
class Published:
    """One line of the table; `peer` is a rate, or says why there is none."""

    op: str
    operation: str
    best: float
    peer: float | str


def published(path: Path = PUBLISHED) -> list[Published]:
    """Read the table."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Published(row["op"], row["operation"], float(row["best"]), _peer(row["node_mongodb"]))
            for row in csv.DictReader(lines)
        ]


def _peer(text: str) -> float | str:
    return float(text) if text.isdigit() else text


def compared(rows: Sequence[Mapping[str, Any]], others: Sequence[Published]) -> str:
    """Return our rates beside the published ones; `rows` are those of the yardstick's JSON.

    Other operations are left out, and so are those that were not run. A rate with a wrong answer
    in it is no rate.
    """
    found = {row["op"]: row for row in rows if row["factor"] == 1}
    head = f"{'operation':<64}{'ours':>8}{'best':>8}{'ours/best':>11}{'Node+MongoDB':>15}{'ours/it':>9}"
    lines = [head, "-" * len(head)]
    lines += [_line(found[other.op], other) for other in others if other.op in found]
    return "\n".join(lines)


def _line(row: Mapping[str, Any], other: Published) -> str:
    if row["errors"]:
        ours = f"{'wrong':>8}{other.best:>8,.0f}{'-':>11}"
        return f"{other.operation:<64}{ours}{_shown(other.peer):>15}{'-':>9}"
    rate = float(row["rate"])
    ratio = f"{rate / other.peer:.2f}" if isinstance(other.peer, float) else "-"
    ours = f"{rate:>8,.0f}{other.best:>8,.0f}{rate / other.best:>11.2f}"
    return f"{other.operation:<64}{ours}{_shown(other.peer):>15}{ratio:>9}"


def _shown(peer: float | str) -> str:
    return f"{peer:,.0f}" if isinstance(peer, float) else peer
