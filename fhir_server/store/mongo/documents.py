"""Rows to MongoDB documents and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fhir_server.store.rows import DistantRow, File, Row

Read = Callable[[File], bytes]


def current(row: Row) -> dict[str, Any]:
    """Return the document of `row` for the collection of current versions."""
    document: dict[str, Any] = {
        "_id": row.id,
        "version": row.version,
        "updated": row.updated,
        "raw": b"" if row.file is not None and row.file.holds == "raw" else row.raw,
        "acl": dict(row.acl),
        "method": row.method,
    }
    if row.idx:
        document["idx"] = dict(row.idx)
        document["srt"] = dict(row.srt)
    if row.file is not None:
        document["file"] = {
            "id": row.file.id,
            "length": row.file.length,
            "holds": row.file.holds,
        }
    return document


def past(row: Row) -> dict[str, Any]:
    """Return the document of `row` for the history: no search values, they are not searched."""
    document = current(row)
    document.pop("idx", None)
    document.pop("srt", None)
    document |= {"_id": f"{row.id}/{row.version}", "id": row.id}
    if row.gone:
        document["gone"] = True
    return document


def row(
    type_: str, document: Mapping[str, Any], read: Read, acl: Mapping[str, Any] | None = None
) -> Row:
    """Return the row of a document of either collection; its file is not `read` yet.

    `acl` are facts that are known of it and were not fetched.
    """
    facts = document.get("acl", {}) if acl is None else acl
    if "file" in document:
        return _with_file(type_, document, read, facts)
    return Row(
        type=type_,
        id=document.get("id", document["_id"]),
        version=document["version"],
        updated=document["updated"],
        raw=document["raw"],
        acl=facts,
        idx=document.get("idx", {}),
        srt=document.get("srt", {}),
        method=document.get("method", "POST"),
        gone=document.get("gone", False),
    )


def _with_file(
    type_: str, document: Mapping[str, Any], read: Read, facts: Mapping[str, Any]
) -> Row:
    file = File(**document["file"])
    fields: dict[str, Any] = {
        "type": type_,
        "id": document.get("id", document["_id"]),
        "version": document["version"],
        "updated": document["updated"],
        "acl": facts,
        "idx": document.get("idx", {}),
        "srt": document.get("srt", {}),
        "method": document.get("method", "POST"),
        "file": file,
    }
    if file.holds == "data":
        return Row(raw=document["raw"], **fields)
    return DistantRow.of(partial(read, file), **fields)
