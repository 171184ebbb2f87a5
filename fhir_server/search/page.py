"""Keyset pages: where the next one begins, and the cursor that says so.

A cursor is the whole query and the sort values of the last *visible* row, sealed with AES-GCM and
bound to the caller (L06, L07): it names nothing, opens nothing, and is worthless to anyone else.
Rights are computed again on every page; a cursor is a position, never a permission.
"""

from __future__ import annotations

import json
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import (
    NEVER,
    After,
    Before,
    Has,
    Not,
    Predicate,
    Present,
    Scalar,
    all_of,
    any_of,
)
from fhir_server.search.result import SortKey

TIE = SortKey("_id")
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Position:
    """A query, and the last row of the page before: its sort values (None when absent) and id."""

    type: str
    pairs: tuple[tuple[str, str], ...]
    values: tuple[Scalar | None, ...]
    id: str
    lenient: bool = False


def beyond(sort: Sequence[SortKey], values: Sequence[Scalar | None], id_: str) -> Predicate:
    """Return what sorts strictly after a row, in the order of `sort` and then of the id."""
    keys, last = (*sort, TIE), (*values, id_)
    branches = []
    equal: list[Predicate] = []
    for key, value in zip(keys, last, strict=True):
        branches.append(all_of(*equal, _after(key, value)))
        equal.append(Not(Present(key.field)) if value is None else Has(key.field, value))
    return any_of(*branches)


def _after(key: SortKey, value: Scalar | None) -> Predicate:
    """Compare one key; an absent value sorts before every other."""
    if value is None:
        return NEVER if key.descending else Present(key.field)
    if key.descending:
        return any_of(Before(key.field, value), Not(Present(key.field)))
    return After(key.field, value)


def value_at(document: Mapping[str, Any], field: str) -> Scalar | None:
    """Return the sort value that stands at `field` of a stored document."""
    found: Any = document
    for name in field.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str | int) else None


def seal(position: Position, key: bytes, caller: str) -> str:
    """Return `position` as an opaque text that only `caller` can use."""
    body = [position.type, position.pairs, position.values, position.id, position.lenient]
    plain = zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 1)
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, plain, caller.encode())
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(text: str, key: bytes, caller: str) -> Position:
    """Read what `seal` wrote; raises one and the same `BadRequest` whatever is wrong with it."""
    try:
        sealed = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], caller.encode())
        type_, pairs, values, id_, lenient = json.loads(zlib.decompress(plain))
        return Position(type_, tuple((n, v) for n, v in pairs), tuple(values), id_, lenient)
    except (InvalidTag, ValueError, zlib.error, UnicodeError):
        raise BadRequest(
            "this page link is not valid; run the search again", code="invalid"
        ) from None
