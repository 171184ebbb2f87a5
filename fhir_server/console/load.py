"""`fhir-server load`: NDJSON and Bundles into the records, as the trusted system.

1. Each file is a sequence of units: a line of NDJSON, an entry's resource of a collection, or a
   whole transaction or batch Bundle.
2. Units are written in order; every hundred, and at the end, the position is kept in `load.json`
   in the data directory, by the file's path, size and time of change.
3. A later call with the same file goes on from there. A resource that has an id is put at it, so a
   unit that was written but not yet noted does no harm when repeated; after a `kill -9`, up to a
   hundred without an id may be there twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from fhir_server.console.database import reachable
from fhir_server.fhir.errors import FhirError
from fhir_server.settings import Settings

GROUP = 100
JOURNAL = "load.json"
EXECUTED = frozenset({"transaction", "batch"})


class LoadError(Exception):
    """A file can't be loaded; the text is the line to show."""


def load_files(settings: Settings, files: Sequence[Path], *, restart: bool = False) -> int:
    """Write what `files` hold, and return how many units were written by this call.

    Raises `LoadError` naming the file and the unit at fault; what came before it stays written.
    """
    from fhir_server.console.load_target import open_writer  # half a second: not for --help

    journal = Journal(settings.data_dir / JOURNAL)
    with reachable(settings) as uri:
        located = settings.model_copy(update={"mongodb_uri": uri})
        write = open_writer(located)
        return sum(_load_file(file, write, journal, restart=restart) for file in files)


class Journal:
    """How far each file is loaded, kept in one JSON file that is replaced whole."""

    def __init__(self, path: Path) -> None:
        """Read `path` if it is there."""
        self._path = path
        self._done: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def done(self, file: Path) -> int:
        """Return how many units of `file`, as it is now, are written."""
        return self._done.get(_identity(file), 0)

    def note(self, file: Path, count: int) -> None:
        """Keep that `count` units of `file` are written."""
        self._done[_identity(file)] = count
        partial = self._path.with_suffix(".partial")
        partial.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_text(json.dumps(self._done))
        partial.replace(self._path)


def _identity(file: Path) -> str:
    found = file.stat()
    return f"{file.resolve()}:{found.st_size}:{found.st_mtime_ns}"


def _load_file(
    file: Path, write: Callable[[bytes], None], journal: Journal, *, restart: bool
) -> int:
    skipped = count = 0 if restart else journal.done(file)
    shown = 0
    size = file.stat().st_size
    with file.open("rb") as stream, click.progressbar(length=size, label=file.name) as bar:
        try:
            for unit in islice(units(stream, file.name), skipped, None):
                write(unit)
                count += 1
                if count % GROUP == 0:
                    journal.note(file, count)
                    bar.update(stream.tell() - shown)
                    shown = stream.tell()
        except FhirError as error:
            raise LoadError(f"`{file}`, unit {count + 1}: {error}") from error
        finally:
            journal.note(file, count)
        bar.update(size - shown)
    return count - skipped


class _Resource(msgspec.Struct, rename="camel"):
    resource_type: str


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Bundle(msgspec.Struct):
    type: str = ""
    entry: list[_Entry] = []


def units(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the units of `stream` byte for byte: NDJSON, or one resource, or one Bundle.

    Raises `LoadError` with the number of the line that is no resource.
    """
    first = stream.readline()
    try:
        kind = msgspec.json.decode(first, type=_Resource).resource_type
    except msgspec.DecodeError:
        # Not a whole resource: the document goes on over the next lines.
        first += stream.read()
        kind = _kind(first, name, 1)
    if kind == "Bundle":
        yield from _bundle_units(first)
    else:
        yield first.strip()
    for number, line in enumerate(stream, 2):
        if line := line.strip():
            yield from _bundle_units(line) if _kind(line, name, number) == "Bundle" else (line,)


def _kind(text: bytes, name: str, number: int) -> str:
    try:
        return msgspec.json.decode(text, type=_Resource).resource_type
    except msgspec.DecodeError as error:
        raise LoadError(f"`{name}`, line {number}: not a FHIR resource in JSON") from error


def _bundle_units(text: bytes) -> Iterator[bytes]:
    bundle = msgspec.json.decode(text, type=_Bundle)
    if bundle.type in EXECUTED:
        yield text.strip()
    else:
        yield from (bytes(entry.resource) for entry in bundle.entry if bytes(entry.resource))
