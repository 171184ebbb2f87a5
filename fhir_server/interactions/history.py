"""history, at its three levels: https://hl7.org/fhir/R4/http.html#history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from urllib.parse import urlencode

from fhir_server.fhir.bundle import Entry, Request, Response, history
from fhir_server.fhir.dates import instant_text, interval
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.subset import WHOLE, Subset
from fhir_server.interactions.exchange import Answer, Exchange, caller
from fhir_server.records.chronicle import chronicle
from fhir_server.records.weight import fitting
from fhir_server.search.page import Position, seal, unseal
from fhir_server.search.result import read_subset
from fhir_server.store.mongo.past import Place, Window
from fhir_server.store.rows import Row

Pairs = Sequence[tuple[str, str]]
FOREVER = 2**62
"""When the current version ends, in microseconds."""
_STATUS = {"POST": "201", "DELETE": "204"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a history."""

    window: Window
    count: int
    after: Place | None
    pairs: Pairs
    subset: Subset


def history_instance(x: Exchange, type_: str, id_: str, pairs: Pairs) -> Answer:
    """Return the versions of one resource that the caller may know, newest first."""
    asked = _read(x, f"{type_}/{id_}", pairs)
    rows = list(_inside(x.view.versions(type_, id_), asked.window))
    beyond = [r for r in rows if asked.after is None or r.version < asked.after.version]
    page = beyond[: fitting(beyond, asked.count)]
    last = None
    if page and len(beyond) > len(page):
        last = Place(page[-1].updated, type_, id_, page[-1].version)
    return _answer(x, f"{type_}/{id_}", asked, page, len(rows), last)


def history_type(x: Exchange, type_: str, pairs: Pairs) -> Answer:
    """Return the versions of all resources of a type; of every type when `type_` is empty."""
    asked = _read(x, type_, pairs)
    address = f"{type_}/_history?{urlencode(list(pairs))}"
    chapter = chronicle(
        x.view, type_, asked.window, count=asked.count, after=asked.after, asked=address
    )
    return _answer(x, type_, asked, chapter.rows, chapter.total, chapter.last)


def _read(x: Exchange, path: str, pairs: Pairs) -> Asked:
    """Read `_since`, `_at`, `_count`, `_sort` and what part is asked for; a page link stands alone."""
    after = None
    if any(name == "_cursor" for name, _ in pairs):
        if len(pairs) > 1:
            raise BadRequest("a page link takes no other parameter", code="invalid")
        position = unseal(pairs[0][1], x.view.context.cursor_key, caller(x))
        if position.type != f"{path}/_history":
            raise BadRequest("this page link is not valid; run the request again", code="invalid")
        pairs = position.pairs
        after = Place(*json.loads(position.id))
    window, count, subset = Window(), x.view.context.counts.usual, WHOLE
    _check_once(pairs)
    for name, value in pairs:
        match name:
            case "_since":
                window = Window(_date(x, name, value)[0], window.low, window.high)
            case "_at":
                low, high = _date(x, name, value)
                window = Window(window.since, low, high)
            case "_count" if value.isascii() and value.isdigit() and len(value) < 9:
                count = min(int(value), x.view.context.counts.most)
            case "_sort" if value == "-_lastUpdated":
                continue
            case "_summary" | "_elements":
                subset = read_subset([(name, value)], subset)
            case _:
                raise BadRequest(
                    f"history does not take `{name[:64]}={value[:64]}`", code="not-supported"
                )
    return Asked(window, count, after, pairs, subset)


def _check_once(pairs: Pairs) -> None:
    names = [name for name, _ in pairs if name != "_elements"]
    if len(set(names)) < len(names):
        raise BadRequest("history takes each parameter once", code="invalid")


def _date(x: Exchange, name: str, value: str) -> tuple[int, int]:
    try:
        return interval(value, x.view.context.locale.zone)
    except ValueError:
        raise BadRequest(f"`{name}` takes a date or an instant", code="value") from None


def _inside(rows: Sequence[Row], window: Window) -> Iterator[Row]:
    """Yield the versions, newest first, written since `since` or current inside `_at`.

    A version is current until the next one that the caller may know; the last one still is.
    """
    ends = [FOREVER, *(row.updated for row in rows)]
    for row, until in zip(rows, ends, strict=False):
        if window.since is not None and row.updated < window.since:
            continue
        if window.high is not None and row.updated >= window.high:
            continue
        if window.low is None or until > window.low:
            yield row


def _answer(
    x: Exchange, path: str, asked: Asked, rows: Sequence[Row], total: int, last: Place | None
) -> Answer:
    address = "/".join(part for part in (x.base, path, "_history") if part)
    links = []
    if last is not None:
        position = Position(f"{path}/_history", tuple(asked.pairs), (), json.dumps(astuple(last)))
        cursor = seal(position, x.view.context.cursor_key, caller(x))
        links.append(("next", f"{address}?_cursor={cursor}"))
    own = f"{address}?{urlencode(list(asked.pairs))}" if asked.pairs else address
    entries = [_entry(x.base, row, asked.subset) for row in rows]
    return Answer(200, history(x.base, own, links, total, entries))


def _entry(base: str, row: Row, subset: Subset) -> Entry:
    created = row.method == "POST" or (row.method == "PUT" and row.version == 1)
    request = Request(row.method, row.type if row.method == "POST" else row.ref)
    status = "201" if created else _STATUS.get(row.method, "200")
    response = Response(status, etag=f'W/"{row.version}"', last_modified=instant_text(row.updated))
    raw = subset.of(row.raw) if subset and not row.gone else row.raw
    return Entry(f"{base}/{row.ref}", raw, request=request, response=response)
