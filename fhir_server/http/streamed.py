"""Send what is read while it is sent: the content of a large Binary, as it is or as its `data`.

The length is known before, so a reader knows when something is missing. It is sent as it is,
neither compressed nor indented.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from fhir_server.fhir.json import parse
from fhir_server.fhir.xml import to_xml
from fhir_server.http.negotiation import Form
from fhir_server.interactions.exchange import FHIR_XML, Answer, Stream

_JSON_END: Final = b"}"
_XML_END: Final = b"</Binary>"


def begun(answer: Answer, stream: Stream, form: Form, method: str) -> Answer:
    """Return `answer` ready to be sent in `form`, its first piece at hand.

    What can't be read is so told before anything is sent. Nothing is read for a HEAD.
    """
    if stream.within:
        stream = _embedded(stream, form)
        if form is Form.XML:
            answer = replace(answer, content_type=FHIR_XML)
    if method != "HEAD":
        pieces = stream.open()
        stream = replace(stream, open=partial(_resumed, next(pieces, b""), pieces))
    return replace(answer, body=b"", stream=stream)


def in_base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `pieces`, cut anywhere, as one base64 text."""
    held = b""
    for piece in pieces:
        whole = held + piece if held else piece
        end = len(whole) - len(whole) % 3
        held = whole[end:]
        yield b64encode(memoryview(whole)[:end])
    if held:
        yield b64encode(held)


def _embedded(stream: Stream, form: Form) -> Stream:
    """Return the resource of `stream` with its content as the last element, `data`.

    https://hl7.org/fhir/R4/binary.html: in XML nothing may follow it, in JSON order is free.
    """
    if form is Form.XML:
        resource = to_xml(parse(stream.within).resource)
        end, opening, closing = _XML_END, b'<data value="', b'"/>'
    else:
        resource = stream.within.rstrip()
        end, opening, closing = _JSON_END, b',"data":"', b'"'
    head = resource.removesuffix(end) + opening
    tail = closing + end
    length = len(head) + -(-stream.length // 3) * 4 + len(tail)
    return Stream(length, partial(_joined, head, stream, tail))


def _joined(head: bytes, stream: Stream, tail: bytes) -> Iterator[bytes]:
    pieces = in_base64(stream.open())
    # With the first piece, so that a file that can't be read is noticed before anything is sent.
    yield head + next(pieces, b"")
    yield from pieces
    yield tail


def _resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
