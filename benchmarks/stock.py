"""Documents that wait to be deleted: copies of one that the server stored."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import bson
from pymongo.database import Database

from benchmarks.dataset import STOCK_SUFFIX, copies, scratch_names

_LARGEST_COPY: Final = 9_999_999


class Stock:
    """Ids of stored documents, each to be taken once."""

    def __init__(self, database: Database[dict[str, Any]], size: int) -> None:
        """Keep up to `size` copies in `database`; nothing is stored before `fill`."""
        self._documents = database["DocumentReference"]
        self._size = size
        self._made = 0
        self._ids: deque[str] = deque()

    def fill(self) -> None:
        """Store copies until there are as many as there should be, or a few more.

        They are taken patient by patient in turn, so that deletions at the same time are of
        different records, as they are in life.
        """
        lacking = self._size - len(self._ids)
        if lacking <= 0:
            return
        patients = scratch_names()
        each = -(-lacking // len(patients))
        numbers = range(self._made + 1, self._made + each + 1)
        if numbers.stop > _LARGEST_COPY:
            raise ValueError("the stock of documents is used up: ask for fewer rounds")
        for patient in patients:
            original = patient + STOCK_SUFFIX
            stored = self._documents.find_one({"_id": original})
            if stored is None:
                raise LookupError(f"DocumentReference/{original} was not loaded")
            names = [f"{patient}-s{number:07d}" for number in numbers]
            self._documents.insert_many(copies([bson.encode(stored)], original, names))
        self._ids += [f"{patient}-s{number:07d}" for number in numbers for patient in patients]
        self._made += each

    def take(self) -> str | None:
        """Return the id of a document to delete, or None when none is left."""
        return self._ids.popleft() if self._ids else None
