"""Pages of what operations find: the link to the next one, and the way back from it (L07)."""

from __future__ import annotations

from dataclasses import replace

from fhir_server.fhir.errors import BadRequest
from fhir_server.interactions.exchange import Exchange, caller
from fhir_server.operations.given import Given
from fhir_server.predicate import Scalar
from fhir_server.search.page import Position, seal, unseal


def resumed(x: Exchange, own: str, given: Given) -> tuple[Given, Position | None]:
    """Return the parameters that a page link stands for, and where its page begins.

    `own` is the address of the operation: a link is of no use at another. Raises `BadRequest`.
    """
    if not given.cursor:
        return given, None
    position = unseal(given.cursor, x.view.context.cursor_key, caller(x))
    if position.type != own:
        raise BadRequest("this page link is not valid; run the operation again", code="invalid")
    return replace(given, pairs=position.pairs, cursor=""), position


def following(
    x: Exchange, own: str, given: Given, values: tuple[Scalar | None, ...], id_: str
) -> list[tuple[str, str]]:
    """Return the link to the page after the row with these sort `values` and `id_`."""
    cursor = seal(Position(own, given.pairs, values, id_), x.view.context.cursor_key, caller(x))
    return [("next", f"{x.base}/{own}?_cursor={cursor}")]


def count(x: Exchange, given: Given) -> int:
    """Return how many matches a page has."""
    counts = x.view.context.counts
    return max(1, min(int(given.text("_count", str(counts.usual))), counts.most))
