"""history of an instance: https://hl7.org/fhir/R4/http.html#history."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhir.bundle import Entry, Request, Response, history
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.store.rows import Row

_STATUS = {"POST": "201", "DELETE": "204"}


def history_instance(x: Exchange, type_: str, id_: str, pairs: Sequence[tuple[str, str]]) -> Answer:
    """Return the versions that the caller may know, newest first."""
    for name, _ in pairs:
        raise BadRequest(f"history does not take `{name[:64]}` yet", code="not-supported")
    rows = x.view.versions(type_, id_)
    address = f"{x.base}/{type_}/{id_}/_history"
    entries = [_entry(x.base, row) for row in rows]
    return Answer(200, history(x.base, address, [], len(rows), entries))


def _entry(base: str, row: Row) -> Entry:
    created = row.method == "POST" or (row.method == "PUT" and row.version == 1)
    request = Request(row.method, row.type if row.method == "POST" else row.ref)
    status = "201" if created else _STATUS.get(row.method, "200")
    response = Response(status, etag=f'W/"{row.version}"', last_modified=instant_text(row.updated))
    return Entry(f"{base}/{row.ref}", row.raw, request=request, response=response)
