"""The entries of a batch or transaction, read and put in the order of their execution."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest, FhirError, Issue, Unprocessable
from fhir_server.fhir.json import Document, Draft, dumps
from fhir_server.interactions.conditions import Condition, Pairs, pairs_of
from fhir_server.interactions.patch import editor
from fhir_server.records.governance import governance
from fhir_server.records.ids import new_id
from fhir_server.records.writing import Change
from fhir_server.store.rows import Row

Json = dict[str, Any]

_PATCHES: Final = ("application/json-patch+json", "application/xml-patch+xml")
METHODS: Final = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
"""In the order of execution (R4 http.html, transaction processing rules)."""


@dataclass(slots=True)
class Item:
    """One entry, and what its condition met.

    `condition` is that of a conditional entry, `found` what it met before the transaction began;
    `pairs` are the query of the url.
    `depth` is how many new pointers stand below a new pointer: the lowest are written first;
    `names` are the references that stand in the resource. A HEAD is a GET that is `bodiless`;
    `operation` is the name of the one that is called.
    """

    index: int
    method: str
    type: str
    id: str
    full_url: str
    pairs: Pairs
    tail: str = ""
    resource: Json | None = None
    patch: bytes = b""
    patch_type: str = ""
    if_match: str = ""
    if_none_exist: str = ""
    condition: Condition | None = None
    found: Row | None = None
    depth: int = 0
    bodiless: bool = False
    operation: str = ""
    names: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return the entry as a FHIRPath."""
        return f"Bundle.entry[{self.index}]"

    @property
    def ref(self) -> str:
        """Return `Type/id` of the resource that the entry is, or turned out to be, about."""
        return self.found.ref if self.found else f"{self.type}/{self.id}"

    def document(self) -> Draft:
        """Return the resource as it is to be stored."""
        return Draft(self.resource or {})

    def editor(self) -> Callable[[Row], Document]:
        """Return the edit of a PATCH entry."""
        return editor(self.type, self.patch, self.patch_type)


def read(found: Sequence[Json]) -> list[Item]:
    """Read the entries of a transaction; refuse two that write the same resource."""
    items = [read_one(index, body) for index, body in enumerate(found)]
    urls: dict[str, Item] = {}
    for item in items:
        if item.operation and item.method == "POST":
            raise BadRequest(
                "an operation by POST is no part of a transaction; send it in a batch, or alone",
                code="not-supported",
                expression=f"{item.place}.request",
            )
        if item.full_url and item.method in ("POST", "PUT"):
            first = urls.setdefault(item.full_url, item)
            if first is not item:
                _twice("the same fullUrl", first, item)
    apart(items)
    return items


def apart(items: Sequence[Item]) -> None:
    """Refuse two entries that write the same resource, by address or by what conditions met.

    Two creations on one condition are refused too: the second would find what the first made.
    """
    seen: dict[tuple[str, str], Item] = {}
    asked: dict[str, Item] = {}
    for item in items:
        if item.condition is not None and item.found is None and item.method in ("POST", "PUT"):
            first = asked.setdefault(item.condition.lock, item)
            if first is not item:
                _twice("the same condition", first, item)
        if item.method in ("PUT", "PATCH", "DELETE") and item.id:
            first = seen.setdefault((item.type, item.id), item)
            if first is not item:
                _twice("the same resource", first, item)


def _twice(what: str, first: Item, second: Item) -> None:
    raise BadRequest(
        f"entries {first.index} and {second.index} are about {what}",
        code="invalid",
        expression=second.place,
    )


def read_one(index: int, body: Json) -> Item:
    """Read one entry. Raises `BadRequest` naming its place."""
    place = f"Bundle.entry[{index}]"
    request = body.get("request")
    if not isinstance(request, dict):
        raise BadRequest("an entry needs a request", code="required", expression=f"{place}.request")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS:
        raise BadRequest(
            f"method `{str(method)[:16]}` is not one of {', '.join(METHODS)}",
            code="value",
            expression=f"{place}.request.method",
        )
    if not isinstance(url, str) or not url:
        raise BadRequest("a url is needed", code="required", expression=f"{place}.request.url")
    item = _address(index, "GET" if method == "HEAD" else str(method), url)
    item.bodiless = method == "HEAD"
    item.full_url = str(body.get("fullUrl", ""))
    item.if_match = str(request.get("ifMatch", ""))
    item.if_none_exist = str(request.get("ifNoneExist", ""))
    _body(item, body)
    return item


