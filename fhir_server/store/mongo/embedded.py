"""A real MongoDB that comes and goes with the server, for one machine and no preparation.

1. Lock the data directory; a second server is refused.
2. End a mongod that a killed server left there.
3. Start mongod on a unix socket that only this user can open, as a replica set of one.
4. Watch it: if it dies, start it again; WiredTiger recovers what was acknowledged.
5. On `stop`, or when the server dies, it gets SIGTERM.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

from fhir_server.store.mongo import embedded_process, embedded_program, embedded_replica
from fhir_server.store.mongo.connect import ConfigurationError
from fhir_server.store.mongo.embedded_lock import DataDirectoryLock

LONGEST_SOCKET_PATH = 107
START_SECONDS = 120.0
"""Generous: after a crash under load WiredTiger replays its journal first."""
START_ATTEMPTS = 3
WATCH_SECONDS = 0.1
LONGEST_REST_SECONDS = 5.0

log = logging.getLogger(__name__)


class EmbeddedMongo:
    """A mongod of our own under `data_dir`. Use from one thread; `start` once."""

    def __init__(
        self, data_dir: Path, *, mongod: Path | None = None, cache_gb: float = 0.5
    ) -> None:
        """Do nothing yet; `mongod` is the program to run, or None to look for one."""
        self._data_dir = data_dir.absolute()
        self._given = mongod
        self._cache_gb = cache_gb
        self._lock = DataDirectoryLock(self._data_dir)
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._failure = ""
        self._watch: threading.Thread | None = None
        self.pid: int | None = None

    def start(self) -> str:
        """Return the URI of a MongoDB that takes writes.

        Raises `ConfigurationError` if the directory is another live server's or can't be written,
        if there is no mongod, or if it doesn't start.
        """
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
            embedded_process.database_dir(self._data_dir).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            self._lock.release()
            raise ConfigurationError(
                f"`{self._data_dir}` can't be written ({error.strerror}): choose another --data-dir"
            ) from error
        try:
            program = embedded_program.find_program(self._given, self._data_dir)
            socket = socket_path(self._data_dir)
            if pid := embedded_process.end_leftover(self._data_dir):
                log.info("ended a mongod left over from before (process %d)", pid)
            # One thread starts every mongod: the kernel ends a child with the thread it came from.
            self._watch = threading.Thread(
                target=self._keep_running, args=(program, socket), name="mongod-watch", daemon=True
            )
            self._watch.start()
            self._settled.wait()
            if self._failure:
                raise ConfigurationError(self._failure)
        except BaseException:
            self.stop()
            raise
        return embedded_replica.uri(socket)

    def stop(self) -> None:
        """End mongod and give the directory back. Does nothing the second time."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        self._lock.release()

    def _keep_running(self, program: Path, socket: Path) -> None:
        failures = 0
        while not self._stopping.is_set():
            process = embedded_process.spawn(program, self._data_dir, socket, self._cache_gb)
            self.pid = process.pid
            try:
                serves = embedded_replica.wait_for_primary(process, socket, START_SECONDS)
                if serves:
                    failures = 0
                    self._settled.set()
                    self._watch_over(process)
            except Exception as error:
                serves = False
                log.exception("mongod could not be set up: %s", error)
            finally:
                if process.poll() is None:
                    embedded_process.end(process)
            if self._stopping.is_set():
                return
            failures += 1
            if not self._settled.is_set() and failures >= START_ATTEMPTS:
                self._failure = self._why(process.returncode)
                self._settled.set()
                return
            log.warning("mongod ended with status %s; starting it again", process.returncode)
            if not serves:
                self._stopping.wait(min(LONGEST_REST_SECONDS, 0.2 * 2**failures))

    def _watch_over(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None and not self._stopping.wait(WATCH_SECONDS):
            pass

    def _why(self, status: int) -> str:
        words = embedded_process.output_file(self._data_dir).read_text(errors="replace")
        line = embedded_program.why_it_ended(status, words)
        return f"{line} (more in `{self._data_dir / 'mongod.log'}`)"


def running_uri(data_dir: Path) -> str | None:
    """Return the URI of the embedded MongoDB that a live server runs in `data_dir`, if any."""
    if embedded_process.leftover(data_dir.absolute()) is None:
        return None
    return embedded_replica.uri(socket_path(data_dir.absolute()))


def socket_path(data_dir: Path) -> Path:
    """Return where mongod listens: in `data_dir`, or in a directory of ours with a shorter name.

    A unix socket's path has at most 107 bytes. Never a TCP port: any user of the machine could
    open that.
    """
    usual = data_dir / "mongo.sock"
    if len(os.fsencode(usual)) <= LONGEST_SOCKET_PATH:
        return usual
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 checked to be ours below
        folder = Path(parent, f"fhir-server-{os.getuid()}-{name}")
        if len(os.fsencode(folder / usual.name)) <= LONGEST_SOCKET_PATH:
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise ConfigurationError(f"`{folder}` is open to others: remove it")
            return folder / usual.name
    raise ConfigurationError(f"the path of `{data_dir}` is too long: choose another --data-dir")
