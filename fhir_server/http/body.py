"""Read a request's body without ever holding more than the limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_server.fhir.errors import BadRequest, LengthRequired, TooLarge
from fhir_server.http.decoding import opened

LARGEST_HELD: Final = 1024 * 1024
"""Bytes of a Binary's content that are read into memory; more go to a file as they come."""
_PIECE: Final = 1020 * 1024
"""Bytes that are read at once: a chunk of a file."""


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """Return the whole body of the request of `environ`.

    Raise TooLarge over `limit` bytes: at once when the length is announced, after `limit` bytes
    when it is not (chunked, gzip). Raise UnsupportedMediaType for a coding that is not known, and
    BadRequest when fewer bytes come than were announced.
    """
    environ = opened(environ, limit)
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced:
        return _announced(environ["wsgi.input"], announced, limit)
    if not environ.get("wsgi.input_terminated"):
        return b""
    body = _read(environ["wsgi.input"], limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    return body


def arriving(environ: Mapping[str, Any], limit: int) -> int:
    """Return the length of a body that may be read in pieces; 0 for none, or a packed one.

    Raise TooLarge over `limit` bytes, BadRequest when the length is no number, and LengthRequired
    when a body has none: a server shows one that was cut off as if it had ended, and what is no
    JSON or XML does not show that itself.
    """
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        return 0
    if announced := environ.get("CONTENT_LENGTH"):
        return _size(announced, limit)
    if environ.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired("a content that is sent as it is says its length in `Content-Length`")
    return 0


def pieces(stream: Any, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of `stream` as they come; raise BadRequest when there are fewer."""
    while size > 0:
        piece = _some(stream, min(size, _PIECE))
        if not piece:
            raise _too_short()
        size -= len(piece)
        yield piece


def _announced(stream: Any, announced: str, limit: int) -> bytes:
    size = _size(announced, limit)
    body = _read(stream, size)
    if len(body) < size:
        raise _too_short()
    return body


def _size(announced: str, limit: int) -> int:
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest("`Content-Length` is not a number")
    if len(announced) > 18 or int(announced) > limit:
        raise _too_large(limit)
    return int(announced)


def _read(stream: Any, size: int) -> bytes:
    parts = []
    while size > 0 and (part := _some(stream, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _some(stream: Any, size: int) -> bytes:
    try:
        return bytes(stream.read(size))
    except (OSError, EOFError):
        raise BadRequest("the body ended before its end") from None


def _too_short() -> BadRequest:
    return BadRequest("the body is shorter than `Content-Length` says")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over the limit of {limit} bytes")