def _address(index: int, method: str, url: str) -> Item:
    """Read `Type`, `Type/id`, `Type?query` or, for reads, anything below."""
    path, _, query = url.partition("?")
    parts = [unquote(part) for part in path.strip("/").split("/")]
    place = f"Bundle.entry[{index}].request.url"
    if parts[-1].startswith("$"):
        return _operation(index, method, parts, pairs_of(query))
    if parts[0] not in RESOURCE_TYPES:
        raise BadRequest(f"`{url[:80]}` names no resource type", code="value", expression=place)
    id_ = parts[1] if len(parts) > 1 else ""
    if method == "POST":
        if len(parts) > 1:
            raise BadRequest("a POST goes to a type", code="value", expression=place)
        id_ = new_id()
    elif method != "GET" and bool(id_) == bool(query):
        raise BadRequest(
            f"a {method} goes to `Type/id`, or to `Type?condition`", code="value", expression=place
        )
    tail = "/".join(parts[2:])
    return Item(index, method, parts[0], id_, "", pairs_of(query), tail)


def _operation(index: int, method: str, parts: Sequence[str], pairs: Pairs) -> Item:
    """Read `$name` on everything, `Type`, `Type/id` or a version, whose number is the tail."""
    place = f"Bundle.entry[{index}].request.url"
    *owner, name = parts
    type_, id_, history, version = (*owner, *[""] * 4)[:4]
    if len(owner) > 4 or history not in ("", "_history") or bool(history) != bool(version):
        raise BadRequest(f"`{name[:64]}` is not asked of this", code="value", expression=place)
    if owner and type_ not in RESOURCE_TYPES:
        raise BadRequest(f"`{type_[:64]}` is no resource type", code="value", expression=place)
    if method not in ("GET", "POST"):
        what = "an operation takes GET or POST"
        raise BadRequest(what, code="value", expression=f"{place[:-3]}method")
    return Item(index, method, type_, id_, "", pairs, version, operation=name.removeprefix("$"))


def _body(item: Item, body: Json) -> None:
    resource = body.get("resource")
    if item.operation:
        item.resource = resource if item.method == "POST" and isinstance(resource, dict) else None
    elif item.method in ("POST", "PUT"):
        if not isinstance(resource, dict) or resource.get("resourceType") != item.type:
            raise BadRequest(
                f"a {item.type} is expected", code="structure", expression=f"{item.place}.resource"
            )
        if item.method == "PUT" and item.id and resource.get("id") != item.id:
            raise BadRequest(
                f"the id differs from `{item.id[:64]}` of the url",
                code="invalid",
                expression=f"{item.place}.resource.id",
            )
        item.resource = resource
    elif item.method == "PATCH":
        item.patch, item.patch_type = _patch(item, resource)


def _patch(item: Item, resource: Any) -> tuple[bytes, str]:
    """Return the patch that an entry carries, and its content type (R4 http.html, patch).

    A Parameters is a FHIRPath Patch; a Binary holds a JSON Patch or an XML Patch.
    """
    given = resource if isinstance(resource, dict) else {}
    if given.get("resourceType") == "Parameters":
        return dumps(given), "application/fhir+json"
    content_type = str(given.get("contentType", ""))
    if given.get("resourceType") == "Binary" and content_type in _PATCHES:
        with suppress(ValueError):
            return b64decode(str(given.get("data", "")), validate=True), content_type
    raise BadRequest(
        f"a PATCH entry carries a Parameters, or a Binary of type {' or '.join(_PATCHES)}",
        code="not-supported",
        expression=f"{item.place}.resource",
    )


def still(item: Item, change: Change) -> None:
    """Raise `Stale` when a condition finds something else now than before the transaction."""
    if item.condition is not None:
        found = item.condition.sole(change)
        if (found.id if found else None) != (item.found.id if item.found else None):
            raise Stale


class Stale(Exception):
    """What a plan was made of has changed; make it anew."""


def order(item: Item) -> tuple[int, int, int, int]:
    """Sort: by verb; attachments before what refers to them, and what only points last."""
    kind = governance()[item.type].kind
    points = {"binary": 0, "pointer": 2}.get(kind, 1)
    return METHODS.index(item.method), points, item.depth, item.index


def refuse(item: Item, issues: Sequence[Issue]) -> None:
    """Raise `Unprocessable` when `issues` has an error, each with its place in the Bundle."""
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Unprocessable(issues=[_within(item, issue, resource=True) for issue in issues])


@contextmanager
def at(item: Item) -> Iterator[None]:
    """Name the entry in whatever error happens inside."""
    try:
        yield
    except FhirError as error:
        error.issues = tuple(_within(item, issue) for issue in error.issues)
        raise


def _within(item: Item, issue: Issue, *, resource: bool = False) -> Issue:
    if issue.expression.startswith("Bundle.entry["):
        return issue
    _, dot, rest = issue.expression.partition(".")
    place = f"{item.place}.resource{dot}{rest}" if resource or dot else item.place
    return Issue(issue.code, issue.diagnostics, place, issue.severity)


def instant(row: Row) -> str:
    """Return when a version was written, as a FHIR instant."""
    return instant_text(row.updated)
