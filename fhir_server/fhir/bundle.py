"""Write Bundles by joining bytes already stored: https://hl7.org/fhir/R4/bundle.html.

Nothing is parsed: `resource` of an entry goes out as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fhir_server.fhir.json import dumps

ResponseType = Literal["transaction-response", "batch-response"]


@dataclass(frozen=True, slots=True)
class Request:
    """`Bundle.entry.request`: what made this version, in a history."""

    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Response:
    """`Bundle.entry.response`; `outcome` is the JSON of an OperationOutcome."""

    status: str
    location: str = ""
    etag: str = ""
    last_modified: str = ""
    outcome: bytes = b""


class Entry(NamedTuple):
    """`Bundle.entry`. A relative `full_url` (`Patient/1`) is put under the base address."""

    full_url: str = ""
    resource: bytes = b""
    search_mode: Literal["", "match", "include", "outcome"] = ""
    request: Request | None = None
    response: Response | None = None


def _request(request: Request) -> bytes:
    return dumps({"method": request.method, "url": request.url})


def _response(response: Response) -> bytes:
    members = {
        "status": response.status,
        "location": response.location,
        "etag": response.etag,
        "lastModified": response.last_modified,
    }
    text = dumps({name: value for name, value in members.items() if value})
    if response.outcome:
        text = text[:-1] + b',"outcome":' + response.outcome + b"}"
    return text


def _entry(base: str, entry: Entry) -> bytes:
    parts = []
    if entry.full_url:
        # An absolute address or a urn has a scheme, a relative one has no colon: `Patient/1`.
        absolute = ":" in entry.full_url
        parts.append(
            b'"fullUrl":' + dumps(entry.full_url if absolute else f"{base}/{entry.full_url}")
        )
    if entry.resource:
        parts.append(b'"resource":' + entry.resource)
    if entry.search_mode:
        parts.append(b'"search":{"mode":"' + entry.search_mode.encode() + b'"}')
    if entry.request:
        parts.append(b'"request":' + _request(entry.request))
    if entry.response:
        parts.append(b'"response":' + _response(entry.response))
    return b"{" + b",".join(parts) + b"}"


def _pieces(head: dict[str, object], base: str, entries: Iterable[Entry]) -> Iterator[bytes]:
    yield dumps(head)[:-1]
    opening = b',"entry":['
    for entry in entries:
        yield opening + _entry(base, entry)
        opening = b","
    # An empty array is not FHIR JSON, so `entry` is left out: https://hl7.org/fhir/R4/json.html
    yield b"}" if opening != b"," else b"]}"


def _page(
    kind: str,
    base: str,
    self_link: str,
    links: Sequence[tuple[str, str]],
    total: int | None,
    entries: Iterable[Entry],
) -> bytes:
    head: dict[str, object] = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        head["total"] = total
    head["link"] = [
        {"relation": relation, "url": url} for relation, url in [("self", self_link), *links]
    ]
    return b"".join(_pieces(head, base, entries))


def searchset(
    base: str,
    self_link: str,
    links: Sequence[tuple[str, str]],
    total: int | None,
    entries: Iterable[Entry],
) -> bytes:
    """Return the answer to a search; `links` are (relation, absolute address) besides `self`.

    `total` counts matches only and is left out when None.
    """
    return _page("searchset", base, self_link, links, total, entries)


def history(
    base: str,
    self_link: str,
    links: Sequence[tuple[str, str]],
    total: int | None,
    entries: Iterable[Entry],
) -> bytes:
    """Return the answer to a history, every entry with its `request` and `response`."""
    return _page("history", base, self_link, links, total, entries)


def response_bundle(kind: ResponseType, entries: Iterable[Entry], *, base: str = "") -> bytes:
    """Return the answer to a transaction or batch, one entry for each one received, in order."""
    return b"".join(_pieces({"resourceType": "Bundle", "type": kind}, base, entries))
