"""Operations, asked for in every way that there is."""

from __future__ import annotations

from typing import Any

from tests.support import resources as make
from tests.support.replies import Caller, Reply

Json = dict[str, Any]

BASE_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
TAG = {"system": "urn:t", "code": "x"}


def meta_of(reply: Reply) -> Json:
    assert reply.status == 200, reply.body
    found: Json = reply.json["parameter"][0].get("valueMeta", {})
    return found


def both(caller: Caller, path: str, **parameters: Any) -> Reply:
    """Ask by GET, by POST and by HEAD; the answers must be one. Return it."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    got = caller.get(f"{path}?{query}" if query else path)
    posted = caller.post(path, make.parameters(**parameters))
    head = caller.send("HEAD", f"{path}?{query}" if query else path)
    assert (got.status, posted.status, head.status, head.body) == (
        got.status,
        got.status,
        got.status,
        b"",
    )
    assert head.headers["content-length"] == got.headers["content-length"]
    return got
