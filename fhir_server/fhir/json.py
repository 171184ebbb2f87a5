"""Read and write FHIR JSON without losing a character: https://hl7.org/fhir/R4/json.html.

The text received is what is stored and sent. It is parsed once, with the place of every
top-level member, so that the server's own three values can be spliced into it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from json.decoder import (  # type: ignore[attr-defined]
    JSONDecodeError,
    JSONDecoder,
    scanstring,
)
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import msgspec

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.exact import Exact, OutOfRange, decimal, integer

MAX_DEPTH: Final = 64

_space = re.compile(r"[ \t\n\r]*")
_surrogate_escape = re.compile(r"\\u[dD][89a-fA-F]").search


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object as text and as values.

    `spans` gives, for each top-level member, the character offsets in `text` of its value,
    the end excluded. A byte order mark is not part of `text`.
    """

    text: str
    resource: dict[str, Any]
    spans: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource whose text is still to be made, because its links were rewritten here."""

    resource: dict[str, Any]


_Read = TypeVar("_Read")


class _Member(NamedTuple):
    name: str
    value: Any
    start: int
    end: int


class _Refusal(ValueError):
    """A fault seen inside a member, whose place only the caller of the scanner knows."""


def _twice(names: Iterable[str]) -> str:
    """Say which name stands twice, in text that can be written whatever the name holds."""
    [(name, _)] = Counter(names).most_common(1)
    return f"the member `{name[:40].encode(errors='replace').decode()}` stands twice in one object"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refusal(_twice(name for name, _ in pairs))
    return members


def _constant(name: str) -> NoReturn:
    raise _Refusal(f"`{name}` is not a JSON number")


_decoder = JSONDecoder(
    object_pairs_hook=_object, parse_float=decimal, parse_int=integer, parse_constant=_constant
)
# CPython's own scanner in C: `JSONDecoder.raw_decode` calls it too.
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


def _raw_number(value: object) -> msgspec.Raw:
    if isinstance(value, Exact):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"a value of type {type(value).__name__} has no form in FHIR JSON")


_encoder = msgspec.json.Encoder(enc_hook=_raw_number, decimal_format="number")


def dumps(value: object) -> bytes:
    """Write `value` as compact UTF-8 JSON, numbers read by `parse` in their own text."""
    return _encoder.encode(value)


def _next(text: str, at: int) -> int:
    """Return the offset of the first character at or after `at` that is not white space."""
    found = _space.match(text, at)
    return found.end() if found else at


def _past(text: str, at: int, wanted: str) -> int:
    if text[at : at + 1] != wanted:
        raise JSONDecodeError(f"`{wanted}` expected", text, at)
    return at + 1


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _scan(text, at)
    except StopIteration as stop:
        raise JSONDecodeError("a value expected", text, stop.value) from None
    except (_Refusal, OutOfRange) as refusal:
        raise JSONDecodeError(f"{refusal}, in the value at", text, at) from None


def _members(text: str, at: int) -> tuple[list[_Member], int]:
    """Read the members of the object opened at `at`, and the offset after its closing brace."""
    members: list[_Member] = []
    at = _next(text, _past(text, at, "{"))
    if text[at : at + 1] == "}":
        return members, at + 1
    while True:
        name, at = scanstring(text, _past(text, at, '"'), True)
        start = _next(text, _past(text, _next(text, at), ":"))
        value, end = _value(text, start)
        members.append(_Member(name, value, start, end))
        at = _next(text, end)
        if text[at : at + 1] == "}":
            return members, at + 1
        at = _next(text, _past(text, at, ","))


def _read(text: str) -> Document:
    members, end = _members(text, _next(text, 0))
    if _next(text, end) != len(text):
        raise JSONDecodeError("nothing may follow the object", text, end)
    resource = {member.name: member.value for member in members}
    if len(resource) != len(members):
        raise JSONDecodeError(f"{_twice(m.name for m in members)}, in the object at", text, 0)
    return Document(text, resource, {name: (start, end) for name, _, start, end in members})


def nests_within(value: object, depth: int) -> bool:
    """Say whether objects and arrays nest at most `depth` levels in `value`. Never recurses."""
    level = [value] if isinstance(value, dict | list) else []
    while level:
        if depth <= 0:
            return False
        depth -= 1
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return True


def _refuse(what: str) -> NoReturn:
    raise BadRequest(what, code="structure") from None


def _guarded(body: bytes, max_depth: int, read: Callable[[str], _Read]) -> _Read:
    """Decode `body` and `read` it; every fault that reading meets is a `BadRequest`."""
    try:
        return read(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        _refuse(f"the body is not UTF-8 at byte {error.start}")
    except JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        _refuse(f"the body is not FHIR JSON: {what}: line {error.lineno} column {error.colno}")
    except RecursionError:
        _refuse(f"the body nests deeper than {max_depth} levels")


def _check(text: str, value: object, max_depth: int) -> None:
    """Refuse what the scanner accepts and the rest of the house could not bear."""
    if not nests_within(value, max_depth):
        _refuse(f"the body nests deeper than {max_depth} levels")
    if _surrogate_escape(text):
        try:
            dumps(value)
        except UnicodeEncodeError:
            _refuse("the body escapes half of a surrogate pair")


def parse(body: bytes, *, max_depth: int = MAX_DEPTH) -> Document:
    """Read `body`, one JSON object in UTF-8.

    Raise `BadRequest` (code `structure`) with line and column for text that is not JSON, a
    member standing twice at any level, NaN or Infinity, numbers out of range, nesting over
    `max_depth`, or anything but an object at the top. Does *not* look at `resourceType`.
    """
    document = _guarded(body, max_depth, _read)
    _check(document.text, document.resource, max_depth)
    return document


def parse_value(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Read `body`, any JSON value, as strictly as `parse`; a JSON Patch is an array."""

    def read(text: str) -> tuple[str, Any]:
        value, end = _value(text, _next(text, 0))
        if _next(text, end) != len(text):
            raise JSONDecodeError("nothing may follow the value", text, end)
        return text, value

    text, value = _guarded(body, max_depth, read)
    _check(text, value, max_depth)
    return value


