"""Look for what was done to the access log behind the server's back, and say where.

Every entry is read and hashed again. A byte that was changed, an entry that is gone, one in the
place of another, a tile or a head that does not fit: each is one `Fault`, with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.audit.merkle import HASH, HEIGHT, Growing, NotInTheTree, leaf_hash, root
from fhir_server.audit.sealing import content, told
from fhir_server.store.mongo.tiles import Head, Placed, TileStore
from fhir_server.store.rows import Row

Check = Callable[[str], Mapping[str, Any]]
"""Returns what a JWS says; raises ValueError when no key of the installation signed it."""
Progress = Callable[[int, int], object]

_EVERY: Final = 16
"""Tiles between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was sealed; `position` is that of the leaf, where there is one."""

    what: str
    position: int | None = None
    entry: str = ""

    def line(self) -> str:
        """Return the fault as the console shows it."""
        place = "" if self.position is None else f"entry {self.position}"
        named = f" (AuditEvent/{self.entry})" if self.entry else ""
        return f"{place}{named}: {self.what}".removeprefix(": ")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at: entries under heads, entries stored, the newest head, and the faults."""

    sealed: int
    stored: int
    head: Head | None
    faults: tuple[Fault, ...]

    @property
    def pending(self) -> int:
        """Return how many entries wait for their head; negative when some are gone."""
        return self.stored - self.sealed


def verify(tiles: TileStore, check: Check, progress: Progress, *, witnessed: str = "") -> Verified:
    """Read the whole log, and compare it with its tree.

    `witnessed` is a signed head that was kept elsewhere: the tree must hold it too, so that nobody
    can put an older log, or another one, in the place of this.
    """
    head = tiles.head()
    found = list(_faults(tiles, head, check, progress)) if head else []
    if witnessed:
        found += _against(tiles, head, check, witnessed)
    return Verified(head.size if head else 0, tiles.stored(), head, tuple(found))


def _faults(tiles: TileStore, head: Head, check: Check, progress: Progress) -> Iterator[Fault]:
    tree = Growing(lambda _: b"", 0)
    heads = tiles.heads()
    waiting = next(heads, None)
    for number in range((head.size + 255) >> HEIGHT):
        held = tiles.placed(number)
        wanted = min(1 << HEIGHT, head.size - (number << HEIGHT))
        if held is None or len(held.ids) < wanted or len(held.hashes) < wanted * HASH:
            yield Fault(f"the tree lacks entries from {number << HEIGHT} on")
            return
        yield from _entries(tiles, held)
        for at in range(wanted):
            tree.add(held.hashes[at * HASH : (at + 1) * HASH])
            while waiting is not None and waiting.size == tree.size:
                yield from _head(tree, waiting, check)
                waiting = next(heads, None)
        # What is below a full tile is in the tile above it: a long log needs little memory.
        tree.changed.pop((0, number - 1), None)
        if number % _EVERY == 0 or tree.size == head.size:
            progress(tree.size, head.size)
    for address, hashes in tree.changed.items():
        if address[0] and tiles.tile(address) != hashes:
            yield Fault(f"tile {address[0]}/{address[1]} of the tree does not fit what is below it")


def _entries(tiles: TileStore, held: Placed) -> Iterator[Fault]:
    """Compare the entries of one tile with their leaves."""
    rows = tiles.of(held.ids)
    leaves = [held.hashes[at : at + HASH] for at in range(0, len(held.hashes), HASH)]
    places = {leaf: held.first + at for at, leaf in enumerate(leaves)}
    for at, (id_, leaf) in enumerate(zip(held.ids, leaves, strict=False)):
        row = rows.get(id_)
        if row is None:
            yield Fault("gone", held.first + at, id_)
        elif (hashed := leaf_hash(content(row))) != leaf:
            yield Fault(_difference(row, places.get(hashed)), held.first + at, id_)


def _difference(row: Row, place: int | None) -> str:
    if place is not None:
        return f"in the place of another: it was entry {place}"
    return f"changed: it is not what was sealed ({len(row.raw)} bytes now)"


def _head(tree: Growing, head: Head, check: Check) -> Iterator[Fault]:
    """Compare one head with the tree as it grew, and with its own signature."""
    if root(tree.tile, tree.size) != head.root:
        yield Fault(f"the head over {head.size} entries has another root than the tree")
    if _said(check, head.signed) != told(head.size, head.root, head.at):
        yield Fault(f"the head over {head.size} entries bears no signature of this installation")


def _against(tiles: TileStore, head: Head | None, check: Check, witnessed: str) -> Iterator[Fault]:
    said = _said(check, witnessed)
    if said is None:
        yield Fault("the head that was given bears no signature of this installation")
        return
    size = int(said["size"])
    if head is None or size > head.size:
        yield Fault(f"the log is shorter than the head that was given, over {size} entries")
    elif _root(tiles, size) != said["root"]:
        yield Fault(f"the log does not begin with that of the head given, over {size} entries")


def _root(tiles: TileStore, size: int) -> str:
    """Return the root of the first `size` entries in hexadecimal digits; empty if tiles lack."""
    try:
        return root(tiles.tile, size).hex()
    except NotInTheTree:
        return ""


def _said(check: Check, signed: str) -> Mapping[str, Any] | None:
    try:
        return check(signed)
    except ValueError:
        return None
