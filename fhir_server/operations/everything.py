"""`Patient/[id]/$everything`: https://hl7.org/fhir/R4/patient-operation-everything.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.bundle import Entry, searchset
from fhir_server.fhir.dates import interval
from fhir_server.fhir.errors import BadRequest
from fhir_server.interactions.exchange import Answer, Exchange, caller
from fhir_server.records.everything import Gathered, Wanted, everything
from fhir_server.search.page import Position, seal, unseal

Pairs = Sequence[tuple[str, str]]


def patient_everything(x: Exchange, id_: str, pairs: Pairs) -> Answer:
    """Return the record of a patient, as the caller may see it, page by page."""
    after = None
    own = "Patient/" + id_ + "/$everything"
    asked = pairs
    if any(name == "_cursor" for name, _ in pairs):
        position = unseal(pairs[0][1], x.view.context.cursor_key, caller(x))
        if position.type != own or len(pairs) > 1:
            raise BadRequest("this page link is not valid; run the operation again", code="invalid")
        asked = position.pairs
        after = (str(position.values[0]), position.id)
    wanted, count = _read(x, asked)
    page = everything(x.view, id_, wanted, count=count, after=after)
    address = f"{x.base}/{own}"
    links = []
    if page.last is not None:
        next_ = Position(own, tuple(asked), (page.last[0],), page.last[1])
        cursor = seal(next_, x.view.context.cursor_key, caller(x))
        links.append(("next", f"{address}?_cursor={cursor}"))
    here = f"{address}?{urlencode(list(pairs))}" if pairs else address
    return Answer(200, searchset(x.base, here, links, page.total, _entries(page)))


def _entries(page: Gathered) -> Iterator[Entry]:
    for row in page.rows:
        yield Entry(row.ref, row.raw, search_mode="match")
    for row in page.referenced:
        yield Entry(row.ref, row.raw, search_mode="include")


def _read(x: Exchange, pairs: Pairs) -> tuple[Wanted, int]:
    types: tuple[str, ...] = ()
    instants: dict[str, int] = {}
    counts = x.view.context.counts
    count = counts.usual
    for name, value in pairs:
        match name:
            case "_type":
                types = tuple(part.strip() for part in value.split(","))
            case "_since" | "start" | "end":
                instants[name] = _instant(x, name, value)
            case "_count" if value.isascii() and value.isdigit() and 0 < len(value) < 9:
                count = max(1, min(int(value), counts.most))
            case _:
                raise BadRequest(f"$everything does not take `{name[:64]}`", code="not-supported")
    for type_ in types:
        if type_ not in RESOURCE_TYPES:
            raise BadRequest(f"`{type_[:64]}` is no resource type", code="value")
    wanted = Wanted(types, instants.get("_since"), instants.get("start"), instants.get("end"))
    return wanted, count


def _instant(x: Exchange, name: str, value: str) -> int:
    """Return the first instant of a date, or the first after it for `end`."""
    try:
        low, high = interval(value, x.view.context.locale.zone)
    except ValueError:
        raise BadRequest(f"`{name}` takes a date or an instant", code="value") from None
    return high if name == "end" else low
