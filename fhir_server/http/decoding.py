"""Read a body that was sent in gzip (RFC 9110, 8.4.1.3) as if it had been sent as it is.

INVARIANT: no more is unpacked than is asked for, nor more read than the limit, so a bomb costs
what any body over the limit costs.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from fhir_server.fhir.errors import BadRequest, TooLarge, UnsupportedMediaType

_GZIP: Final = ("gzip", "x-gzip")
_PIECE: Final = 64 * 1024


def opened(environ: Mapping[str, Any], limit: int) -> Mapping[str, Any]:
    """Return `environ` with a body that is read as it was before it was packed.

    A packed one has no announced length: who reads it stops at a limit of its own. Raise
    UnsupportedMediaType for a coding that is not known, or for two.
    """
    told = str(environ.get("HTTP_CONTENT_ENCODING", "")).lower().split(",")
    codings = [name.strip() for name in told if name.strip() not in ("", "identity")]
    if not codings:
        return environ
    if len(codings) > 1 or codings[0] not in _GZIP:
        raise UnsupportedMediaType(
            "a body is read here as it is, or in gzip",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    body = Unpacked(environ["wsgi.input"], _announced(environ), limit)
    return {**environ, "wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}


def _announced(environ: Mapping[str, Any]) -> int | None:
    """Return the length that is announced; None for a body that ends by itself (chunked)."""
    text = str(environ.get("CONTENT_LENGTH") or "")
    if not text:
        return None if environ.get("wsgi.input_terminated") else 0
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequest("`Content-Length` is not a number")
    return int(text)


class Unpacked:
    """What stands in a gzip stream, piece by piece."""

    def __init__(self, stream: Any, announced: int | None, limit: int) -> None:
        """Unpack `announced` bytes of `stream`, or all of it; raise TooLarge over `limit`."""
        if announced is not None and announced > limit:
            raise _too_large(limit)
        self._stream = stream
        self._left = announced
        self._limit = limit
        self._taken = 0
        self._gzip = zlib.decompressobj(31)

    def read(self, size: int = _PIECE) -> bytes:
        """Return between 1 and `size` bytes, none at the end; raise BadRequest for broken gzip."""
        size = size if size > 0 else _PIECE
        try:
            while not self._gzip.eof:
                # What is unpacked but did not fit into the last answer comes first.
                if out := self._gzip.decompress(self._gzip.unconsumed_tail, size):
                    return out
                if not self._gzip.unconsumed_tail and (out := self._unpack_more(size)):
                    return out
        except zlib.error:
            raise _broken() from None
        if self._gzip.unused_data or self._packed() or self._left:
            raise _broken()
        return b""

    def _unpack_more(self, size: int) -> bytes:
        packed = self._packed()
        if not packed:
            raise _broken()
        return self._gzip.decompress(packed, size)

    def _packed(self) -> bytes:
        """Return the next bytes of the stream, none at its end."""
        wanted = _PIECE if self._left is None else min(_PIECE, self._left)
        try:
            found = bytes(self._stream.read(wanted)) if wanted else b""
        except (OSError, EOFError):
            raise BadRequest("the body ended before its end") from None
        if self._left is not None:
            self._left -= len(found)
        self._taken += len(found)
        # Packed, it may say much and hold nothing: empty blocks have no end of their own.
        if self._taken > self._limit:
            raise _too_large(self._limit)
        return found


def _broken() -> BadRequest:
    return BadRequest("the body is not one whole gzip stream")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over the limit of {limit} bytes")
