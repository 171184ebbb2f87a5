"""Queries as one command: the first batch is the answer, without the machinery of a cursor.

https://www.mongodb.com/docs/manual/reference/command/find/
https://www.mongodb.com/docs/manual/reference/command/aggregate/

What a page or a look-up asks for is small and comes in one reply. Where it does not, and where the
primary has just changed, the driver's own cursor asks again: it fetches what is left, and retries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo.database import Database
from pymongo.errors import AutoReconnect

from fhir_server.store.mongo.explained import note

Document = dict[str, Any]

MAX_TIME_MS: Final = 10_000
"""The longest a query may run; over it the answer is 503, for everybody alike (L47)."""
_MOST: Final = 1000
"""Rows that one reply is asked for; for more, a cursor is as quick."""
_MAJORITY: Final = {"level": "majority"}
"""A command does not take it from the client, as a cursor does (`connect`)."""


def found(
    database: Database[Document],
    collection: str,
    query: Mapping[str, Any],
    *,
    projection: Mapping[str, int] | None = None,
    sort: Sequence[tuple[str, int]] = (),
    limit: int = 0,
) -> list[Document]:
    """Return the first `limit` documents that `query` finds, or all of them for 0."""
    command: Document = {"find": collection, "filter": query, "limit": limit}
    if projection is not None:
        command["projection"] = projection
    if sort:
        command["sort"] = dict(sort)
    note(command)
    if 0 < limit <= _MOST:
        # One more than there can be: MongoDB then knows that the reply is the last.
        rows = _in_one_reply(database, command | {"batchSize": limit + 1})
        if rows is not None:
            return rows
    asked = database[collection].find(query, projection).limit(limit).max_time_ms(MAX_TIME_MS)
    return list(asked.sort(list(sort)) if sort else asked)


def counted(database: Database[Document], collection: str, query: Mapping[str, Any]) -> int:
    """Count the documents that `query` finds, exactly, on a sharded cluster too."""
    command: Document = {
        "aggregate": collection,
        "pipeline": [{"$match": query}, {"$group": {"_id": None, "n": {"$sum": 1}}}],
        "cursor": {},
    }
    if not query:
        # Of everything: the ids are counted and no document is read.
        command["hint"] = {"_id": 1}
    note(command)
    rows = _in_one_reply(database, command)
    if rows is None:
        return database[collection].count_documents(query, maxTimeMS=MAX_TIME_MS)
    return int(rows[0]["n"]) if rows else 0


def _in_one_reply(database: Database[Document], command: Document) -> list[Document] | None:
    """Return what `command` finds, or None when there is more than a reply holds."""
    sent = command | {"maxTimeMS": MAX_TIME_MS, "readConcern": _MAJORITY}
    try:
        cursor = database.command(sent, codec_options=database.codec_options)["cursor"]
    except AutoReconnect:
        return None
    if cursor["id"]:
        collection = next(iter(command.values()))
        database.command({"killCursors": collection, "cursors": [cursor["id"]]})
        return None
    rows: list[Document] = cursor["firstBatch"]
    return rows
