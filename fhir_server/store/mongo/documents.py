"""Rows to MongoDB documents and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.store.rows import Row


def current(row: Row) -> dict[str, Any]:
    """Return the document of `row` for the collection of current versions."""
    document: dict[str, Any] = {
        "_id": row.id,
        "version": row.version,
        "updated": row.updated,
        "raw": row.raw,
        "acl": dict(row.acl),
        "method": row.method,
    }
    if row.idx:
        document["idx"] = dict(row.idx)
        document["srt"] = dict(row.srt)
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


def row(type_: str, document: Mapping[str, Any]) -> Row:
    """Read a document of either collection."""
    return Row(
        type=type_,
        id=document.get("id", document["_id"]),
        version=document["version"],
        updated=document["updated"],
        raw=document["raw"],
        acl=document.get("acl", {}),
        idx=document.get("idx", {}),
        srt=document.get("srt", {}),
        method=document.get("method", "POST"),
        gone=document.get("gone", False),
    )
