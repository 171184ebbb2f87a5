"""`fhir-server doctor`: what is well, what is not, and the cure."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from fhir_server.consent.matrix import MatrixError
from fhir_server.consent.rules import RULES
from fhir_server.consent.ruleset import RuleSetError, rule_set_hash
from fhir_server.data import mappings_dir, profiles_dir
from fhir_server.records.rulesets import rule_set, shipped_matrix
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import ConfigurationError, State, state
from fhir_server.store.mongo.embedded import running_uri
from fhir_server.store.mongo.embedded_lock import is_held
from fhir_server.store.mongo.embedded_program import (
    find_program,
    missing_libraries,
    missing_libraries_line,
    program_version,
)

OLDEST_PYTHON = (3, 11)
TABLES = ("elements.json", "search_parameters.json", "compartments.json", "types.json")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination; `words` ends with the cure if it is not `well`."""

    well: bool
    subject: str
    words: str

    def line(self) -> str:
        """Return the finding as the console shows it."""
        return f"{'OK' if self.well else '!!'}  {self.subject:<12} {self.words}"


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Return every finding about the installation of `settings`. Changes nothing."""
    steps: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _program,
        _directory,
        _database,
        _key,
        _shipped,
        _policy,
    )
    return tuple(chain.from_iterable(step(settings) for step in steps))


def _python(_: Settings) -> Iterator[Finding]:
    found = f"{platform.python_version()} at {sys.executable}"
    well = sys.version_info >= OLDEST_PYTHON
    yield Finding(well, "python", found if well else f"{found}: install 3.11 or later")


def _program(settings: Settings) -> Iterator[Finding]:
    if settings.mongodb_uri is not None:
        return
    missing = missing_libraries()
    words = missing_libraries_line(missing) if missing else "libcurl, OpenSSL 3 found"
    yield Finding(not missing, "libraries", words)
    try:
        program = find_program(settings.mongod, settings.data_dir)
        yield Finding(True, "mongod", f"{program_version(program)} at {program}")
    except ConfigurationError as error:
        yield Finding(False, "mongod", str(error))


def _directory(settings: Settings) -> Iterator[Finding]:
    directory = settings.data_dir.absolute()
    place = directory
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK):
        yield Finding(False, "data", f"`{directory}` can't be written: choose another --data-dir")
        return
    use = "held by a running server" if is_held(directory) else "free"
    yield Finding(True, "data", f"`{directory}` is {use if directory.exists() else 'not made yet'}")


def _database(settings: Settings) -> Iterator[Finding]:
    uri = settings.mongodb_uri or running_uri(settings.data_dir)
    if uri is None:
        yield Finding(True, "mongodb", "not running; it starts with `fhir-server serve`")
        return
    try:
        found = state(uri, settings.database)
    except ConfigurationError as error:
        yield Finding(False, "mongodb", str(error))
        return
    yield Finding(True, "mongodb", f"{found.version}, replica set {found.replica_set}")
    words = f"`{settings.database}`: {found.collections} collections, {found.indexes} indexes"
    yield Finding(True, "database", words)
    yield from _indexes(found)
    words = f"{found.left_over} left over by writes that never ended"
    words += ", removed when the server starts" if found.left_over else ""
    yield Finding(True, "files", words)


def _indexes(found: State) -> Iterator[Finding]:
    lacking = [one for one in found.wrong if one.state != "unknown"]
    words = f"{found.indexes - len(found.wrong) + len(lacking)} as declared"
    if lacking:
        names = ", ".join(f"{one.collection}.{one.name}" for one in lacking)
        words = f"missing or different: {names}: run `fhir-server indexes`"
    yield Finding(not lacking, "indexes", words)
    if unknown := [f"{one.collection}.{one.name}" for one in found.wrong if one not in lacking]:
        words = f"not declared: {', '.join(unknown)}: `fhir-server indexes --drop-unknown` removes"
        yield Finding(True, "indexes", words)
    words = f"{len(found.unused)} not used by a query since MongoDB started"
    yield Finding(True, "indexes", words)


def _key(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir / "keys" / "signing.pem"
    if not path.exists():
        yield Finding(True, "signing key", "not made yet; the first start or token makes it")
    elif path.stat().st_mode & 0o077:
        yield Finding(False, "signing key", f"others can read it: run `chmod 600 {path}`")
    else:
        yield Finding(True, "signing key", f"`{path}`")


def _shipped(_: Settings) -> Iterator[Finding]:
    room = find_spec("fhir_server.definitions")
    folder = Path(room.origin).parent if room and room.origin else Path()
    absent = [name for name in TABLES if not (folder / name).is_file()]
    words = f"{len(TABLES)} tables of FHIR R4 (4.0.1)"
    if absent:
        words = f"missing {', '.join(absent)}: install again, or run `make definitions`"
    yield Finding(not absent, "definitions", words)
    for name, shipped in (("mappings", mappings_dir()), ("profiles", profiles_dir())):
        words = "found" if shipped.is_dir() else "missing: install again"
        yield Finding(shipped.is_dir(), name, words)


def _policy(settings: Settings) -> Iterator[Finding]:
    try:
        law = rule_set(settings.rule_set)
        matrix = shipped_matrix(law.matrix)
    except (RuleSetError, MatrixError) as error:
        yield Finding(False, "policy", f"{error}: run `fhir-server policy lint`")
        return
    edition = matrix.edition or "without a number"
    words = f"rule set `{law.id}` of {law.valid_from}, `{law.matrix}` edition {edition}, hash "
    yield Finding(True, "policy", words + rule_set_hash(law, matrix, RULES)[:16])
