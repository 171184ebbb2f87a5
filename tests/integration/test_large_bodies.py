"""A document of fifty megabytes through real processes: in and out in constant memory (ADR 0015)."""

from __future__ import annotations

import json
import random
import socket
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.embedded import running_uri
from fhir_server.store.mongo.large import CHUNKS, FILES
from tests.integration.test_serve import Server, eventually

MEGABYTE = 1_000_000
SIZE = 50 * MEGABYTE
MOST_GROWTH = 40 * MEGABYTE
"""What a process may need for a document of any size. It is far less than the document."""
PDF = "application/pdf"


def content(size: int = SIZE) -> Iterator[bytes]:
    """Yield the same `size` bytes each time, a megabyte at a time."""
    noise = random.Random(50)
    for _ in range(size // MEGABYTE):
        yield noise.randbytes(MEGABYTE)


def digest(pieces: Iterator[bytes]) -> str:
    found = sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def send(
    server: Server, method: str, path: str, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """Send a request with a body of `SIZE`, unless it is a GET."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = None if method == "GET" else content()
    if body is not None:
        sent["Content-Length"] = str(SIZE)
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
        client.request(method, f"/fhir/{path}", body=body, headers=sent)
        answer = client.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, answer.read()


def warm(server: Server) -> None:
    """Let the server make what it makes once."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
        client.request("POST", "/fhir/Binary", b"x" * 2 * MEGABYTE, {"Content-Type": PDF})
        assert client.getresponse().read().startswith(b"{")


def workers(server: Server) -> list[int]:
    return [pid for pid, words in server.children().items() if "mongod" not in words]


def peak(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def begin_to_measure(pid: int) -> int:
    """Forget the peak of a process, and return what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak(pid)


def shelf(server: Server) -> tuple[int, int]:
    """Return how many files are pending, and how many chunks there are."""
    uri = running_uri(server.log.with_suffix(""))
    assert uri is not None
    with connect(uri) as client:
        database = client["fhir"]
        pending = database[FILES].count_documents({"pending": {"$exists": True}})
        return pending, database[CHUNKS].count_documents({})


@pytest.fixture(scope="module", params=["granian", "gunicorn"])
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """Give a server of one worker with four threads."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    chosen = {
        "FHIR_SERVER_SERVER": str(request.param),
        "FHIR_SERVER_WORKERS": "1",
        "FHIR_SERVER_THREADS": "4",
    }
    started = Server(tmp_path_factory.mktemp("large") / "data", port, "--auth", "off", **chosen)
    try:
        started.wait_until_it_answers()
        warm(started)
        yield started
    finally:
        started.process.terminate()
        started.process.wait(30)


def test_fifty_megabytes_go_in_and_out_in_constant_memory(server: Server) -> None:
    before = {pid: begin_to_measure(pid) for pid in workers(server)}

    status, headers, body = send(server, "POST", "Binary", Content_Type=PDF)
    assert status == 201, body
    path = f"Binary/{json.loads(body)['id']}"
    status, headers, body = send(server, "GET", path, Accept=PDF)
    assert (status, headers["content-length"]) == (200, str(SIZE))
    assert digest(iter([body])) == digest(content())
    status, headers, body = send(server, "GET", path, Accept="application/fhir+json")
    assert (status, headers["content-length"]) == (200, str(len(body)))
    assert digest(iter([b64decode(json.loads(body)["data"])])) == digest(content())

    grown = {pid: peak(pid) - before[pid] for pid in workers(server)}
    assert max(grown.values()) < MOST_GROWTH, grown
    print(f"{max(grown.values()) / MEGABYTE:.1f} MB")


def test_who_goes_away_while_sending_leaves_nothing(server: Server) -> None:
    before = shelf(server)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = f"POST /fhir/Binary HTTP/1.1\r\nHost: x\r\nContent-Type: {PDF}\r\n"
        client.sendall(f"{head}Content-Length: {SIZE}\r\n\r\n".encode())
        for piece in content(5 * MEGABYTE):
            client.sendall(piece)
        assert eventually(lambda: shelf(server)[0] == 1)
    assert eventually(lambda: shelf(server) == before)
    assert server.status() == 200


def test_who_stops_reading_costs_little_and_goes_away_without_a_trace(server: Server) -> None:
    body = send(server, "POST", "Binary", Content_Type=PDF)[2]
    path = f"/fhir/Binary/{json.loads(body)['id']}"
    before = {pid: begin_to_measure(pid) for pid in workers(server)}
    with ExitStack() as readers:
        for _ in range(3):
            client = readers.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {PDF}\r\n\r\n".encode())
            assert client.recv(1024).startswith(b"HTTP/1.1 200")
        time.sleep(0.5)
        grown = {pid: peak(pid) - before[pid] for pid in workers(server)}
        assert max(grown.values()) < MOST_GROWTH, grown
    for _ in range(4):  # as many as there are threads: none is held any more
        told = {"Accept": PDF, "Range": "bytes=-3"}
        status, _, found = send(server, "GET", path.removeprefix("/fhir/"), **told)
        assert (status, len(found)) == (206, 3)
