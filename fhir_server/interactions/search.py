"""search: https://hl7.org/fhir/R4/http.html#search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from fhir_server.fhir.bundle import Entry, searchset
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.subset import Subset
from fhir_server.interactions.exchange import Answer, Exchange, caller
from fhir_server.records.view import Page
from fhir_server.search.page import Position, seal, unseal
from fhir_server.search.query import Query, read_query

Pairs = Sequence[tuple[str, str]]


def search(x: Exchange, type_: str, pairs: Pairs) -> Answer:
    """Return one page of what the caller may know, with the exact total."""
    if not type_:
        raise BadRequest("searching all types at once is not supported yet", code="not-supported")
    position = _position(x, type_, pairs)
    lenient = position.lenient if position else x.lenient
    query = read(x, type_, position.pairs if position else pairs, lenient=lenient)
    page = x.view.search(query, position, asked=_address(type_, query.used))
    own = f"{x.base}/{_address(type_, pairs if position else query.used)}"
    body = searchset(
        x.base,
        own,
        _links(x, query, page, lenient),
        page.total,
        _entries(page, query.result.subset),
    )
    return Answer(200, body)


def read(x: Exchange, type_: str, pairs: Pairs, *, lenient: bool = False) -> Query:
    """Read a query with the server's own limits."""
    context = x.view.context
    return read_query(type_, pairs, context.locale, lenient=lenient, counts=context.counts)


def _position(x: Exchange, type_: str, pairs: Pairs) -> Position | None:
    """Return where a page link points; such a link stands alone."""
    cursors = [value for name, value in pairs if name == "_cursor"]
    if not cursors:
        return None
    if len(pairs) > 1:
        raise BadRequest("a page link takes no other parameter", code="invalid")
    position = unseal(cursors[0], x.view.context.cursor_key, caller(x))
    if position.type != type_:
        raise BadRequest("this page link is not valid; run the search again", code="invalid")
    return position


def _links(x: Exchange, query: Query, page: Page, lenient: bool) -> list[tuple[str, str]]:
    if page.last is None:
        return []
    position = replace(page.last, lenient=lenient)
    cursor = seal(position, x.view.context.cursor_key, caller(x))
    return [("next", f"{x.base}/{query.type}?_cursor={cursor}")]


def _entries(page: Page, subset: Subset) -> Iterator[Entry]:
    """Yield matches, whole or the part asked for, then what is included."""
    for row in page.rows:
        yield Entry(row.ref, subset.of(row.raw) if subset else row.raw, search_mode="match")
    for row in page.included:
        raw = subset.of(row.raw) if subset.summary else row.raw
        yield Entry(row.ref, raw, search_mode="include")


def _address(type_: str, pairs: Pairs) -> str:
    return f"{type_}?{urlencode(list(pairs), quote_via=quote, safe='|,:/')}" if pairs else type_
