"""Run the whole installation: MongoDB, the demonstration records, the HTTP server, in that order.

    fhir-server serve             this module: starts, watches, restarts, stops
    ├── mongod                    when no URI is given; stopped last
    └── console.http_server       granian or gunicorn
        └── workers               the application

Each child ends with its parent, even if that is killed, so nothing is left holding the port.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import fhir_server
from fhir_server.console.welcome import welcome
from fhir_server.fhir.errors import Unavailable
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import ConfigurationError, check_topology, connect
from fhir_server.store.mongo.embedded import EmbeddedMongo
from fhir_server.store.mongo.large import Files

STOP_SECONDS = 20.0
"""With the 8 seconds that mongod gets, under the 30 of the contract."""
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
ATTEMPTS = 3
DEMO_MARK = "demo.loaded"

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code.

    Raises `ConfigurationError` if the installation can't serve as it is.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    check_port(settings.host, settings.port)
    prepare(settings.data_dir)
    with database(settings) as uri:
        settings = settings.model_copy(
            update={"mongodb_uri": uri, "data_dir": settings.data_dir.absolute()}
        )
        remove_left_over(uri, settings.database)
        if settings.demo and not stopping.is_set():
            load_demo(settings)
        return Supervisor(settings, stopping).run()


def prepare(data_dir: Path) -> None:
    """Make `data_dir`, for this user only, or raise `ConfigurationError`."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"`{data_dir}` can't be made ({error.strerror}): choose another --data-dir"
        ) from error


def check_port(host: str, port: int, patience: float = 1.0) -> None:
    """Raise `ConfigurationError` if `port` is taken.

    Asked without SO_REUSEPORT, with which two servers would silently share the port. `patience`
    is for the sockets of a server that was killed a moment ago.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
            return
        except OSError as error:
            if time.monotonic() < deadline and not isinstance(error, socket.gaierror):
                time.sleep(POLL_SECONDS)
                continue
            raise ConfigurationError(
                f"can't listen on `{host}:{port}` ({error.strerror}): "
                "stop what does, or choose another --port"
            ) from error


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Give the URI of a MongoDB that is fit: the one of the settings, or an embedded one."""
    embedded: EmbeddedMongo | None = None
    if settings.mongodb_uri is None:
        embedded = EmbeddedMongo(
            settings.data_dir, mongod=settings.mongod, cache_gb=settings.mongodb_cache_gb
        )
    try:
        uri = settings.mongodb_uri or (embedded.start() if embedded else "")
        with connect(uri) as client:
            check_topology(client)
        yield uri
    finally:
        if embedded is not None:
            embedded.stop()


def remove_left_over(uri: str, database: str) -> None:
    """Remove the files of writes that a server which died has begun more than a day ago."""
    with connect(uri) as client, suppress(Unavailable):  # then the next start does it
        if removed := Files(client[database]).sweep():
            log.info("removed %s files of writes that never ended", removed)


def load_demo(settings: Settings) -> None:
    """Load the demonstration records unless this data directory has those of this version.

    In a process of its own, whose memory is given back.
    """
    mark = settings.data_dir / DEMO_MARK
    wanted = f"{fhir_server.__version__} {settings.database}\n"
    if mark.exists() and mark.read_text() == wanted:
        return
    code = "from fhir_server.demo.load import ensure; from fhir_server.settings import Settings; "
    code += "s = Settings(); ensure(s, s.mongodb_uri)"
    done = subprocess.run([sys.executable, "-c", code], env=_environment(settings), check=False)
    if done.returncode != 0:
        raise ConfigurationError("the demonstration records could not be loaded: see above")
    mark.write_text(wanted)


def _environment(settings: Settings) -> dict[str, str]:
    # Two arenas: the C library would keep one to a thread, and memory with each.
    return {"MALLOC_ARENA_MAX": "2"} | os.environ | settings.as_environment()


class Supervisor:
    """Keep one HTTP server running until told to stop."""

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        """Start nothing yet; `stopping` is set by the signal handlers."""
        self._settings = settings
        self._stopping = stopping

    def run(self) -> int:
        """Serve; return 0 once stopped. Raises `ConfigurationError` if it never answers."""
        failures, announced = 0, False
        while not self._stopping.is_set():
            process = self._spawn()
            try:
                if self._answers(process):
                    failures = 0
                    if not announced:
                        print(welcome(self._settings), flush=True)
                        announced = True
                    while process.poll() is None and not self._stopping.wait(POLL_SECONDS):
                        pass
            finally:
                self._end(process)
            if self._stopping.is_set():
                break
            failures += 1
            if not announced and failures >= ATTEMPTS:
                raise ConfigurationError("the HTTP server does not start: see the lines above")
            log.warning("the HTTP server ended (status %s); restarting", process.returncode)
            self._stopping.wait(min(5.0, 0.2 * 2**failures))
        return 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "fhir_server.console.http_server", str(os.getpid())],
            env=_environment(self._settings),
            stdin=subprocess.DEVNULL,
            # Ctrl-C reaches this process alone, which then stops the others in order.
            start_new_session=True,
        )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if _is_live(self._settings.host, self._settings.port):
                return True
            if self._stopping.wait(POLL_SECONDS):
                return False
        return False

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_live(host: str, port: int) -> bool:
    every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 a look-up, nothing is bound
    connection = HTTPConnection(every.get(host, host), port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
