"""gzip, both ways: answers to who accepts it, bodies from who sends it."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest, TooLarge
from fhir_server.http.compression import LEAST_BYTES, compressed, takes_gzip
from fhir_server.http.decoding import opened
from fhir_server.interactions.exchange import Answer
from tests.support import resources as make
from tests.support.replies import FHIR_JSON, Reply
from tests.support.world import World

NARRATIVE = {
    "status": "generated",
    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"bonjour " * 400}</div>',
}


@pytest.fixture(scope="module")
def long(world: World) -> str:
    """Return the address of a resource that is over a packet long."""
    return f"Patient/{world.patient(text=NARRATIVE)}"


def unpacked(reply: Reply) -> bytes:
    """Return the body as it was, after checking that it is gzip and of the length announced."""
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["content-length"] == str(len(reply.body))
    return gzip.decompress(reply.body)


# Answers


def test_who_accepts_gzip_gets_the_same_bytes_shorter(world: World, long: str) -> None:
    plain = world.trusted.get(long)
    packed = world.trusted.get(long, Accept_Encoding="gzip, deflate, br")
    assert "content-encoding" not in plain.headers
    assert unpacked(packed) == plain.body
    assert len(packed.body) < len(plain.body) / 3


@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
@pytest.mark.parametrize("path", ["metadata", "Patient?_count=50", "{long}/_history"])
def test_every_form_and_interaction_is_packed(
    world: World, long: str, path: str, accept: str
) -> None:
    asked = path.format(long=long)
    plain = world.trusted.get(asked, Accept=accept)
    packed = world.trusted.get(asked, Accept=accept, Accept_Encoding="gzip")
    assert unpacked(packed) == plain.body
    assert packed.headers["content-type"] == plain.headers["content-type"]


def test_packed_or_not_a_version_has_one_etag(world: World, long: str) -> None:
    plain, packed = (world.trusted.get(long, Accept_Encoding=how) for how in ("", "gzip"))
    assert packed.headers["etag"] == plain.headers["etag"] == 'W/"1"'
    known = world.trusted.get(long, Accept_Encoding="gzip", If_None_Match='W/"1"')
    assert (known.status, known.body) == (304, b"")
    assert "content-encoding" not in known.headers


@pytest.mark.parametrize("how", ["", "gzip"])
def test_whether_packed_or_not_caches_are_told_what_it_depends_on(
    world: World, long: str, how: str
) -> None:
    told = {world.trusted.get(path, Accept_Encoding=how).headers["vary"] for path in (long, "x/1")}
    assert told == {"Authorization, Accept, Accept-Encoding"}
    assert world.trusted.get("metadata").headers["vary"] == "Accept, Accept-Encoding"


def test_head_has_the_headers_of_the_packed_answer(world: World, long: str) -> None:
    got = world.trusted.get(long, Accept_Encoding="gzip")
    headed = world.trusted.send("HEAD", long, Accept_Encoding="gzip")
    assert headed.body == b""
    for name in ("content-length", "content-encoding", "content-type", "etag", "vary"):
        assert headed.headers[name] == got.headers[name]


def test_a_short_answer_is_sent_as_it_is(world: World) -> None:
    reply = world.trusted.get("Patient/nobody", Accept_Encoding="gzip")
    assert reply.status == 404
    assert "content-encoding" not in reply.headers
    assert reply.issue["code"] == "not-found"


def test_a_binary_in_its_own_type_is_sent_as_it_is_stored(world: World) -> None:
    made = world.trusted.send("POST", "Binary", b"a" * 5000, "text/plain")
    reply = world.trusted.get(f"Binary/{made.id}", Accept="text/plain", Accept_Encoding="gzip")
    assert (reply.status, reply.body) == (200, b"a" * 5000)
    assert "content-encoding" not in reply.headers


def test_what_is_created_comes_back_packed_too(world: World) -> None:
    body = make.a_patient(text=NARRATIVE)
    reply = world.trusted.put(body, Accept_Encoding="gzip")
    assert reply.status == 201
    assert b"bonjour" in unpacked(reply)


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("gzip; q=0.5, identity;q=0", True),
        ("", False),
        ("identity", False),
        ("br, zstd, deflate", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=nonsense", False),
        ("gzip;q=0.2, identity;q=0.9", False),
        ("gzipped", False),
    ],
)
def test_quality_values_of_accept_encoding_count(accept: str, taken: bool) -> None:
    assert takes_gzip(accept) is taken


@given(st.binary(max_size=4000), st.sampled_from(["on", "padded"]), st.booleans())
def test_whatever_is_packed_is_unpacked_to_itself(body: bytes, how: str, keep: bool) -> None:
    answer = compressed(Answer(200, body), "gzip", how, keep=keep)
    if "Content-Encoding" in answer.headers:
        assert LEAST_BYTES <= len(body) > len(answer.body)
        assert gzip.decompress(answer.body) == body
    else:
        assert answer.body == body


def test_two_answers_that_are_the_same_are_packed_the_same(world: World, long: str) -> None:
    """L48: as long as nothing is padded, a length tells what the body tells."""
    first, second = (world.trusted.get(long, Accept_Encoding="gzip").body for _ in range(2))
    assert first == second


def test_padded_answers_have_lengths_that_vary(world: World) -> None:
    """L48."""
    answer = Answer(200, b"x" * 5000)
    lengths = {len(compressed(answer, "gzip", "padded").body) for _ in range(200)}
    assert len(lengths) > 16


def test_compression_can_be_turned_off() -> None:
    answer = Answer(200, b"x" * 5000)
    assert compressed(answer, "gzip", "off") is answer


# Bodies


def sent(world: World, body: bytes, coding: str = "gzip", **more: Any) -> Reply:
    return world.trusted.send("POST", "Patient", body, FHIR_JSON, Content_Encoding=coding, **more)


@pytest.mark.parametrize("coding", ["gzip", "GZip", "x-gzip", "identity, gzip"])
def test_a_body_in_gzip_is_read(world: World, coding: str) -> None:
    reply = sent(world, gzip.compress(b'{"resourceType":"Patient","active":true}'), coding)
    assert reply.status == 201
    assert reply.json["active"] is True


def test_a_binary_sent_in_gzip_is_stored_as_it_was(world: World) -> None:
    packed = gzip.compress(b"report " * 200)
    made = world.trusted.send("POST", "Binary", packed, "text/plain", Content_Encoding="gzip")
    assert made.status == 201
    read = world.trusted.get(f"Binary/{made.id}", Accept="text/plain")
    assert read.body == b"report " * 200


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "nonsense"])
def test_another_coding_is_unsupported_and_told_which_is_not(world: World, coding: str) -> None:
    reply = sent(world, b"{}", coding)
    assert (reply.status, reply.issue["code"]) == (415, "not-supported")
    assert reply.headers["accept-encoding"] == "gzip, identity"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x1f\x8b",
        b"{}",
        zlib.compress(b"{}"),
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}") + b"more",
        gzip.compress(b"{}") + gzip.compress(b"{}"),
        gzip.compress(b"{}")[:-8] + bytes(8),
    ],
    ids=["nothing", "head", "plain", "zlib", "cut", "more", "two", "checksum"],
)
def test_what_is_not_one_whole_gzip_stream_is_refused(world: World, body: bytes) -> None:
    reply = sent(world, body)
    assert (reply.status, reply.issue["code"]) == (400, "invalid")
    assert reply.issue["diagnostics"] == "the body is not one whole gzip stream"


def test_a_bomb_is_too_large_and_is_not_unpacked_further(world: World) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 9)
    assert len(bomb) < 100_000
    reply = sent(world, bomb)
    assert (reply.status, reply.issue["code"]) == (413, "too-long")


class Endless(io.RawIOBase):
    """A stream that says `head` and then `rest` for ever, and knows how much was taken."""

    def __init__(self, head: bytes, rest: bytes) -> None:
        self.given, self._next, self._rest = 0, head, rest

    def read(self, size: int = -1) -> bytes:
        while len(self._next) < size:
            self._next += self._rest
        found, self._next = self._next[:size], self._next[size:]
        self.given += size
        return found


LIMIT = 200_000
GZIP_HEAD = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


def read_through(environ: dict[str, Any]) -> bytes:
    body = opened(environ | {"HTTP_CONTENT_ENCODING": "gzip"}, LIMIT)["wsgi.input"]
    found = b""
    while len(found) <= LIMIT and (part := body.read(LIMIT + 1 - len(found))):
        assert len(part) <= LIMIT + 1
        found += part
    return found


def test_a_stream_that_unpacks_for_ever_is_left_at_the_limit() -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    rest = zeros.compress(bytes(1 << 20)) + zeros.flush(zlib.Z_FULL_FLUSH)
    stream = Endless(GZIP_HEAD, rest)
    assert len(read_through({"wsgi.input": stream, "wsgi.input_terminated": True})) == LIMIT + 1
    assert stream.given <= 128 * 1024


def test_a_stream_that_holds_nothing_for_ever_is_left_at_the_limit() -> None:
    stream = Endless(GZIP_HEAD, b"\x00\x00\x00\xff\xff")  # empty stored blocks
    with pytest.raises(TooLarge):
        read_through({"wsgi.input": stream, "wsgi.input_terminated": True})
    assert stream.given <= LIMIT + 128 * 1024


def test_a_packed_length_over_the_limit_is_refused_before_it_is_read() -> None:
    stream = Endless(GZIP_HEAD, b"\x00")
    with pytest.raises(TooLarge):
        read_through({"wsgi.input": stream, "CONTENT_LENGTH": str(LIMIT + 1)})
    assert stream.given == 0


def test_a_packed_body_shorter_than_announced_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_through({"wsgi.input": io.BytesIO(gzip.compress(b"{}")), "CONTENT_LENGTH": "99"})


@given(st.binary(max_size=3000), st.integers(1, 700), st.booleans())
def test_a_body_is_unpacked_whole_in_pieces_of_any_size(
    body: bytes, size: int, chunked: bool
) -> None:
    packed = gzip.compress(body)
    length = {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": str(len(packed))}
    environ = {"wsgi.input": io.BytesIO(packed), "HTTP_CONTENT_ENCODING": "gzip", **length}
    stream, found = opened(environ, LIMIT)["wsgi.input"], []
    while part := stream.read(size):
        assert len(part) <= size
        found.append(part)
    assert b"".join(found) == body
