"""The right to do a work that one process of the installation does at a time.

It ends by itself if the process does. Time is MongoDB's own (`$$NOW`), so that the clocks of nodes
don't matter.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError


class Lease:
    """One right, kept as a document; each object is a taker of its own."""

    def __init__(self, collection: Collection[dict[str, Any]], name: str) -> None:
        """Keep it in `collection` under the id `name`; nothing is sent yet."""
        self._own = collection
        self._name = name
        self._me = secrets.token_hex(8)

    def take(self, seconds: int) -> bool:
        """Take or keep the right for so long; False when another has it."""
        if self._update(seconds):
            return True
        # MongoDB takes no `$expr` in an upsert, so one that has expired is made where there is none.
        with suppress(DuplicateKeyError):
            past = datetime.fromtimestamp(0, UTC)
            self._own.insert_one({"_id": self._name, "by": "", "until": past})
            return self._update(seconds)
        return False

    def _update(self, seconds: int) -> bool:
        expired = {"$expr": {"$lt": ["$until", "$$NOW"]}}
        until = {"$add": ["$$NOW", 1000 * seconds]}
        found = self._own.update_one(
            {"_id": self._name, "$or": [{"by": self._me}, expired]},
            [{"$set": {"by": self._me, "until": until}}],
        )
        return found.matched_count == 1

    def release(self) -> None:
        """Let another take it."""
        self._own.delete_one({"_id": self._name, "by": self._me})
