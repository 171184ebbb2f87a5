"""search: https://hl7.org/fhir/R4/http.html#search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode

from fhir_server.fhir.bundle import Entry, searchset
from fhir_server.fhir.errors import BadRequest, Issue
from fhir_server.fhir.outcome import outcome
from fhir_server.fhir.subset import Subset
from fhir_server.interactions.exchange import Answer, Exchange, caller
from fhir_server.interactions.explain import explained, is_asked
from fhir_server.records.view import Page
from fhir_server.search.page import Position, seal, unseal
from fhir_server.search.query import Query, read_query

Pairs = Sequence[tuple[str, str]]
Reader = Callable[[Pairs, bool], Query | Sequence[Query]]
"""What reads pairs, leniently or not: into a search of one type, or one of several together."""

_CUT: Final = outcome(
    [
        Issue(
            "too-costly",
            "not everything that was asked to be included is here: ask for fewer matches with "
            "`_count`, or include less",
            severity="warning",
        )
    ]
)


def search(x: Exchange, type_: str, pairs: Pairs) -> Answer:
    """Return one page of what the caller may know of `type_`, with the exact total."""
    return answer(x, type_, pairs, lambda given, lenient: read(x, type_, given, lenient=lenient))


def answer(x: Exchange, place: str, pairs: Pairs, reader: Reader, *, about: str = "") -> Answer:
    """Return one page of the search at `place`, an address below the base.

    `about` is the record that the address names, for the log.
    """
    if is_asked(pairs):
        return explained(x, pairs, lambda rest: answer(x, place, rest, reader, about=about))
    position = _position(x, place, pairs)
    lenient = position.lenient if position else x.lenient
    found = reader(position.pairs if position else pairs, lenient)
    if isinstance(found, Query):
        query, asked = found, _address(place, found.used)
        page = x.view.search(query, position, asked=asked, about=about)
    else:
        query, asked = found[0], _address(place, found[0].used)
        page = x.view.search_types(found, position, asked=asked, about=about)
    used = pairs if position else query.used
    own = _under(x.base, _address(place, [*used, *x.shown_as]))
    links = _links(x, place, page, lenient)
    return Answer(
        200, searchset(x.base, own, links, page.total, _entries(page, query.result.subset))
    )


def read(x: Exchange, type_: str, pairs: Pairs, *, lenient: bool = False) -> Query:
    """Read a query with the server's own limits."""
    context = x.view.context
    return read_query(type_, pairs, x.view.locale, lenient=lenient, counts=context.counts)


def _position(x: Exchange, place: str, pairs: Pairs) -> Position | None:
    """Return where a page link points; such a link stands alone but for how it is shown."""
    cursors = [value for name, value in pairs if name == "_cursor"]
    if not cursors:
        return None
    if len(pairs) > 1:
        raise BadRequest("a page link takes no other parameter", code="invalid")
    position = unseal(cursors[0], x.view.context.cursor_key, caller(x))
    if position.type != place:
        raise BadRequest("this page link is not valid; run the search again", code="invalid")
    return position


def _links(x: Exchange, place: str, page: Page, lenient: bool) -> list[tuple[str, str]]:
    """Return where else the result can be entered: https://hl7.org/fhir/R4/http.html#paging."""
    here = page.last or page.previous
    if here is None:
        return []
    first = replace(here, values=(), id="", edge=True, back=False)
    places = {
        "first": first,
        "previous": page.previous,
        "next": page.last,
        "last": replace(first, back=True),
    }
    links = []
    for relation, position in places.items():
        if position is not None:
            own = replace(position, type=place, lenient=lenient)
            cursor = seal(own, x.view.context.cursor_key, caller(x))
            address = _address(place, [("_cursor", cursor), *x.shown_as])
            links.append((relation, _under(x.base, address)))
    return links


def _entries(page: Page, subset: Subset) -> Iterator[Entry]:
    """Yield matches, whole or the part asked for, then what is included, then what is to be said."""
    for row in page.rows:
        yield Entry(row.ref, subset.of(row.raw) if subset else row.raw, search_mode="match")
    for row in page.included:
        raw = subset.of(row.raw) if subset.summary else row.raw
        yield Entry(row.ref, raw, search_mode="include")
    if page.cut:
        yield Entry("", _CUT, search_mode="outcome")


def _under(base: str, address: str) -> str:
    return base + address if address[:1] in ("", "?") else f"{base}/{address}"


def _address(place: str, pairs: Pairs) -> str:
    return f"{place}?{urlencode(list(pairs), quote_via=quote, safe='|,:/')}" if pairs else place
