"""create, also conditional: https://hl7.org/fhir/R4/http.html#create."""

from __future__ import annotations

from dataclasses import replace

from fhir_server.interactions.answers import location, version_headers, written
from fhir_server.interactions.bodies import read_resource
from fhir_server.interactions.conditions import pairs_of, the_match
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.links import settle
from fhir_server.interactions.refusals import traced
from fhir_server.records.ids import new_id
from fhir_server.records.writing import write


def create(x: Exchange, type_: str, body: bytes) -> Answer:
    """Store a resource under a new id; with `If-None-Exist`, only when nothing matches it."""
    with traced(x, "create", type_):
        document = read_resource(body, type_)
        condition = x.headers.get("if-none-exist", "")
        if condition:
            found = the_match(x, type_, pairs_of(condition.partition("?")[2] or condition))
            if found is not None:
                headers = version_headers(found) | {"Location": location(x.base, found)}
                return Answer(200, b"", headers)
        settled = settle(x, document)
        id_ = new_id()
        done = write(x.view, {type_}, lambda change: change.create(type_, settled, id_))
        if settled is not document:
            # The id behind an INS is told only to who may read the record (TD0.2).
            done = replace(done, readable=x.view.seeing.knows(done.row))
        return written(x, done)
