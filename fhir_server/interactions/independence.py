"""Tell which entries of a batch hang on another one: https://hl7.org/fhir/R4/http.html#brules.

A batch carries out each entry alone, so an entry that needs another, or that writes what another
writes, would do something else than its sender means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.references import walk_references

Json = dict[str, Any]

_WRITES: Final = frozenset({"PUT", "PATCH", "DELETE"})


def dependent(found: Sequence[Json]) -> Mapping[int, BadRequest]:
    """Return the refusal of each entry of `found` that depends on another, by its place.

    Of two that write the same address the first stands. What a condition turns out to be about
    is not looked at: no entry knows of another's search.
    """
    created = {
        entry["fullUrl"]: index
        for index, entry in enumerate(found)
        if isinstance(entry.get("fullUrl"), str) and _verb(entry)[0] == "POST"
    }
    first: dict[str, int] = {}
    refused: dict[int, BadRequest] = {}
    for index, entry in enumerate(found):
        verb, url = _verb(entry)
        if verb in _WRITES and "?" not in url and first.setdefault(url, index) != index:
            refused[index] = _refusal(f"entry {first[url]} writes the same resource", index)
        for path, link in _links(entry) if created else ():
            if created.get(link, index) != index:
                words = f"`{link[:80]}` is created by entry {created[link]}"
                refused.setdefault(index, _refusal(words, index, path))
    return refused


def _verb(entry: Json) -> tuple[str, str]:
    request = entry.get("request")
    given = request if isinstance(request, dict) else {}
    return str(given.get("method", "")), str(given.get("url", "")).strip("/")


def _links(entry: Json) -> Iterator[tuple[str, str]]:
    resource = entry.get("resource")
    if isinstance(resource, dict):
        for path, reference in walk_references(resource):
            yield f".resource.{path.partition('.')[2]}.reference", reference["reference"]


def _refusal(words: str, index: int, path: str = ".request.url") -> BadRequest:
    return BadRequest(
        f"{words}, and the entries of a batch are carried out each alone; send a transaction",
        code="invalid",
        expression=f"Bundle.entry[{index}]{path}",
    )
