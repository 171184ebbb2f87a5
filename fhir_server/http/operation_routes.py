"""The addresses of the operations, made of their table: https://hl7.org/fhir/R4/operations.html."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from fhir_server.http.call import Call
from fhir_server.http.endpoint import Route
from fhir_server.interactions.exchange import Answer, Invocation
from fhir_server.operations.given import read
from fhir_server.operations.table import OPERATIONS, Operation

_PLACES: Final = {
    "system": "",
    "type": "/<type>",
    "instance": "/<type>/<id>",
    "version": "/<type>/<id>/_history/<vid>",
}


def operation_routes() -> Iterator[Route]:
    """Yield a route for each place, type and verb that an operation has."""
    for operation in OPERATIONS:
        for level in operation.levels:
            for type_ in operation.definition.types or ("",):
                for method in operation.methods:
                    yield _route(operation, level, type_, method)


def _route(operation: Operation, level: str, type_: str, method: str) -> Route:
    definition = operation.definition
    place = _PLACES[level].replace("<type>", type_) if type_ else _PLACES[level]
    sent = "Resource" if "resource" in definition.takes else "Parameters"
    return Route(
        method,
        f"{place}/${definition.code}",
        _view(operation, level, type_, method),
        definition.title,
        body=sent if method == "POST" else "",
        answer=definition.returns,
    )


def _view(operation: Operation, level: str, owner: str, method: str) -> Callable[..., Answer]:
    code = operation.definition.code

    def view(call: Call, type: str = owner, id: str = "", vid: str = "") -> Answer:
        body = call.resource() if method == "POST" and _has_body(call) else b""
        asked = Invocation(code, method, type, id, vid, tuple(call.pairs), body)
        return operation.run(call.exchange, asked, read(operation.definition, asked))

    view.__name__ = f"{method.lower()}_{operation.definition.id}_of_{level}".replace("-", "_")
    view.__doc__ = f"Answer `${code}`: {operation.definition.url}."
    return view


def _has_body(call: Call) -> bool:
    """Tell whether a body was sent; an operation without parameters needs none."""
    chunked = "HTTP_TRANSFER_ENCODING" in call.environ
    return chunked or call.environ.get("CONTENT_LENGTH", "") not in ("", "0", 0)