def _text(value: object) -> str:
    return dumps(value).decode()


def _stamp_meta(document: Document, version: str, updated: str) -> list[tuple[int, int, str]]:
    """Give the edits that set two members of an existing `meta` and leave the others alone."""
    opening = document.spans["meta"][0]
    if not isinstance(document.resource["meta"], dict):
        raise BadRequest("an object expected", expression="meta", code="structure")
    wanted = {"versionId": version, "lastUpdated": updated}
    members, _ = _members(document.text, opening)
    edits = [(m.start, m.end, wanted.pop(m.name)) for m in members if m.name in wanted]
    if wanted:
        missing = ",".join(f'"{name}":{value}' for name, value in wanted.items())
        edits.append((opening + 1, opening + 1, missing + ("," if members else "")))
    return edits


def stamp(document: Document | Draft, *, id: str, version_id: int, last_updated: str) -> bytes:
    """Return the text received with only `id`, `meta.versionId` and `meta.lastUpdated` set.

    Everything else, white space included, stays as it came; a `Draft` has no text yet. What is
    missing is inserted right after `resourceType`. https://hl7.org/fhir/R4/resource.html#Meta
    """
    if isinstance(document, Draft):
        return stamp_resource(
            document.resource, id=id, version_id=version_id, last_updated=last_updated
        )
    version, updated = _text(str(version_id)), _text(last_updated)
    edits, missing = [], ""
    if "id" in document.spans:
        edits.append((*document.spans["id"], _text(id)))
    else:
        missing += f',"id":{_text(id)}'
    if "meta" in document.spans:
        edits += _stamp_meta(document, version, updated)
    else:
        missing += f',"meta":{{"versionId":{version},"lastUpdated":{updated}}}'
    place = document.spans["resourceType"][1]
    parts, done = [], 0
    for start, end, new in sorted([*edits, (place, place, missing)]):
        parts += [document.text[done:start], new]
        done = end
    return "".join([*parts, document.text[done:]]).encode()


def stamp_resource(
    resource: dict[str, Any],
    *,
    id: str,
    version_id: int,
    last_updated: str,
) -> bytes:
    """Write `resource`, a parsed and perhaps changed resource, with the same three values set."""
    given = resource.get("meta")
    meta = {"versionId": str(version_id), "lastUpdated": last_updated}
    if isinstance(given, dict):
        meta |= {name: value for name, value in given.items() if name not in meta}
    first = {"resourceType": resource["resourceType"], "id": id, "meta": meta}
    return dumps(first | {name: value for name, value in resource.items() if name not in first})
