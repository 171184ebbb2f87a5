"""update: https://hl7.org/fhir/R4/http.html#update."""

from __future__ import annotations

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import Document
from fhir_server.interactions.answers import written
from fhir_server.interactions.bodies import read_resource
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.links import settle
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import write


def update(x: Exchange, type_: str, id_: str, body: bytes) -> Answer:
    """Replace a resource; only the trusted system may create one under an id of its own."""
    with traced(x, "update", f"{type_}/{id_}"):
        document = read_resource(body, type_)
        check_id(document, type_, id_)
        document = settle(x, document)
        condition = x.headers.get("if-match", "")
        done = write(
            x.view, {type_}, lambda change: change.put(type_, id_, document, if_match=condition)
        )
        return written(x, done)


def check_id(document: Document, type_: str, id_: str) -> None:
    """Raise `BadRequest` unless the resource bears the id of its address."""
    found = document.resource.get("id")
    if found != id_:
        said = f"is `{str(found)[:64]}`" if found is not None else "is missing"
        raise BadRequest(
            f"`id` {said}, but the address says `{id_}`", code="invalid", expression=f"{type_}.id"
        )
