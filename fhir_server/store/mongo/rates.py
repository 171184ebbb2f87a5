"""Counts of requests that every worker and node adds to: what limits are shared through.

They are worth a minute, so nothing is journaled and nothing waits for a majority.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from pymongo import UpdateOne, WriteConcern
from pymongo.read_concern import ReadConcern

from fhir_server.store.mongo.errors import translated
from fhir_server.store.mongo.store import MongoStore


class RateCounts:
    """The collection `rate`: a count by window and caller; entries go by themselves."""

    def __init__(self, store: MongoStore) -> None:
        """Keep the counts in the database of `store`; nothing is sent yet."""
        self._rate = store._db.get_collection(
            "rate", write_concern=WriteConcern(w=1), read_concern=ReadConcern("local")
        )

    @translated
    def exchange(self, window: int, added: Mapping[str, int]) -> dict[str, int]:
        """Add `added` to the counts of `window`, and return what they are now, in two round trips.

        A name is stored as its hash: it may tell who asks. Raise Unavailable.
        """
        names = {_hashed(window, name): name for name in added}
        now = datetime.now(UTC)
        steps = [
            UpdateOne(
                {"_id": id_},
                {"$inc": {"count": added[name]}, "$setOnInsert": {"at": now}},
                upsert=True,
            )
            for id_, name in names.items()
        ]
        self._rate.bulk_write(steps, ordered=False)
        found = self._rate.find({"_id": {"$in": list(names)}}, {"count": 1})
        return {names[item["_id"]]: int(item["count"]) for item in found}


def _hashed(window: int, name: str) -> str:
    return f"{window}/{sha256(name.encode()).hexdigest()[:32]}"
