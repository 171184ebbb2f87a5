"""One server to a data directory: an exclusive lock that the kernel drops with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from fhir_server.store.mongo.connect import ConfigurationError

LOCK_FILE = "server.lock"


class DataDirectoryLock:
    """The right to use a data directory, from `acquire` to `release` or the end of the process."""

    def __init__(self, data_dir: Path) -> None:
        """Lock nothing yet."""
        self._path = data_dir / LOCK_FILE
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock, or raise `ConfigurationError` naming the process that holds it."""
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise ConfigurationError(
                f"another server (process {holder}) uses `{self._path.parent}`: "
                "stop it, or choose another --data-dir"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; the file stays, so that nobody locks a file about to vanish."""
        if self._file is not None:
            self._file.close()
            self._file = None


def is_held(data_dir: Path) -> bool:
    """Tell whether a live server uses `data_dir`."""
    try:
        with (data_dir / LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
