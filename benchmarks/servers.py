"""Start and stop what is measured: the real server and the floors, each as processes of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.floors import DATABASE, URI
from fhir_server.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its port, and the process that all of its others descend from."""

    port: int
    pid: int


def free_port() -> int:
    """Return a port of the loopback that nothing listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@contextmanager
def product(settings: Settings) -> Iterator[Running]:
    """Run `fhir-server serve` with these settings."""
    port = free_port()
    told = settings.model_copy(update={"port": port, "rate_limit": "off"})
    words = ("-m", "fhir_server.cli", "serve")
    with _running(words, told.as_environment(), settings.data_dir / "server.log") as pid:
        _wait(port, "/health/ready")
        yield Running(port, pid)


@contextmanager
def floors(settings: Settings) -> Iterator[Running]:
    """Run the floors with the workers and threads of `settings`."""
    port = free_port()
    words = (
        *("-m", "granian", "--interface", "wsgi", "--http", "1", "--factory"),
        *("--host", "127.0.0.1", "--port", str(port), "--backlog", str(settings.backlog)),
        *("--workers", str(settings.workers), "--blocking-threads", str(settings.threads)),
        *("--backpressure", "4096", "--log-level", "error", "--no-ws"),
        "benchmarks.floors:wsgi_of_environment",
    )
    told = {URI: settings.mongodb_uri or "", DATABASE: settings.database}
    with _running(words, told, settings.data_dir / "floors.log") as pid:
        _wait(port, "/constant")
        yield Running(port, pid)


@contextmanager
def _running(words: tuple[str, ...], told: dict[str, str], log: Path) -> Iterator[int]:
    """Run a program with what is `told` in its environment; give its process id."""
    # The same allocator setting as `fhir_server.serve` gives its workers.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FHIR_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=_ROOT,
            env=kept | {"MALLOC_ARENA_MAX": "2"} | told,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process.pid
    except BaseException:
        sys.stderr.write(log.read_text(errors="replace")[-2000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, path: str) -> None:
    """Return once `path` is answered 200; raise TimeoutError."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers at port {port}")
