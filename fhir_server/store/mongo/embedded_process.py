"""Start, find and end the operating system's process that is the embedded mongod."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

REPLICA_SET = "fhir"
STOP_SECONDS = 8.0
LOG_BYTES = 8 * 1024 * 1024

# Becomes mongod after asking the kernel to end it when the server dies, however that happens.
# A program of its own, since code between fork and exec is not safe in a process with threads.
# PR_SET_PDEATHSIG is 1; the parent is compared in case it died before the call.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]): sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(program: Path, data_dir: Path, socket: Path, cache_gb: float) -> subprocess.Popen[bytes]:
    """Start mongod on `socket`. It gets SIGTERM when the calling *thread* ends.

    Its session is its own: Ctrl-C on the console reaches the server alone, which ends it last.
    """
    socket.unlink(missing_ok=True)
    log = data_dir / "mongod.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with output_file(data_dir).open("wb") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(program)),
                *_arguments(data_dir, socket, cache_gb),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # MongoDB wants a valid locale; nothing of the server's own settings is its business.
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"LC_ALL": "C"},
        )


_KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR")


def _arguments(data_dir: Path, socket: Path, cache_gb: float) -> tuple[str, ...]:
    return (
        *("--dbpath", str(database_dir(data_dir))),
        *("--bind_ip", str(socket), "--filePermissions", "0600"),
        # No second socket in /tmp, which another mongod of this machine may own.
        *("--nounixsocket", "--port", "27017"),
        *("--replSet", REPLICA_SET, "--oplogSize", "990"),
        *("--wiredTigerCacheSizeGB", str(cache_gb)),
        *("--logpath", str(data_dir / "mongod.log"), "--logappend", "--quiet"),
        # A slow operation is logged with its filter, which may hold a patient's identifiers.
        *("--slowOpSampleRate", "0"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    )


def database_dir(data_dir: Path) -> Path:
    """Return the directory of MongoDB's own files."""
    return data_dir / "mongo"


def output_file(data_dir: Path) -> Path:
    """Return the file that holds what mongod prints, such as a missing library."""
    return data_dir / "mongod.out"


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask `process` to end and wait; kill it if it takes over `STOP_SECONDS`."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_leftover(data_dir: Path) -> int | None:
    """End a mongod that an earlier server left on `data_dir`, and return its process id.

    The caller holds the lock of `data_dir`, so whatever mongod has its files open is left over.
    """
    pid = leftover(data_dir)
    if pid is None:
        return None
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return pid
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if leftover(data_dir) is None:
                return pid
            time.sleep(0.02)
    return pid


def leftover(data_dir: Path) -> int | None:
    """Return the process id of the mongod that has the files of `data_dir` open, if one runs.

    The id comes from MongoDB's lock file, and counts only if that process has the same dbpath on
    its command line: after a crash the number may be another program's. A zombie has no command
    line and its files are closed.
    """
    try:
        pid = int((database_dir(data_dir) / "mongod.lock").read_text())
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(database_dir(data_dir)) in words else None
