"""`fhir-server audit`: whether the access log is as it was written, and the heads that prove it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fhir_server.app import open_sealing
from fhir_server.audit.verifying import Progress, verify
from fhir_server.console.database import reachable
from fhir_server.identity.keys import load
from fhir_server.identity.signing import HEAD, checked
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import check_topology, connect
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.tiles import TileStore

Say = Callable[[str], object]
MOST_LINES = 50
"""Faults that are shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` tells: lines for people, the same as JSON, and whether all is well."""

    lines: tuple[str, ...]
    as_json: str
    is_well: bool


def verified(settings: Settings, progress: Progress, *, head: str = "") -> Report:
    """Seal what waits, unless the server does, and read the whole log against its tree.

    `head` is a signed head that was kept elsewhere. Raise ConfigurationError or Unavailable.
    """
    with _opened(settings) as (store, tiles):
        open_sealing(settings, store).catch_up()
        keys = load(settings.data_dir)
        found = verify(
            tiles, lambda text: checked(keys, HEAD, text), progress, witnessed=head.strip()
        )
    faults = [fault.line() for fault in found.faults]
    lost = "" if found.pending >= 0 else f"{-found.pending} sealed entries are not stored"
    root = found.head.root.hex() if found.head else ""
    lines = [
        f"{found.sealed} entries sealed, {max(found.pending, 0)} waiting",
        *([f"root {root}"] if root else []),
        *faults[:MOST_LINES],
        *([f"and {len(faults) - MOST_LINES} more"] if len(faults) > MOST_LINES else []),
        "the log is whole" if not (faults or lost) else "the log was tampered with",
    ]
    told = {
        "sealed": found.sealed,
        "waiting": max(found.pending, 0),
        "root": root,
        "head": found.head.signed if found.head else None,
        "faults": faults,
    }
    return Report(tuple(lines), json.dumps(told, indent=2), not (faults or lost))


def head_of(settings: Settings) -> str:
    """Return the newest signed head, to be kept elsewhere; empty when nothing is sealed.

    Raise ConfigurationError or Unavailable.
    """
    with _opened(settings) as (_, tiles):
        found = tiles.head()
        return found.signed if found else ""


def read_head(path: Path) -> str:
    """Return the head that `head_of` gave and a file keeps."""
    return path.read_text(encoding="ascii").strip()


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[MongoStore, TileStore]]:
    with reachable(settings) as uri, connect(uri) as client:
        check_topology(client)
        store = MongoStore(client, settings.database)
        yield store, TileStore(store)
