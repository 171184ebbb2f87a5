"""Put the entries of the access log under signed tree heads, as they come.

1. One process holds a lease; it ends by itself if the process does.
2. Entries come from the change stream, in the order in which they were committed.
3. What came together is added to the tree, its root is signed, and tiles, head and the place in the
   stream are stored in one transaction. So an entry is in the tree once, whatever dies when.
4. Where the stream's past is gone, or nothing was ever sealed, all that is stored is looked through.

An entry waits for its head for about a second; an answer never does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Any, Final

from fhir_server import observe
from fhir_server.audit.merkle import HEIGHT, Growing, leaf_hash, root
from fhir_server.fhir.errors import FhirError
from fhir_server.store.mongo.tiles import Arriving, Head, MovedOn, TileStore
from fhir_server.store.rows import Row

LEASE_SECONDS: Final = 30
EVERY: Final = 1.0
"""Seconds in which entries gather, so that they share a round trip, a signature and a commit."""
_PATIENCE_MS: Final = 1
"""How long the stream waits where it has nothing: the time between is spent asleep."""
BATCH: Final = 1000
_PAUSE: Final = 5.0
"""Seconds between two looks at a lease that another process holds."""

Sign = Callable[[Mapping[str, Any]], str]
"""Returns a JWS, compact, over a head's members."""


def content(row: Row) -> bytes:
    """Return the bytes that a leaf stands for: the entry, and the facts that say who may read it.

    What it is found by is left out: it follows from the entry, and is made anew with new parameters.
    """
    facts = [row.id, row.version, row.updated, row.method, dict(row.acl)]
    return json.dumps(facts, separators=(",", ":")).encode() + b"\n" + row.raw


def told(size: int, head: bytes, at: int) -> dict[str, Any]:
    """Return what the signature of a head says; `at` in microseconds since the epoch."""
    return {"size": size, "root": head.hex(), "at": at}


class Sealing:
    """Adds to the tree of one installation."""

    def __init__(self, tiles: TileStore, sign: Sign, clock: Callable[[], int]) -> None:
        """Sign with `sign`; `clock` gives microseconds since the epoch."""
        self._tiles = tiles
        self._sign = sign
        self._clock = clock

    def begin(self) -> None:
        """Seal in the background for as long as this process lives."""
        threading.Thread(target=self._run, name="sealing", daemon=True).start()

    def _run(self) -> None:
        is_ready = False
        while True:
            try:
                if not is_ready:
                    self._tiles.prepare()
                    is_ready = True
                if self._tiles.lease(LEASE_SECONDS):
                    self.follow()
            except (FhirError, MovedOn):
                pass  # MongoDB is away, or another was quicker: what is left is begun again
            except Exception as error:  # noqa: BLE001 - a thread's last line of defence
                observe.failed(error, "sealing")
            sleep(_PAUSE)

    def follow(self) -> None:
        """Seal what comes for as long as the lease is held. Raise Unavailable."""
        with self._tiles.arriving(_PATIENCE_MS) as arriving:
            if not self._catch_up(arriving):
                return
            while self._tiles.lease(LEASE_SECONDS):
                if self._take(arriving) < BATCH:
                    sleep(EVERY)

    def catch_up(self) -> bool:
        """Seal what is there now; False when another process is at it. Raise Unavailable."""
        self._tiles.prepare()
        if not self._tiles.lease(LEASE_SECONDS):
            return False
        try:
            with self._tiles.arriving(_PATIENCE_MS) as arriving:
                if not self._catch_up(arriving):
                    return False
                while self._take(arriving):
                    if not self._tiles.lease(LEASE_SECONDS):
                        return False
        finally:
            self._tiles.release()
        return True

    def _catch_up(self, arriving: Arriving) -> bool:
        """Seal what the stream does not tell of, because it was stored before.

        False when another process took the lease. INVARIANT: no place in the stream is kept before
        all that was stored is sealed, so what breaks this off lets it be done again from the start.
        """
        if arriving.is_whole:
            return True
        after = (-(2**62), "")
        while rows := self._tiles.entries(after, BATCH):
            self.seal(rows, None)
            after = (rows[-1].srt["date"], rows[-1].id)
            if not self._tiles.lease(LEASE_SECONDS):
                return False
        self._tiles.go_on_from(arriving.token)
        return True

    def _take(self, arriving: Arriving) -> int:
        rows = arriving.some(BATCH)
        if rows:
            self.seal(rows, arriving.token)
        return len(rows)

    def seal(self, rows: Sequence[Row], token: Mapping[str, Any] | None) -> None:
        """Add those of `rows` that are not in the tree yet, under one new head."""
        rows = self._tiles.without_those_in_the_tree(rows)
        if not rows:
            return
        last = self._tiles.head()
        before = last.size if last else 0
        tree, ids = Growing(self._tiles.tile, before), self._ids(before)
        for row in rows:
            ids.setdefault(tree.size >> HEIGHT, []).append(row.id)
            tree.add(leaf_hash(content(row)))
        head, at = root(tree.tile, tree.size), self._clock()
        signed = self._sign(told(tree.size, head, at))
        self._tiles.add(before, tree.changed, ids, Head(tree.size, head, at, signed), token)

    def _ids(self, size: int) -> dict[int, list[str]]:
        """Return the ids of the tile that goes on being filled."""
        held = self._tiles.placed(size >> HEIGHT)
        return {size >> HEIGHT: list(held.ids)} if held is not None else {}
