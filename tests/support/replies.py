"""What a caller gets: the answer of the server, and ways of comparing two answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Json = dict[str, Any]

FHIR_JSON = "application/fhir+json"
JSON_PATCH = "application/json-patch+json"
# What differs between two requests whatever they ask for, and two resources whoever may know them.
_OF_THE_REQUEST = frozenset({"date", "x-request-id"})
_INSTANTS = re.compile(
    r"""("lastUpdated": ?"|"lastModified": ?"|_cursor=)[^"]+"""
    r"""|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"""
)


@dataclass(frozen=True)
class Reply:
    """An answer; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, response: TestResponse) -> Reply:
        headers = {name.lower(): value for name, value in response.headers}
        return cls(response.status_code, headers, response.data)

    @cached_property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        """Return the id of the resource answered, or of the one that `Location` names."""
        if "location" in self.headers:
            path = urlsplit(self.headers["location"]).path
            return path.partition("/_history")[0].rpartition("/")[2]
        return str(self.json["id"])

    @property
    def total(self) -> int:
        return int(self.json["total"])

    @property
    def entries(self) -> list[Json]:
        found: list[Json] = self.json.get("entry", [])
        return found

    @property
    def ids(self) -> list[str]:
        """Return the ids of the matches, in their order."""
        beside = ("include", "outcome")
        return [one["resource"]["id"] for one in self.entries if _mode(one) not in beside]

    @property
    def refs(self) -> set[str]:
        """Return `Type/id` of everything in the Bundle, included resources too."""
        return {
            f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            for entry in self.entries
        }

    @property
    def next(self) -> str:
        """Return the path of the next page, or nothing."""
        return self.link("next")

    def link(self, relation: str) -> str:
        """Return the path of the page that a link leads to, or nothing."""
        for link in self.json.get("link", ()):
            if link["relation"] == relation:
                parts = urlsplit(link["url"])
                return f"{parts.path}?{parts.query}"
        return ""

    @property
    def issue(self) -> Json:
        """Return the first issue, after checking that the body is an OperationOutcome."""
        assert self.json["resourceType"] == "OperationOutcome", self.body
        found: Json = self.json["issue"][0]
        return found

    def without(self, *names: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body with `names` (ids the caller wrote) put out."""
        headers = {
            name: _blank(value, names)
            for name, value in self.headers.items()
            # The length of a sealed page link varies with how its ids compress.
            if name not in _OF_THE_REQUEST
            and not (name == "content-length" and b"_cursor=" in self.body)
        }
        return self.status, headers, _blank(self.body.decode("latin-1"), names).encode("latin-1")


def _mode(entry: Json) -> str:
    return str(entry.get("search", {}).get("mode", ""))


def _blank(text: str, names: tuple[str, ...]) -> str:
    text = _INSTANTS.sub(lambda found: f"{found[1] or ''}·", text)
    return re.sub("|".join(map(re.escape, names)), "·", text) if names else text


def told_apart(first: Reply, second: Reply, *names: str) -> str:
    """Return what differs between two answers once `names` are put out; nothing when nothing."""
    for what, one, other in zip(
        ("status", "headers", "body"), first.without(*names), second.without(*names), strict=True
    ):
        if one != other:
            return f"{what}: {one!r} against {other!r}"
    return ""


def differ(replies: Sequence[Reply], *names: str) -> str:
    """Return what tells the first of `replies` apart from another; nothing when nothing."""
    found = (told_apart(replies[0], reply, *names) for reply in replies[1:])
    return next(filter(None, found), "")


class Caller:
    """Someone who sends requests; a path without a `/` in front is below the FHIR base."""

    base = "/fhir"

    def __init__(self, client: FlaskClient, token: str = "") -> None:
        """Send with `token`, or without one."""
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(
        self, method: str, path: str, body: Any = None, type_: str = FHIR_JSON, **headers: str
    ) -> Reply:
        """Send; `body` is JSON unless it is bytes; `If_Match=` is the header `If-Match`."""
        sent = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        data: bytes | None = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"Content-Type": type_} | sent
        address = path if path.startswith("/") else f"{self.base}/{path}".removesuffix("/")
        return self.carry(method, address, sent, data)

    def carry(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Bring a request to the server, and its answer back; here without a socket."""
        answered = self._client.open(address, method=method, headers=dict(headers), data=body)
        return Reply.of(answered)

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.send("POST", path, body, **headers)

    def put(self, resource: Json, **headers: str) -> Reply:
        return self.send("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **headers)

    def patch(self, path: str, *operations: Json, **headers: str) -> Reply:
        return self.send("PATCH", path, list(operations), JSON_PATCH, **headers)

    def delete(self, path: str, **headers: str) -> Reply:
        return self.send("DELETE", path, **headers)

    def form(self, path: str, body: str) -> Reply:
        return self.send("POST", path, body.encode(), "application/x-www-form-urlencoded")

    def transact(self, *entries: Json, kind: str = "transaction") -> Reply:
        return self.post("", {"resourceType": "Bundle", "type": kind, "entry": list(entries)})

    def walk(self, path: str) -> list[Reply]:
        """Return every page from `path` on."""
        pages = [self.get(path)]
        while pages[-1].next:
            assert len(pages) < 200, "the pages do not end"
            pages.append(self.get(pages[-1].next))
        return pages


def entry(method: str, url: str, resource: Json | None = None, **request: str) -> Json:
    """Return an entry of a Bundle; `ifMatch=` and the like go into its request."""
    full = {"fullUrl": request.pop("fullUrl")} if "fullUrl" in request else {}
    body = {} if resource is None else {"resource": resource}
    return full | body | {"request": {"method": method, "url": url, **request}}
