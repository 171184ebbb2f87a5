"""Decode query strings and forms into pairs, in their order, bounded.

https://hl7.org/fhir/R4/http.html#general and https://url.spec.whatwg.org/#urlencoded-parsing
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from fhir_server.fhir.errors import BadRequest, UriTooLong

Pairs = list[tuple[str, str]]
MOST_PARAMETERS = 256
_LONGEST_QUERY = 32 * 1024


def pairs_of_query(query: str) -> Pairs:
    """Return the parameters of `query`, a WSGI QUERY_STRING (bytes shown as Latin-1).

    Raise UriTooLong when they are too long, BadRequest when they are too many or not UTF-8.
    """
    if not query:
        return []
    if len(query) > _LONGEST_QUERY:
        raise UriTooLong(f"the query is over {_LONGEST_QUERY} characters; use POST `_search`")
    return _decode(query.encode("latin-1"))


def pairs_of_form(body: bytes) -> Pairs:
    """Return the parameters of `body`, a form sent to `_search`; raise BadRequest as above."""
    return _decode(body)


def _decode(text: bytes) -> Pairs:
    if text.count(b"&") >= MOST_PARAMETERS:
        raise _too_many()
    try:
        return parse_qsl(text.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("the parameters are not UTF-8") from None


def _too_many() -> BadRequest:
    return BadRequest(f"there are over {MOST_PARAMETERS} parameters", code="too-costly")
