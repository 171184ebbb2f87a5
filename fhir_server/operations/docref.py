"""`DocumentReference/$docref`: the documents of a patient, by dates of care and type.

http://hl7.org/fhir/us/core/OperationDefinition/docref. It is a search with other names, and is
carried out as one, with the same rights and the same trace.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from fhir_server.fhir.bundle import Entry, searchset
from fhir_server.fhir.dates import interval
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.interactions.search import read
from fhir_server.operations.given import Given
from fhir_server.operations.paging import count, following, resumed
from fhir_server.predicate import NEVER
from fhir_server.records.care import care_within
from fhir_server.search.query import Leaf, Query

OWN = "DocumentReference/$docref"


def docref(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Return the current documents of a patient, newest first, page by page."""
    asked, position = resumed(x, OWN, given)
    address = f"{OWN}?{urlencode(list(asked.pairs))}"
    page = x.view.search(_query(x, asked), position, asked=address)
    links = following(x, OWN, asked, page.last.values, page.last.id) if page.last else []
    here = f"{x.base}/{OWN}" + (f"?{urlencode(list(call.pairs))}" if call.pairs else "")
    entries = (Entry(row.ref, row.raw, search_mode="match") for row in page.rows)
    return Answer(200, searchset(x.base, here, links, page.total, entries))


def _query(x: Exchange, given: Given) -> Query:
    pairs = [
        ("patient", given.text("patient")),
        ("status", "current"),
        ("_sort", "-date"),
        ("_count", str(count(x, given))),
    ]
    if types := given.texts("type"):
        pairs.append(("type", ",".join(types)))
    query = read(x, "DocumentReference", pairs)
    zone = x.view.context.locale.zone
    start, end = given.text("start"), given.text("end")
    within = care_within(
        "DocumentReference",
        interval(start, zone)[0] if start else None,
        interval(end, zone)[1] if end else None,
    )
    more = [Leaf("period", within)]
    if given.text("on-demand") == "true":
        # Documents made on demand alone are asked for, and there are none.
        more.append(Leaf("status", NEVER))
    return replace(query, clauses=(*query.clauses, *more))
