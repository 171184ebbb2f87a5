"""Find a mongod that this machine can run, and say what it lacks when it can't."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fhir_server.store.mongo.connect import ConfigurationError

WHEEL_PATH = Path("fiftyone", "db", "bin", "mongod")
"""Where the package of the extra `embedded` puts the program, under site-packages."""

PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
"""Shared libraries that mongod needs, and the Debian and Ubuntu package that holds each."""


def find_program(given: Path | None, data_dir: Path) -> Path:
    """Return an executable mongod: `given`, or the one on PATH, or the one of the wheel.

    Raises `ConfigurationError` if there is none.
    """
    if given is not None:
        if os.access(given, os.X_OK) and given.is_file():
            return given
        raise ConfigurationError(f"`{given}` is not a program that can be run: correct mongod")
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    for folder in sys.path:
        if (shipped := Path(folder) / WHEEL_PATH).is_file():
            return _executable(shipped, data_dir)
    raise ConfigurationError(
        "no mongod found: install the extra `embedded` (linux x86_64) or MongoDB 6.0 or later, "
        "or give --mongodb-uri"
    )


def _executable(shipped: Path, data_dir: Path) -> Path:
    """Return `shipped` with its executable bit, or a copy in `data_dir` if it can't be set."""
    if os.access(shipped, os.X_OK):
        return shipped
    try:
        shipped.chmod(shipped.stat().st_mode | 0o555)
    except OSError:
        copy = data_dir / "bin" / "mongod"
        if not copy.is_file() or copy.stat().st_size != shipped.stat().st_size:
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_suffix(".partial")
            shutil.copyfile(shipped, partial)
            partial.chmod(0o700)
            partial.replace(copy)
        return copy
    return shipped


def program_version(program: Path) -> str:
    """Return the version that `program` gives of itself, such as `6.0.5`.

    Raises `ConfigurationError` if it can't be run.
    """
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"`{program}` can't be run: {error}") from error
    if found := re.search(r"db version v(\S+)", answer.stdout):
        return found[1]
    raise ConfigurationError(why_it_ended(answer.returncode, answer.stderr))


def why_it_ended(status: int, words: str) -> str:
    """Return one line for a mongod that ended at once with `status`, having printed `words`."""
    if missing := re.search(r"shared libraries: (\S+?):", words):
        return missing_libraries_line((missing[1],))
    if status in (-4, 132):
        return "mongod needs a processor with AVX: give --mongodb-uri or an older mongod"
    last = words.strip().splitlines()[-1:] or ["no message"]
    return f"mongod ended at start with status {status}: {last[0]}"


def missing_libraries() -> tuple[str, ...]:
    """Return the shared libraries of `PACKAGES` that this machine lacks."""
    return tuple(name for name in PACKAGES if not _loads(name))


def missing_packages(names: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return the packages that hold the libraries `names`, or those missing from this machine."""
    wanted = missing_libraries() if names is None else names
    return tuple(sorted({PACKAGES.get(name, "mongodb-org-server") for name in wanted}))


def missing_libraries_line(names: tuple[str, ...]) -> str:
    """Return one line that names the missing libraries and the command that installs them."""
    packages = " ".join(missing_packages(names))
    return f"mongod lacks {', '.join(names)}: run `apt-get install {packages}`"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
