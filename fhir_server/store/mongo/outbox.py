"""What is to be told to people: queued with its cause, claimed by one deliverer at a time.

A notice is written in the transaction of what it tells of, or with the access log's entry of it.
Whoever delivers *claims* what is due, and then says `delivered` or `failed`. A claim is one write of
MongoDB on one document, so no notice is in two hands; a claim that nobody ends is over after its
lease. What was told stays: it is how the outbox knows that it was.

No body of a message lies here, and no name: only whom it is for, of what kind, and its cause.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument

from fhir_server.store.mongo.errors import translated
from fhir_server.store.mongo.notices import (
    COLLECTION,
    DELIVERED,
    FAILED,
    WAITING,
    queued,
)
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Notice

SECOND: Final = 1_000_000
FIRST_PAUSE: Final = 60 * SECOND
LONGEST_PAUSE: Final = 6 * 3600 * SECOND
MOST_TRIES: Final = 20
"""A notice that failed so often waits no more: some three days with the pauses above."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A notice and its state; `next` is when it may be claimed, `why` what failed last."""

    notice: Notice
    state: str
    next: int
    why: str


class Outbox:
    """The collection `outbox`; instants are microseconds since the epoch and come from the caller."""

    def __init__(self, store: MongoStore) -> None:
        """Use the database of `store`; nothing is sent yet."""
        self._outbox = store._db[COLLECTION]

    @translated
    def queue(self, notices: Sequence[Notice]) -> None:
        """Queue what was not queued before, durably, outside a transaction."""
        if notices:
            self._outbox.bulk_write([queued(notice) for notice in notices], ordered=False)

    @translated
    def claim(self, limit: int, lease: int, *, at: int) -> list[Notice]:
        """Return up to `limit` notices that are due at `at`, the longest due first.

        They are nobody else's until `at + lease`, in microseconds.
        """
        found: list[Notice] = []
        while len(found) < limit:
            one = self._outbox.find_one_and_update(
                {"state": WAITING, "next": {"$lte": at}},
                {
                    "$set": {"next": at + lease, "claim": secrets.token_hex(8)},
                    "$inc": {"tries": 1},
                },
                sort=[("next", ASCENDING), ("_id", ASCENDING)],
                return_document=ReturnDocument.AFTER,
            )
            if one is None:
                break
            found.append(_notice(one))
        return found

    @translated
    def delivered(self, notice: Notice) -> bool:
        """Say that a claimed notice was told; False when it is no longer this claim's to say so."""
        told = {"$set": {"state": DELIVERED}, "$unset": {"claim": 1, "why": 1}}
        return self._outbox.update_one(_held(notice), told).matched_count == 1

    @translated
    def failed(self, notice: Notice, why: str, *, at: int) -> bool:
        """Let a claimed notice be tried again later, twice as late each time; False as above.

        `why` is a word of the deliverer's for who runs the server, and names nobody.
        """
        pause = min(FIRST_PAUSE << (notice.tries - 1), LONGEST_PAUSE)
        state = FAILED if notice.tries >= MOST_TRIES else WAITING
        later = {"$set": {"state": state, "next": at + pause, "why": why}, "$unset": {"claim": 1}}
        return self._outbox.update_one(_held(notice), later).matched_count == 1

    @translated
    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many notices there are by kind and state."""
        groups = [{"$group": {"_id": {"kind": "$kind", "state": "$state"}, "count": {"$sum": 1}}}]
        found = self._outbox.aggregate(groups)
        return {(one["_id"]["kind"], one["_id"]["state"]): int(one["count"]) for one in found}

    @translated
    def list(self, state: str, limit: int) -> Sequence[Listed]:
        """Return the notices in `state`, the next due first."""
        order = [("next", ASCENDING), ("_id", ASCENDING)]
        found = self._outbox.find({"state": state}).sort(order).limit(limit)
        return [
            Listed(_notice(one), one["state"], one["next"], one.get("why", "")) for one in found
        ]


def _held(notice: Notice) -> dict[str, Any]:
    return {"_id": notice.key, "state": WAITING, "claim": notice.claim}


def _notice(found: Mapping[str, Any]) -> Notice:
    return Notice(
        key=found["_id"],
        kind=found["kind"],
        patient=found["patient"],
        to=tuple(found["to"]),
        refs=tuple(found["refs"]),
        due=found["due"],
        tries=found["tries"],
        claim=found.get("claim", ""),
    )
