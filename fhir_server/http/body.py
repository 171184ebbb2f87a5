"""Read a request's body without ever holding more than the limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.fhir.errors import BadRequest, TooLarge, UnsupportedMediaType


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """Return the whole body of the request of `environ`.

    Raise TooLarge over `limit` bytes: at once when the length is announced, after `limit` bytes
    when it is not (chunked). Raise UnsupportedMediaType for a compressed body, which could grow
    past any limit, and BadRequest when fewer bytes come than were announced.
    """
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("a compressed body is not read here; send it as it is")
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced:
        return _announced(environ["wsgi.input"], announced, limit)
    if not environ.get("wsgi.input_terminated"):
        return b""
    body = _read(environ["wsgi.input"], limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _announced(stream: Any, announced: str, limit: int) -> bytes:
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest("`Content-Length` is not a number")
    if len(announced) > 18 or int(announced) > limit:
        raise _too_large(limit)
    body = _read(stream, int(announced))
    if len(body) < int(announced):
        raise BadRequest("the body is shorter than `Content-Length` says")
    return body


def _read(stream: Any, size: int) -> bytes:
    parts = []
    try:
        while size > 0 and (part := stream.read(size)):
            parts.append(part)
            size -= len(part)
    except (OSError, EOFError):
        raise BadRequest("the body ended before its end") from None
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over the limit of {limit} bytes")
