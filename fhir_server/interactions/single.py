"""One entry of a batch as a request of its own (L29), and the reads of a transaction."""

from __future__ import annotations

from dataclasses import replace

from fhir_server.definitions import COMPARTMENTS, RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps
from fhir_server.interactions import create, delete, patch, read, search, update, vread
from fhir_server.interactions.entries import Item
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.interactions.history import history_instance, history_type
from fhir_server.interactions.search_types import ALL, search_compartment


def run(x: Exchange, item: Item) -> Answer:
    """Carry out one entry under the same rules as the request it stands for."""
    headers = {name: value for name, value in x.headers.items() if name in ("prefer", "accept")}
    headers |= {"if-match": item.if_match, "if-none-exist": item.if_none_exist}
    headers |= {"content-type": item.patch_type}
    alone = replace(x, headers=headers)
    match item.method:
        case "GET" | "POST" if item.operation:
            answer = _operate(alone, item)
            return replace(answer, body=b"") if item.bodiless else answer
        case "POST":
            return create.create(alone, item.type, dumps(item.resource))
        case "PUT" if item.id:
            return update.update(alone, item.type, item.id, dumps(item.resource))
        case "PUT":
            return update.update_conditional(alone, item.type, item.pairs, dumps(item.resource))
        case "PATCH" if item.id:
            return patch.patch(alone, item.type, item.id, item.patch)
        case "PATCH":
            return patch.patch_conditional(alone, item.type, item.pairs, item.patch)
        case "DELETE" if not item.id:
            return delete.delete_conditional(alone, item.type, item.pairs)
        case "DELETE":
            return delete.delete(alone, item.type, item.id)
        case _:
            answer = _get(alone, item)
            return replace(answer, body=b"") if item.bodiless else answer


def _operate(x: Exchange, item: Item) -> Answer:
    if x.operate is None:
        raise BadRequest("operations are not carried out here", code="not-supported")
    body = dumps(item.resource) if item.resource else b""
    call = Invocation(item.operation, item.method, item.type, item.id, item.tail, item.pairs, body)
    return x.operate(x, call)


def _get(x: Exchange, item: Item) -> Answer:
    tail = item.tail.split("/") if item.tail else []
    match item.id, tail:
        case "_history", []:
            return history_type(x, item.type, item.pairs)
        case "", []:
            return search.search(x, item.type, item.pairs)
        case _, []:
            return read.read(x, item.type, item.id, item.pairs)
        case _, ["_history"]:
            return history_instance(x, item.type, item.id, item.pairs)
        case _, ["_history", version]:
            return vread.vread(x, item.type, item.id, version, item.pairs)
        case _, [member] if item.type in COMPARTMENTS and member in (ALL, *RESOURCE_TYPES):
            return search_compartment(x, item.type, item.id, member, item.pairs)
        case _:
            raise BadRequest("the url is not one that can be read here", code="not-supported")
