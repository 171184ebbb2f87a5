"""Base64 made on the fly, and bodies read in pieces: the laws of both."""

from __future__ import annotations

import io
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fhir_server.fhir.errors import BadRequest
from fhir_server.http.body import pieces
from fhir_server.http.negotiation import Form
from fhir_server.http.streamed import begun, in_base64
from fhir_server.interactions.exchange import Answer, Stream

cut_anywhere = st.lists(st.binary(max_size=7), max_size=12)
BARE = b'{"resourceType":"Binary","id":"a","contentType":"text/plain"}'


@given(cut_anywhere)
def test_base64_does_not_depend_on_where_the_content_is_cut(found: list[bytes]) -> None:
    assert b"".join(in_base64(found)) == b64encode(b"".join(found))


@given(cut_anywhere, st.sampled_from(Form))
def test_the_length_that_is_told_is_that_of_what_is_sent(found: list[bytes], form: Form) -> None:
    size = sum(map(len, found))
    stream = Stream(size, lambda: iter(found), within=BARE)
    answer = begun(Answer(200, stream=stream), stream, form, "GET")
    assert answer.stream is not None
    sent = b"".join(answer.stream.open())
    assert len(sent) == answer.stream.length
    if form is Form.XML:
        told = etree.fromstring(sent)[-1].get("value") or ""
    else:
        told = json.loads(sent)["data"]
    assert b64decode(told) == b"".join(found)


def test_what_can_t_be_read_is_told_before_anything_is_sent() -> None:
    def broken() -> Iterator[bytes]:
        yield from pieces(io.BytesIO(), 3)

    stream = Stream(3, broken, within=BARE)
    for one in (stream, Stream(3, stream.open)):
        with pytest.raises(BadRequest):
            begun(Answer(200, stream=one), one, Form.JSON, "GET")
        assert begun(Answer(200, stream=one), one, Form.JSON, "HEAD").body == b""


@given(st.binary(max_size=40), st.integers(0, 60))
def test_a_body_in_pieces_is_all_of_it_or_a_refusal(body: bytes, announced: int) -> None:
    stream = io.BytesIO(body)
    if announced <= len(body):
        assert b"".join(pieces(stream, announced)) == body[:announced]
    else:
        with pytest.raises(BadRequest, match="shorter than"):
            list(pieces(stream, announced))
