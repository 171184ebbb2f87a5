"""`fhir-server serve` as a tree of processes: what is killed comes back, what ends leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

Serve = Callable[..., "Server"]


class Server:
    """A `fhir-server serve` process of the tests."""

    def __init__(self, data_dir: Path, port: int, *words: str, **variables: str) -> None:
        """Start it; what it prints goes to `output`, in a file."""
        kept = {name: value for name, value in os.environ.items() if name[:5] != "FHIR_"}
        self.port = port
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "fhir_server.cli", "serve", "--port", str(port)),
                    *("--data-dir", str(data_dir), *words),
                ],
                stdout=log,
                stderr=log,
                env=kept | {"FHIR_SERVER_MONGODB_CACHE_GB": "0.25"} | variables,
            )

    def wait_until_it_answers(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while self.status() != 200:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def status(self) -> int | None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def children(self, parent: int | None = None) -> dict[int, str]:
        """Return the processes below this one: id and command line."""
        found: dict[int, str] = {}
        start = parent or self.process.pid
        for task in Path(f"/proc/{start}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                words = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
                found[child] = words.decode()
                found |= self.children(child)
        return found


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give what starts a server on the test's own directory and port, and waits for it."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    started: list[Server] = []

    def starter(*words: str, **variables: str) -> Server:
        server = Server(tmp_path / "data", port, *words, **variables)
        started.append(server)
        server.wait_until_it_answers()
        return server

    yield starter
    for server in started:
        server.process.terminate()
        server.process.wait(30)


def alive(pids: dict[int, str]) -> set[int]:
    """Return those of `pids` that still run; a zombie has no command line."""
    return {pid for pid in pids if _command_line(pid)}


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def eventually(true: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def test_serve_ends_with_everything_it_started(serve: Serve) -> None:
    server = serve()
    below = server.children()
    assert any("mongod" in words for words in below.values())
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    assert alive(below) == set()


def test_a_killed_serve_leaves_nothing_and_starts_again(serve: Serve) -> None:
    first = serve()
    below = first.children()
    first.process.kill()
    first.process.wait()
    serve()
    assert eventually(lambda: alive(below) == set())


def test_whatever_is_killed_below_serve_comes_back(serve: Serve) -> None:
    server = serve()
    for pid in server.children():
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: server.status() == 200, seconds=30)
    assert server.process.poll() is None


def test_serve_says_where_it_is_in_french_first(serve: Serve) -> None:
    server = serve("--auth", "off")
    assert eventually(lambda: "Ctrl-C" in server.output)
    assert "Le serveur répond" in server.output
    assert f"curl http://127.0.0.1:{server.port}/fhir/Patient" in server.output


def test_gunicorn_is_one_setting_away(serve: Serve) -> None:
    assert serve(FHIR_SERVER_SERVER="gunicorn").status() == 200
