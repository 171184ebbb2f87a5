"""`Patient/[id]/$everything`: https://hl7.org/fhir/R4/patient-operation-everything.html.

Without an id it is the record that the caller's token is about. R4 lets a server refuse the
records of everybody, and one request for all of them would be an export.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.bundle import Entry, searchset
from fhir_server.fhir.dates import interval
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.subset import Subset
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.operations.paging import count, following, resumed
from fhir_server.records.everything import Gathered, Wanted, everything
from fhir_server.search.result import read_subset

_PARTS = ("_summary", "_elements")


def patient_everything(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Return the record of a patient, as the caller may see it, page by page."""
    id_ = call.id or x.view.requester.patient
    if not id_:
        raise BadRequest(
            "this token is about no one record: name it, `Patient/[id]/$everything`",
            code="too-costly",
        )
    own = f"Patient/{id_}/$everything"
    asked, position = resumed(x, own, given)
    after = (str(position.values[0]), position.id) if position else None
    subset = read_subset([pair for pair in asked.pairs if pair[0] in _PARTS])
    page = everything(x.view, id_, _wanted(x, asked), count=count(x, asked), after=after)
    links = following(x, own, asked, (page.last[0],), page.last[1]) if page.last else []
    here = f"{x.base}/{own}"
    if call.pairs:
        here += f"?{urlencode(list(call.pairs))}"
    return Answer(200, searchset(x.base, here, links, page.total, _entries(page, subset)))


def _entries(page: Gathered, subset: Subset) -> Iterator[Entry]:
    for rows, mode in ((page.rows, "match"), (page.referenced, "include")):
        for row in rows:
            raw = subset.of(row.raw) if subset else row.raw
            yield Entry(row.ref, raw, search_mode="match" if mode == "match" else "include")


def _wanted(x: Exchange, given: Given) -> Wanted:
    types = tuple(part.strip() for text in given.texts("_type") for part in text.split(","))
    for type_ in types:
        if type_ not in RESOURCE_TYPES:
            raise BadRequest(f"`{type_[:64]}` is no resource type", code="value")
    since, start = (_instants(x, given, name)[0] for name in ("_since", "start"))
    return Wanted(types, since, start, _instants(x, given, "end")[1])


def _instants(x: Exchange, given: Given, name: str) -> tuple[int | None, int | None]:
    """Return the first instant of a date and the first after it, in microseconds."""
    text = given.text(name)
    return interval(text, x.view.context.locale.zone) if text else (None, None)
