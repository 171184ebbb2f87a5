"""What happens to every FHIR request, in order. There is no other hook.

1. It gets its request id.
2. Its caller is told from its token, unless the route is open to everybody, and held to a limit.
3. Its parameters are decoded; `_format` and `_pretty` are taken out of them.
4. The form of the answer is agreed on, the type and id of the address are checked.
5. The view of its route is called with an exchange that is bound to the caller, and its answer
   written as XML if that was asked for.
6. The answer, or the OperationOutcome of what was raised, is packed if that is accepted, sent,
   counted and logged.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from flask import request
from werkzeug.exceptions import HTTPException

from fhir_server import observe
from fhir_server.fhir.errors import FhirError
from fhir_server.fhir.json import parse
from fhir_server.fhir.xml import to_xml
from fhir_server.http.address import base_of, check_id, check_type
from fhir_server.http.call import Call, RequestHeaders, View
from fhir_server.http.compression import compressed
from fhir_server.http.errors import breakdown, refusal, rejection
from fhir_server.http.negotiation import Form, accepted, form_of, presentation
from fhir_server.http.parameters import pairs_of_query
from fhir_server.http.pretty import pretty, pretty_xml
from fhir_server.http.request_id import correlate, request_id_of
from fhir_server.http.respond import Sent, sent
from fhir_server.http.security import CLINICAL, PUBLIC, caller
from fhir_server.http.service import Service
from fhir_server.http.streamed import begun
from fhir_server.identity.receipts import sign
from fhir_server.interactions.exchange import FHIR_JSON, FHIR_XML, Answer, Exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UNKNOWN_ROUTE = "unknown"
FHIR_FORMS = {Form.JSON: "application/fhir+json", Form.XML: "application/fhir+xml"}


@dataclass(frozen=True, slots=True)
class Route:
    """An address below `/fhir`, the verb, and the view that answers.

    `rule` is written as Flask does (`/<type>/<id>`). A route that `is_open` needs no token, and its
    answer is the same for everybody.
    """

    method: str
    rule: str
    view: View
    summary: str
    body: str = ""
    answer: str = "Resource"
    is_open: bool = False

    @property
    def template(self) -> str:
        """Return the address as documentation, metrics and logs show it."""
        return "/fhir" + self.rule.replace("<", "{").replace(">", "}")


def endpoint(service: Service, route: Route) -> Callable[..., Sent]:
    """Return the Flask view of `route`."""
    template = route.template
    fixed = PUBLIC if route.is_open else CLINICAL

    def serve(**path: str) -> Sent:
        started = perf_counter()
        environ = request.environ
        request_id = request_id_of(environ)
        try:
            answer = _answer(service, route, environ, request_id, path)
        except FhirError as error:
            answer = shaped(refusal(error), _form_of_refusal(environ))
        except Exception as error:  # noqa: BLE001 - the last line of defence: says nothing, logs
            observe.failed(error, request_id)
            answer = breakdown(request_id)
        coding = environ.get("HTTP_ACCEPT_ENCODING", "")
        answer = compressed(answer, coding, service.compression, keep=route.is_open)
        response = sent(answer, fixed if answer.status < 400 else CLINICAL, request_id)
        correlate(response.headers, environ, request_id)
        seconds = perf_counter() - started
        service.metrics.observe(template, environ["REQUEST_METHOD"], answer.status, seconds)
        observe.answered(template, environ["REQUEST_METHOD"], answer.status, seconds, request_id)
        return response

    return serve


def rejected(service: Service, error: HTTPException) -> Sent:
    """Answer what Flask refused by itself: no such address, no such verb, a broken request."""
    environ = request.environ
    method = environ["REQUEST_METHOD"]
    request_id = request_id_of(environ)
    if (cause := getattr(error, "original_exception", None)) is not None:
        observe.failed(cause, request_id)
        answer = breakdown(request_id)
    else:
        answer = shaped(rejection(error, method), _form_of_refusal(environ))
    known = method if method in _METHODS else "other"
    service.metrics.observe(UNKNOWN_ROUTE, known, answer.status, 0.0)
    observe.answered(UNKNOWN_ROUTE, known, answer.status, 0.0, request_id)
    response = sent(answer, CLINICAL, request_id)
    correlate(response.headers, environ, request_id)
    return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _answer(
    service: Service, route: Route, environ: WSGIEnvironment, request_id: str, path: dict[str, str]
) -> Answer:
    requester = caller(service, environ, is_open=route.is_open)
    sent_pairs = pairs_of_query(environ["QUERY_STRING"])
    pairs, wants_pretty, told = presentation(sent_pairs)
    kind, form = path.get("type"), told
    if form is None:
        native = kind == "Binary" and "id" in path
        form = form_of(environ.get("HTTP_ACCEPT", ""), native=native)
    if kind is not None:
        check_type(kind)
    if "id" in path:
        check_id(path["id"], route.method)
    base = service.fhir_url or base_of(environ)
    if route.is_open:
        answer = route.view(base, service)
    else:
        view = service.records.as_seen_by(requester, request_id=request_id)
        # `_format` stands above Accept, also where a Binary may come as it is.
        sent_as = environ if told is None else {**environ, "HTTP_ACCEPT": FHIR_FORMS[told]}
        shown_as = tuple(pair for pair in sent_pairs if pair not in pairs)
        signing = partial(sign, service.tokens.keys)
        headers = RequestHeaders(sent_as)
        exchange = Exchange(view, base, headers, shown_as=shown_as, sign=signing)
        call = Call(exchange, pairs, environ, service.max_body_bytes, service.max_binary_bytes)
        answer = route.view(call, **path)
        form = call.asked or form
    if answer.stream is not None:
        return begun(answer, answer.stream, form, environ["REQUEST_METHOD"])
    answer = shaped(answer, form)
    return _indented(answer) if wants_pretty and answer.body else answer


def shaped(answer: Answer, form: Form) -> Answer:
    """Return `answer` in `form`; what is no resource stays as it is."""
    if form is Form.JSON or not answer.body or answer.content_type != FHIR_JSON:
        return answer
    return replace(answer, body=to_xml(parse(answer.body).resource), content_type=FHIR_XML)


def _form_of_refusal(environ: WSGIEnvironment) -> Form:
    """Return the form that a refusal is read in: as an answer's, and JSON where that is refused."""
    form = None
    with suppress(FhirError):
        form = presentation(pairs_of_query(environ["QUERY_STRING"]))[2]
    return form or accepted(environ.get("HTTP_ACCEPT", "")) or Form.JSON


def _indented(answer: Answer) -> Answer:
    indent = {FHIR_JSON: pretty, FHIR_XML: pretty_xml}.get(answer.content_type)
    return replace(answer, body=indent(answer.body)) if indent else answer
