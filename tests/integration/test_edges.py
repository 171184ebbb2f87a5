"""The edges of HTTP on the real server: what granian hands on, and what two workers share."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from json import loads

import pytest

from tests.integration.test_serve import Server, eventually
from tests.support.replies import FHIR_JSON

REFUSED = 12
"""The limit of refused tokens here, a minute."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of two workers that needs a token."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    limits = {"FHIR_SERVER_RATE_LIMIT_REFUSED_PER_MINUTE": str(REFUSED)}
    folder = tmp_path_factory.mktemp("edges") / "data"
    found = Server(folder, port, "--workers", "2", **limits)
    try:
        found.wait_until_it_answers()
        yield found
    finally:
        found.process.terminate()
        found.process.wait(30)


def ask(
    server: Server, method: str, path: str, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None, named)
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "LOCK", "BREW"])
def test_an_unknown_verb_reaches_us_and_is_told_which_there_are(
    server: Server, method: str
) -> None:
    status, headers, body = ask(server, method, "/fhir/Patient/1")
    assert status == 405
    assert headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert headers["content-type"] == f"{FHIR_JSON}; charset=utf-8"
    assert loads(body)["issue"][0]["code"] == "not-supported"


def test_options_answers_without_a_body(server: Server) -> None:
    status, headers, body = ask(server, "OPTIONS", "/fhir/Patient")
    assert (status, body) == (204, b"")
    assert headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_a_packed_answer_arrives_whole_and_head_tells_its_length(server: Server) -> None:
    plain = ask(server, "GET", "/fhir/metadata")
    packed = ask(server, "GET", "/fhir/metadata", Accept_Encoding="gzip")
    assert packed[1]["content-encoding"] == "gzip"
    assert gzip.decompress(packed[2]) == plain[2]
    headed = ask(server, "HEAD", "/fhir/metadata", Accept_Encoding="gzip")
    assert headed[2] == b""
    assert headed[1]["content-length"] == packed[1]["content-length"] == str(len(packed[2]))


def raw(server: Server, text: bytes) -> bytes:
    """Send bytes that may be no HTTP at all, and return what comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(text)
        found = b""
        while part := connection.recv(65536):
            found += part
    return found


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET /fhir/metadata HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"G\x00T /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["line", "version", "header", "verb"],
)
def test_what_is_no_http_is_refused_by_granian_without_a_page(server: Server, text: bytes) -> None:
    """These never reach us: a status and nothing more (docs/api/README.md)."""
    answer = raw(server, text)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert answer == b"" or (head.startswith(b"HTTP/1.1 400") and body == b"")


def test_two_workers_hold_one_address_to_one_limit(server: Server) -> None:
    def guess() -> tuple[int, dict[str, str], bytes]:
        return ask(server, "GET", "/fhir/Patient/1", Authorization="Bearer a.b.c")

    statuses = [guess()[0] for _ in range(REFUSED)]
    assert set(statuses) == {401}
    assert eventually(lambda: [guess()[0] for _ in range(8)] == [429] * 8, seconds=10)
    status, headers, body = guess()
    assert status == 429
    assert 1 <= int(headers["retry-after"]) <= 120
    assert loads(body)["issue"][0]["code"] == "throttled"
    assert ask(server, "GET", "/fhir/metadata")[0] == 200
