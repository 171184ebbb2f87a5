"""Resolve what the entries of a transaction refer to: each other, and resources by condition.

https://hl7.org/fhir/R4/http.html#trules. A conditional reference sees only what its author may
know (L30), with one exception that the record's service needs: an exact INS names the record to
be fed, whoever feeds it (TD0.2, R22), and tells no more than that it is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fhir_server.fhir.errors import BadRequest, PreconditionFailed
from fhir_server.fhir.json import Document
from fhir_server.fhir.references import Kind as ReferenceKind
from fhir_server.fhir.references import Reference, parse_reference, walk_references
from fhir_server.fhir.rewrite import rewrite
from fhir_server.interactions.bodies import document_of
from fhir_server.interactions.conditions import chosen_id, condition, pairs_of
from fhir_server.interactions.entries import Item, apart, at
from fhir_server.interactions.exchange import Exchange
from fhir_server.records.feeding import record_to_feed
from fhir_server.records.ids import new_id

_LEVELS: Final = 3


def resolve(x: Exchange, items: list[Item]) -> list[Item]:
    """Return the entries with every link replaced by an address of this server."""
    for item in items:
        with at(item):
            _conditions(x, item)
    apart(items)
    addresses = {
        item.full_url: item.ref
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
    """Find what a conditional entry is about; the transaction will look again (`entries.still`)."""
    pairs = pairs_of(item.if_none_exist) if item.method == "POST" else item.pairs
    if item.method == "GET" or not pairs:
        return
    item.condition = condition(x, item.type, pairs)
    found = item.found = item.condition.now(x)
    if item.method == "POST":
        return
    if found is not None:
        item.id = found.id
        if item.resource is not None and item.resource.setdefault("id", item.id) != item.id:
            raise BadRequest(f"the id differs from that of the match, `{item.id}`", code="invalid")
    elif item.method == "PUT":
        item.id = chosen_id(x, item.resource or {}) or new_id()
    else:
        raise PreconditionFailed(f"no {item.type} matches the condition")


def _references(x: Exchange, item: Item, resource: dict[str, Any], known: dict[str, str]) -> None:
    names = []
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
        names.append(reference["reference"])
    item.names = tuple(names)
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
    found = condition(x, reference.type, pairs).now(x)
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
    """Note which new pointers point to new Lists, so that most are written after them.

    A few levels: what is deeper, or goes round in a circle, `named_early` sees to.
    """
    new = {f"{item.type}/{item.id}": item for item in items if item.resource is not None}
    lists = {ref: item for ref, item in new.items() if item.type == "List"}
    below = [
        (item, [lists[ref] for ref in item.names if ref in lists])
        for item in new.values()
        if item.type in ("List", "Composition", "Bundle", "Task")
    ]
    for _ in range(_LEVELS):
        for item, inner in below:
            item.depth = max((1 + one.depth for one in inner if one is not item), default=0)


def named_early(ordered: Sequence[Item]) -> frozenset[str]:
    """Return what an entry refers to that is only created by a later one, in this order."""
    named: set[str] = set()
    found: set[str] = set()
    for item in ordered:
        ref = f"{item.type}/{item.id}"
        if ref in named:
            found.add(ref)
        named.update(item.names)
    return frozenset(found)
