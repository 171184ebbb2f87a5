"""The habilitation matrix (R37): which profession reads which type of document.

Data, not code: `mappings/habilitation.csv`, one row a document type, one column a profession and
two more for the callers that are not people. A cell is `read` or `none`; what is not in the
table is `none`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from fhir_server.consent.requester import Kind, Requester

ROLES = ("R94_", "R95_")
"""Professions that are none of health: TRE_R94 (social) and TRE_R95 (titles), R27."""
ESTABLISHMENT_SOFTWARE = "ESTABLISHMENT_SOFTWARE"
REFERENCED_SERVICE = "REFERENCED_SERVICE"
_COLUMN_OF_KIND = {
    Kind.ESTABLISHMENT_SOFTWARE: ESTABLISHMENT_SOFTWARE,
    Kind.REFERENCED_SERVICE: REFERENCED_SERVICE,
    Kind.SAMU_REGULATOR: "G15_10",
    Kind.OCCUPATIONAL_MEDICINE: "G15_10",
}
"""The column of callers whose kind says it, whatever profession a token claims for them.

The regulator of the centre 15 is a doctor (R64), and so is the occupational physician (R32).
"""


class MatrixError(ValueError):
    """The matrix can't be read exactly; the server must not start with it."""


@dataclass(frozen=True)
class Matrix:
    """For each column the document types that it reads; `rows` are all types that it speaks of.

    `edition` and `valid_from` (YYYY-MM-DD) say which matrix this is; empty when nothing says it.
    """

    readable: Mapping[str, frozenset[str]]
    rows: frozenset[str] = frozenset()
    edition: str = ""
    valid_from: str = ""

    @cached_property
    def version(self) -> str:
        """Return a short hash of the content, for receipts and the log."""
        text = repr(sorted((column, sorted(types)) for column, types in self.readable.items()))
        return sha256(text.encode()).hexdigest()[:16]

    @property
    def role_columns(self) -> frozenset[str]:
        """Return the columns of professions that are none of health (R27)."""
        return frozenset(name for name in self.readable if name.startswith(ROLES))

    @cached_property
    def of_health_professions(self) -> Matrix:
        """Return the matrix without its `role_columns`."""
        kept = {name: self.readable[name] for name in self.readable.keys() - self.role_columns}
        return replace(self, readable=kept)

    def types_for(self, requester: Requester) -> frozenset[str]:
        """Return the types that `requester` may read; none for a profession without a column."""
        return self.readable.get(self.column_of(requester), frozenset())

    def column_of(self, requester: Requester) -> str:
        """Return the column that `requester` is judged by; empty without a profession."""
        return _COLUMN_OF_KIND.get(requester.kind) or requester.profession

    def types_against(self, requester: Requester) -> frozenset[str]:
        """Return the types of the table that `requester` may not read.

        A document of several types is read when one is readable and none of these is among them;
        a code that the table does not know, a site's own, neither opens nor shuts.
        """
        return self.rows - self.types_for(requester)


def read_matrix(lines: Iterable[str], about: Mapping[str, Any] | None = None) -> Matrix:
    """Read the CSV; `about` is the JSON beside it, with `edition` and `valid_from`.

    Raises `MatrixError` on a cell that is neither `read` nor `none`, and on what is there twice.
    """
    rows = csv.DictReader(lines)
    columns = {name: name.split(" ")[0] for name in rows.fieldnames or () if _is_column(name)}
    if not columns:
        raise MatrixError("the habilitation matrix has no profession column")
    if "type" not in (rows.fieldnames or ()):
        raise MatrixError("the habilitation matrix has no column `type`")
    if len({*columns.values()}) < sum(map(_is_column, rows.fieldnames or ())):
        raise MatrixError("the habilitation matrix has two columns of one profession")
    readable: dict[str, set[str]] = {column: set() for column in columns.values()}
    types: set[str] = set()
    for row in rows:
        if row["type"] in types:
            raise MatrixError(f"habilitation matrix: type `{row['type']}` has two rows")
        types.add(row["type"])
        for name, column in columns.items():
            match row[name]:
                case "read":
                    readable[column].add(row["type"])
                case "none":
                    pass
                case other:
                    raise MatrixError(
                        f"habilitation matrix: type `{row['type']}`, profession `{column}`: "
                        f"`{other}` is neither `read` nor `none`"
                    )
    told = about or {}
    return Matrix(
        {name: frozenset(found) for name, found in readable.items()},
        frozenset(types),
        str(told.get("edition", "")),
        str(told.get("valid_from", "")),
    )


def _is_column(name: str) -> bool:
    structures = (ESTABLISHMENT_SOFTWARE, REFERENCED_SERVICE)
    return name.startswith(("G15_", "G16_", *ROLES)) or name in structures
