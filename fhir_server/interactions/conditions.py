"""Conditional writes: the one resource that a search finds among those the caller may meet.

What the caller may not know does not match (L24, L25, L30); what they authored does, even where
they may not read it (R22).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from fhir_server.fhir.errors import BadRequest, PreconditionFailed
from fhir_server.interactions.exchange import Exchange
from fhir_server.interactions.search import read
from fhir_server.records.writing import authored
from fhir_server.store.rows import Row

Pairs = Sequence[tuple[str, str]]


def the_match(x: Exchange, type_: str, pairs: Pairs) -> Row | None:
    """Return what matches, or None. Raises `PreconditionFailed` when several do."""
    query = read(x, type_, pairs)
    if not query.clauses:
        raise BadRequest("a condition needs at least one search parameter", code="invalid")
    found = x.view.matches(query, also=authored(x.view))
    if len(found) > 1:
        raise PreconditionFailed(
            f"several {type_} resources match the condition", code="multiple-matches"
        )
    return found[0] if found else None


def pairs_of(text: str) -> Pairs:
    """Read the query of `If-None-Exist` or of a conditional reference."""
    return parse_qsl(text.removeprefix("?"), keep_blank_values=True)
