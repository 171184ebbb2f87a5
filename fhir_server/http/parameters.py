"""Decode query strings and forms into pairs, in their order, bounded.

https://hl7.org/fhir/R4/http.html#general and https://url.spec.whatwg.org/#urlencoded-parsing
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import parse

Pairs = list[tuple[str, str]]
MOST_PARAMETERS = 256
_LONGEST_QUERY = 32 * 1024


def pairs_of_query(query: str) -> Pairs:
    """Return the parameters of `query`, a WSGI QUERY_STRING (bytes shown as Latin-1).

    Raise BadRequest when they are too many, too long, or not UTF-8.
    """
    if not query:
        return []
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(
            f"the query is over {_LONGEST_QUERY} characters; use POST `_search`", code="too-costly"
        )
    return _decode(query.encode("latin-1"))


def pairs_of_form(body: bytes) -> Pairs:
    """Return the parameters of `body`, a form sent to `_search`; raise BadRequest as above."""
    return _decode(body)


def pairs_of_parameters(body: bytes) -> Pairs:
    """Return the parameters of `body`, a Parameters resource, as a query would write them.

    https://hl7.org/fhir/R4/operations.html#request: an Identifier becomes `system|value`. Raise
    BadRequest when it is no Parameters, or when a parameter holds neither a simple value nor an
    Identifier.
    """
    resource = parse(body).resource
    entries = resource.get("parameter", [])
    if resource.get("resourceType") != "Parameters" or not isinstance(entries, list):
        raise BadRequest("the body of an operation is a Parameters resource", code="structure")
    if len(entries) > MOST_PARAMETERS:
        raise _too_many()
    return [_pair(entry, place) for place, entry in enumerate(entries)]


def _pair(entry: Any, place: int) -> tuple[str, str]:
    match entry:
        case {"name": str(name), "valueIdentifier": {"system": str(system), "value": str(value)}}:
            return name, f"{system}|{value}"
        case {"name": str(name)}:
            values = [entry[key] for key in entry if key.startswith("value")]
            if len(values) == 1 and isinstance(values[0], str):
                return name, values[0]
    raise BadRequest(
        "a parameter has a name and one simple value or Identifier",
        code="structure",
        expression=f"Parameters.parameter[{place}]",
    )


def _decode(text: bytes) -> Pairs:
    if text.count(b"&") >= MOST_PARAMETERS:
        raise _too_many()
    try:
        return parse_qsl(text.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("the parameters are not UTF-8") from None


def _too_many() -> BadRequest:
    return BadRequest(f"there are over {MOST_PARAMETERS} parameters", code="too-costly")
