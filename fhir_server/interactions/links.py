"""Resolve what the entries of a transaction refer to: each other, and resources by condition.

https://hl7.org/fhir/R4/http.html#trules. A conditional reference sees only what its author may
know (L30), with one exception that the record's service needs: an exact INS names the record to
be fed, whoever feeds it (TD0.2, R22), and tells no more than that it is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_server.fhir.errors import BadRequest, PreconditionFailed
from fhir_server.fhir.json import Document
from fhir_server.fhir.references import Kind as ReferenceKind
from fhir_server.fhir.references import Reference, parse_reference, walk_references
from fhir_server.fhir.rewrite import rewrite
from fhir_server.interactions.bodies import document_of
from fhir_server.interactions.conditions import pairs_of, the_match
from fhir_server.interactions.entries import Item, at
from fhir_server.interactions.exchange import Exchange
from fhir_server.records.feeding import record_to_feed


def resolve(x: Exchange, items: list[Item]) -> list[Item]:
    """Return the entries with every link replaced by an address of this server."""
    for item in items:
        with at(item):
            _conditions(x, item)
    addresses = {
        item.full_url: item.found.ref if item.found else f"{item.type}/{item.id}"
        for item in items
        if item.full_url and item.method in ("POST", "PUT")
    }
    known: dict[str, str] = {}
    for item in items:
        if item.resource is not None:
            with at(item):
                rewrite(item.resource, addresses)
                _references(x, item, item.resource, known)
    _pointed(items)
    return items


def settle(x: Exchange, document: Document) -> Document:
    """Return a resource that comes alone with its conditional references resolved.

    R4 speaks of them in transactions only; the French guides' simplified publication (ITI-105)
    sends them alone. Without any, the document stays as it came, to the byte.
    """
    resource = document.resource
    if "?" not in document.text:
        return document
    changed = False
    for path, reference in walk_references(resource):
        parsed = parse_reference(reference["reference"], x.base)
        if parsed.kind is ReferenceKind.CONDITIONAL:
            reference["reference"] = _search(x, parsed, f"{path}.reference")
            changed = True
    return document_of(resource) if changed else document


def _conditions(x: Exchange, item: Item) -> None:
    """Settle which resource a conditional create or patch is about."""
    if item.method == "POST" and item.if_none_exist:
        query = item.if_none_exist.partition("?")[2] or item.if_none_exist
        item.found = the_match(x, item.type, pairs_of(query))
    if item.method == "PATCH" and not item.id:
        found = the_match(x, item.type, item.pairs)
        if found is None:
            raise PreconditionFailed(f"no {item.type} matches the condition")
        item.id = found.id


def _references(x: Exchange, item: Item, resource: dict[str, Any], known: dict[str, str]) -> None:
    for path, reference in walk_references(resource):
        text = reference["reference"]
        parsed = parse_reference(text, x.base)
        place = f"{item.place}.resource.{path.partition('.')[2]}.reference"
        match parsed.kind:
            case ReferenceKind.CONDITIONAL:
                if text not in known:
                    known[text] = _search(x, parsed, place)
                reference["reference"] = known[text]
            case ReferenceKind.URN if text.startswith(("urn:uuid:", "urn:oid:")):
                raise BadRequest(
                    f"`{text[:80]}` is the fullUrl of no entry", code="not-found", expression=place
                )
    for path, attachment in _attachments(resource, str(resource["resourceType"])):
        if attachment["url"].startswith("urn:uuid:"):
            raise BadRequest(
                f"`{attachment['url'][:80]}` is the fullUrl of no entry",
                code="not-found",
                expression=f"{item.place}.resource.{path.partition('.')[2]}.url",
            )


def _search(x: Exchange, reference: Reference, place: str) -> str:
    pairs = pairs_of(reference.query)
    if reference.type == "Patient":
        patient = record_to_feed(x.view, pairs)
        if patient:
            return f"Patient/{patient}"
    found = the_match(x, reference.type, pairs)
    if found is None:
        raise PreconditionFailed(
            f"no {reference.type} matches the conditional reference", expression=place
        )
    return found.ref


def _attachments(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and object of everything that has a text `url`, Attachments among them."""
    if isinstance(value, dict):
        if isinstance(value.get("url"), str):
            yield path, value
        for name, inner in value.items():
            yield from _attachments(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _attachments(inner, f"{path}[{place}]")


def _pointed(items: list[Item]) -> None:
    """Note which new pointers point to other new ones, so that they are written after them."""
    new = {f"{item.type}/{item.id}": item for item in items if item.resource is not None}

    def depth(item: Item, above: frozenset[str]) -> int:
        found = 0
        for _, reference in walk_references(item.resource or {}):
            inner = new.get(reference["reference"])
            if inner is not None and inner.type == "List" and reference["reference"] not in above:
                found = max(found, 1 + depth(inner, above | {reference["reference"]}))
        return found

    for item in items:
        if item.resource is not None and item.type in ("List", "Composition", "Bundle", "Task"):
            item.depth = depth(item, frozenset({f"{item.type}/{item.id}"}))
