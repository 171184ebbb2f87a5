"""Turn whatever was raised into an OperationOutcome, on every path: the one mapper.

https://hl7.org/fhir/R4/http.html#status-codes
"""

from __future__ import annotations

from werkzeug.exceptions import HTTPException, MethodNotAllowed

from fhir_server.fhir.errors import FhirError, Issue
from fhir_server.fhir.outcome import outcome
from fhir_server.http.call import PATCH_TYPES
from fhir_server.interactions.exchange import Answer

# status -> issue code and words; the words of werkzeug repeat the request and are HTML.
_WORDS = {
    400: ("invalid", "the request is not well formed"),
    404: ("not-supported", "nothing is served at this address; see `/fhir/metadata`"),
    413: ("too-long", "the request is over the limit"),
    414: ("too-long", "the address is too long; use POST `_search`"),
    415: (
        "not-supported",
        "a body of type `application/fhir+json` or `application/fhir+xml` is read here",
    ),
    431: ("too-long", "the headers are too long"),
}


def refusal(error: FhirError) -> Answer:
    """Return the answer that `error` describes."""
    return Answer(error.status, outcome(error.issues), error.headers)


def breakdown(request_id: str) -> Answer:
    """Return the answer to a request that met a fault of the server: nothing of its inside."""
    words = f"the server met a fault of its own; quote request `{request_id}`"
    return Answer(500, outcome([Issue("exception", words, severity="fatal")]))


def rejection(error: HTTPException, method: str) -> Answer:
    """Return the answer to a request that Flask refused before any view was called."""
    status = error.code or 400
    if isinstance(error, MethodNotAllowed):
        return _no_such_verb(error, method)
    code, words = _WORDS.get(status, _WORDS[400])
    return Answer(status, outcome([Issue(code, words)]))


def _no_such_verb(error: MethodNotAllowed, method: str) -> Answer:
    """Say which verbs there are: what OPTIONS asks, and what a refusal owes (RFC 9110, 15.5.6)."""
    verbs = {*(error.valid_methods or ()), "OPTIONS"}
    headers = {"Allow": ", ".join(sorted(verbs))}
    if method == "OPTIONS":
        if "PATCH" in verbs:
            headers["Accept-Patch"] = ", ".join(PATCH_TYPES)  # RFC 5789, section 3.1
        return Answer(204, b"", headers)
    words = f"`{method[:32]}` is not supported at this address"
    return Answer(405, outcome([Issue("not-supported", words)]), headers)
