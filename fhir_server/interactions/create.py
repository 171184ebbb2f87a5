"""create, also conditional: https://hl7.org/fhir/R4/http.html#create."""

from __future__ import annotations

from fhir_server.fhir.json import Document
from fhir_server.interactions.answers import met, readable_after, written
from fhir_server.interactions.bodies import read_resource
from fhir_server.interactions.conditions import condition, pairs_of
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.links import settle
from fhir_server.interactions.refusals import traced
from fhir_server.records.ids import new_id
from fhir_server.records.writing import Change, Written, write
from fhir_server.store.rows import Row


def create(x: Exchange, type_: str, body: bytes) -> Answer:
    """Store a resource under a new id; with `If-None-Exist`, only when nothing matches it."""
    with traced(x, "create", type_):
        document = read_resource(body, type_)
        settled = settle(x, document)
        done = _unless(x, type_, settled, x.headers.get("if-none-exist", ""))
        if isinstance(done, Row):
            return met(x, done)
        return written(x, readable_after(x, done, resolved=settled is not document))


def _unless(x: Exchange, type_: str, document: Document, text: str) -> Written | Row:
    """Create, unless something matches the condition `text`: then return that."""
    id_ = new_id()
    if not text:
        return write(x.view, {type_}, lambda change: change.create(type_, document, id_))
    asked = condition(x, type_, pairs_of(text))

    def work(change: Change) -> Written | Row:
        return asked.sole(change) or change.create(type_, document, id_)

    return write(x.view, {type_}, work, locks=[asked.lock])
