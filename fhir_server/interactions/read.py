"""read: https://hl7.org/fhir/R4/http.html#read."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime

from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.native import content, representation, wants_fhir
from fhir_server.search.result import read_subset
from fhir_server.store.rows import Row

Pairs = Sequence[tuple[str, str]]


def read(x: Exchange, type_: str, id_: str, pairs: Pairs = ()) -> Answer:
    """Return the current version, or the part that `_summary` or `_elements` asks for.

    A Binary comes in its own content type when that is accepted; nothing comes when the caller
    has this version already (`If-None-Match`, `If-Modified-Since`).
    """
    subset = read_subset(pairs)
    row = x.view.read(type_, id_)
    if unchanged(x, row):
        return Answer(304, b"", version_headers(row))
    if type_ == "Binary" and not wants_fhir(x.headers.get("accept", "")):
        return content(x, row)
    return representation(x, row, subset)


def unchanged(x: Exchange, row: Row) -> bool:
    """Tell whether the caller has this version (https://hl7.org/fhir/R4/http.html#cread).

    Asked only after the caller may know the resource, so that it probes nothing (L22).
    """
    tags = x.headers.get("if-none-match", "")
    if tags:
        given = {tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")}
        return bool(given & {str(row.version), "*"})
    try:
        since = parsedate_to_datetime(x.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return row.updated // 1_000_000 <= since.timestamp()
