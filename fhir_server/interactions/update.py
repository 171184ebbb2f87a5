"""update, also conditional: https://hl7.org/fhir/R4/http.html#update."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import Document
from fhir_server.interactions.answers import written
from fhir_server.interactions.bodies import read_resource
from fhir_server.interactions.conditions import chosen_id, condition
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.links import settle
from fhir_server.interactions.refusals import traced
from fhir_server.records.ids import new_id
from fhir_server.records.writing import Change, Written, write


def update(x: Exchange, type_: str, id_: str, body: bytes) -> Answer:
    """Replace a resource; who may choose the id creates it if it is not there."""
    with traced(x, "update", f"{type_}/{id_}"):
        document = read_resource(body, type_)
        check_id(document, type_, id_)
        document = settle(x, document)
        expected = x.headers.get("if-match", "")
        done = write(
            x.view, {type_}, lambda change: change.put(type_, id_, document, if_match=expected)
        )
        return written(x, done)


def update_conditional(
    x: Exchange, type_: str, pairs: Sequence[tuple[str, str]], body: bytes
) -> Answer:
    """Replace the one resource that `pairs` find, or create when they find none."""
    with traced(x, "update", type_):
        document = settle(x, read_resource(body, type_))
        asked = condition(x, type_, pairs)
        new, expected = new_id(), x.headers.get("if-match", "")

        def work(change: Change) -> Written:
            found = asked.sole(change)
            if found is None:
                return create_or_put(x, change, type_, document, new)
            if document.resource.get("id", found.id) != found.id:
                check_id(document, type_, found.id)
            return change.update(type_, found.id, lambda _: document, if_match=expected)

        return written(x, write(x.view, {type_}, work, locks=[asked.lock]))


def create_or_put(x: Exchange, change: Change, type_: str, document: Document, new: str) -> Written:
    """Create what a conditional update did not find: under its own id only if it may choose one."""
    own = chosen_id(x, document.resource)
    if own:
        return change.put(type_, own, document)
    return change.create(type_, document, new)


def check_id(document: Document, type_: str, id_: str) -> None:
    """Raise `BadRequest` unless the resource bears the id of its address."""
    found = document.resource.get("id")
    if found != id_:
        said = f"is `{str(found)[:64]}`" if found is not None else "is missing"
        raise BadRequest(
            f"`id` {said}, but the address says `{id_}`", code="invalid", expression=f"{type_}.id"
        )
