"""Describe every answer once: the errors out of their tree, what is read or written by type."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import FhirError
from fhir_server.http.openapi.bodies import forms
from fhir_server.http.openapi.schemas import ref

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_HEADERS: Final[dict[str, tuple[Json, str]]] = {
    "ETag": (_TEXT, 'The version, weak: `W/"3"`.'),
    "Last-Modified": (_TEXT, "When this version was written."),
    "Location": (_TEXT, "The address of the version that was made."),
    "Allow": (_TEXT, "The verbs that this address has."),
    "Retry-After": ({"type": "integer"}, "Seconds to wait before trying again."),
    "WWW-Authenticate": (_TEXT, "What a caller needs: a bearer token."),
    "X-Request-Id": (_TEXT, "The name of the request, the caller's own where it sent one."),
    "Content-Range": (_TEXT, "Which bytes of how many."),
}
_VERSION: Final = ("ETag", "Last-Modified")
_OF_STATUS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_ANSWERS: Final = ("Bundle", "CapabilityStatement", "OperationOutcome", "Parameters")


def ref_to(name: str) -> Json:
    """Return the reference to the response component `name`."""
    return {"$ref": f"#/components/responses/{name}"}


def headers() -> Iterator[tuple[str, Json]]:
    """Yield name and component of every header of an answer."""
    for name, (schema, meaning) in _HEADERS.items():
        yield name, {"schema": schema, "description": meaning}


def statuses() -> dict[int, str]:
    """Return the status of every error of the tree and what it means."""
    found = {}
    waiting = list(FhirError.__subclasses__())
    for error in waiting:
        waiting += error.__subclasses__()
        if "status" in vars(error):
            found[error.status] = (error.__doc__ or "").partition("\n")[0]
    return dict(sorted(found.items()))


def responses() -> Iterator[tuple[str, Json]]:
    """Yield name and component of every answer."""
    outcome = forms(ref("OperationOutcome"))
    for status, meaning in statuses().items():
        yield str(status), _answer(meaning, outcome, _OF_STATUS.get(status, ()))
    yield "error", _answer("Any other refusal", outcome)
    yield "unchanged", _answer("The caller has this version", None, _VERSION)
    yield "deleted", _answer("Deleted", None, ("ETag",))
    yield "done", _answer("Done", None)
    yield "exists", _answer("A match was found, nothing was created", None, (*_VERSION, "Location"))
    for name in _ANSWERS:
        yield f"answer.{name}", _answer(name, forms(ref(name)))
    yield "content", _answer("One range of the content", _anything(), (*_VERSION, "Content-Range"))
    yield "beyond", _answer("No such range in the content", None, ("Content-Range",))
    for type_ in sorted(RESOURCE_TYPES):
        yield from _of_type(type_)


def _of_type(type_: str) -> Iterator[tuple[str, Json]]:
    """Yield what is answered to a read and to a write of `type_`."""
    read = forms(ref(type_)) | (_anything() if type_ == "Binary" else {})
    yield type_, _answer(HTTPStatus.OK.phrase, read, _VERSION)
    stored = forms({"oneOf": [ref(type_), ref("OperationOutcome")]})
    yield f"{type_}.stored", _answer("Stored, as `Prefer` asks for it", stored, _VERSION)
    made = (*_VERSION, "Location")
    yield f"{type_}.created", _answer("Created, as `Prefer` asks for it", stored, made)


def _anything() -> Json:
    return {"*/*": {"schema": {"type": "string", "format": "binary"}}}


def _answer(meaning: str, content: Json | None, names: tuple[str, ...] = ()) -> Json:
    found: Json = {
        "description": meaning,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-Id")
        },
    }
    return found | {"content": content} if content else found
