"""What rows with files weigh in a Bundle, which is put together in memory (ADR 0015)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.subset import partial
from fhir_server.store.rows import Row

HEAVIEST: Final = 32 * 1024 * 1024
"""Bytes of files that one page brings; a page with more of them ends early."""


def fitting(rows: Sequence[Row], most: int) -> int:
    """Return how many of `rows`, `most` at the most, go on one page: one at least, if there is one."""
    weight = 0
    for place, row in enumerate(rows[:most]):
        if row.file is not None:
            weight += _weight(row)
            if weight > HEAVIEST and place:
                return place
    return min(most, len(rows))


def check_included(rows: Iterable[Row]) -> None:
    """Raise `BadRequest` when what goes on a page besides its matches is too heavy for it."""
    if sum(_weight(row) for row in rows if row.file is not None) > HEAVIEST:
        raise BadRequest(
            "what is included is too large for one page; ask for fewer with `_count`",
            code="too-costly",
        )


def without_content(row: Row) -> Row:
    """Return a row without what it holds outside, marked as a part; others as they are.

    Who wants the content of a large Binary reads it alone.
    """
    return replace(row, raw=partial(row.raw)) if row.content else row


def _weight(row: Row) -> int:
    return 0 if row.file is None or row.content else row.file.length
