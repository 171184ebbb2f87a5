"""Write an Answer: few headers, exact bytes, and no second pass over them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Response
from werkzeug.datastructures import Headers

from fhir_server.interactions.exchange import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Fixed = tuple[tuple[str, str], ...]
_BODILESS: Final = frozenset({204, 304})


class Sent(Response):
    """A response whose body is whole, handed to the server as one list of bytes; or a stream.

    Werkzeug's own path recomputes headers and wraps the body in iterators at each request, which
    the servers then send in pieces.
    """

    default_mimetype = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the headers, and the body unless the method is HEAD."""
        start_response(self.status, self.headers.to_wsgi_list())
        body: Iterable[bytes] = self.response  # type: ignore[assignment]
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body


class _Written(Headers):
    """Headers that need no second look: Werkzeug checks and copies each of them otherwise."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """Keep `pairs` as they are."""
        self._list = pairs


def sent(answer: Answer, fixed: Fixed, request_id: str) -> Sent:
    """Return `answer` as a response with the `fixed` headers of its room.

    `request_id` was checked by `request_id_of`. Raise ValueError when a header of `answer` would
    break the line: no value may begin a header of its own.
    """
    headers = [*fixed, ("X-Request-Id", request_id)]
    for name, value in answer.headers.items():
        if not value.isprintable():
            raise ValueError(f"header `{name}` does not fit on a line")
        headers.append((name, value))
    body = answer.body
    if answer.status in _BODILESS:
        return Sent([], answer.status, _Written(headers))
    if answer.stream is not None:
        headers.append(("Content-Length", str(answer.stream.length)))
        headers.append(("Content-Type", answer.content_type))
        return Sent(answer.stream.open(), answer.status, _Written(headers))
    headers.append(("Content-Length", str(len(body))))
    if not body:
        return Sent([], answer.status, _Written(headers))
    headers.append(("Content-Type", answer.content_type))
    return Sent([body], answer.status, _Written(headers))
