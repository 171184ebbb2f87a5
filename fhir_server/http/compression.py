"""Send gzip to who accepts it (RFC 9110, 8.4 and 12.5.3): a page of matches becomes a ninth.

Compression tells an onlooker how much of what an attacker wrote is repeated beside a secret
(BREACH, L48). The attacker must make a victim's program send requests of the attacker's choosing
with the victim's credentials. Tokens travel in `Authorization`, which no page can make a browser
send; an error repeats what was asked and holds nothing of a record; nothing is cached. So lengths
stay exact, and answers that are the same are the same to the byte. Where something in front turns
a cookie into a token that no longer holds: `padded` adds a random length, in the name that a gzip
file may have and that nobody reads. It makes guessing longer, not impossible; `off` does that.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from fhir_server.http.negotiation import parameters_of, weight_of
from fhir_server.interactions.exchange import Answer

LEAST_BYTES: Final = 1024
"""A smaller body goes into one packet as it is, and what packing saves is less than it costs."""
_LEVEL: Final = 1
"""60 KB of FHIR: 0.2 ms to a ninth. Level 6 takes twice as long to save two bytes in a hundred."""
_TEXT: Final = ("application/fhir+", "application/json", "application/xml", "text/")
_LONGEST_NAME: Final = 64


def compressed(
    answer: Answer, accept_encoding: str, how: str = "on", *, keep: bool = False
) -> Answer:
    """Return `answer` in gzip, when `accept_encoding` takes that and it pays.

    `how` is the setting `compression`; with `keep`, the result is kept for who asks next. What is
    streamed, or sent in parts, stays as it is: a range is one of the bytes that are stored.
    """
    body = answer.body
    if len(body) < LEAST_BYTES or answer.stream is not None:
        return answer
    if how == "off" or not takes_gzip(accept_encoding):
        return answer
    if not answer.content_type.startswith(_TEXT) or "Accept-Ranges" in answer.headers:
        return answer
    pack: Callable[[bytes], bytes] = _padded if how == "padded" else _kept if keep else _packed
    packed = pack(body)
    if len(packed) >= len(body):
        return answer
    return replace(answer, body=packed, headers={**answer.headers, "Content-Encoding": "gzip"})


@lru_cache(maxsize=512)
def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether `accept_encoding` takes gzip, and likes it no less than the body as it is."""
    liked = {}
    for part in accept_encoding.lower().split(","):
        name, _, rest = part.partition(";")
        liked[name.strip().replace("x-gzip", "gzip")] = weight_of(parameters_of(rest).get("q", "1"))
    found = liked.get("gzip", liked.get("*", 0.0))
    return found > 0 and found >= liked.get("identity", 0.0)


def _packed(body: bytes) -> bytes:
    # Without a time or a name, so that equal bodies are equal here too.
    return zlib.compress(body, _LEVEL, wbits=31)


_kept = lru_cache(maxsize=8)(_packed)


def _padded(body: bytes) -> bytes:
    """Return `body` in gzip under a random name of 0 to 126 characters (RFC 1952, section 2.3)."""
    name = secrets.token_hex(secrets.randbelow(_LONGEST_NAME)).encode()
    head = b"\x1f\x8b\x08\x08" + bytes(4) + b"\x00\xff" + name + b"\x00"
    tail = struct.pack("<LL", zlib.crc32(body), len(body) & 0xFFFFFFFF)
    return head + zlib.compress(body, _LEVEL, wbits=-15) + tail
