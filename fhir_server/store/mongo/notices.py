"""The writes that put a notice into the outbox, inside a transaction or not (`outbox.py`)."""

from __future__ import annotations

from typing import Any, Final

from pymongo import UpdateOne

from fhir_server.store.rows import Notice

COLLECTION: Final = "outbox"
WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"


def queued(notice: Notice) -> UpdateOne:
    """Return what queues `notice` once, whoever does so again."""
    body: dict[str, Any] = {
        "kind": notice.kind,
        "patient": notice.patient,
        "to": list(notice.to),
        "refs": list(notice.refs),
        "due": notice.due,
        "state": WAITING,
        "tries": 0,
        "next": notice.due,
    }
    return UpdateOne({"_id": notice.key}, {"$setOnInsert": body}, upsert=True)


def resumed(notice: Notice) -> UpdateOne:
    """Return what lets a notice that was cancelled wait again."""
    again = {"state": WAITING, "due": notice.due, "next": notice.due}
    return UpdateOne({"_id": notice.key, "state": CANCELLED}, {"$set": again})


def cancelled(key: str) -> UpdateOne:
    """Return what cancels a notice that was not told yet, being told at this moment or not."""
    return UpdateOne({"_id": key, "state": WAITING}, {"$set": {"state": CANCELLED}})
