"""Keyset pages: where the next and the previous begin, and the cursor that says so.

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
_SHORT = 400
"""Bytes of a cursor that are not worth packing: a page has up to four of them."""


@dataclass(frozen=True, slots=True)
class Position:
    """A query, and the row that a page goes on from: its sort values (None when absent) and id.

    `back`: the page is the one before that row. `edge`: there is no row, the page is the first
    or, going back, the last. `total` is what a page before said, where an estimate will do.
    """

    type: str
    pairs: tuple[tuple[str, str], ...]
    values: tuple[Scalar | None, ...]
    id: str
    lenient: bool = False
    back: bool = False
    edge: bool = False
    total: int | None = None


_SEALED = ("type", "pairs", "values", "id", "lenient", "back", "edge", "total")


def order(sort: Sequence[SortKey], *, back: bool = False) -> tuple[SortKey, ...]:
    """Return the keys of a total order: `sort`, then the id; all the other way round for `back`."""
    keys = tuple(sort) if TIE.field in {key.field for key in sort} else (*sort, TIE)
    return tuple(SortKey(key.field, not key.descending) for key in keys) if back else keys


def beyond(
    sort: Sequence[SortKey], values: Sequence[Scalar | None], id_: str, *, back: bool = False
) -> Predicate:
    """Return what comes strictly after a row in the order of `sort`; before it, for `back`."""
    keys = order(sort, back=back)
    last = (*values, id_)[: len(keys)]
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
    body = [getattr(position, name) for name in _SEALED]
    plain = json.dumps(body, separators=(",", ":")).encode()
    if len(plain) > _SHORT:
        plain = zlib.compress(plain, 1)
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, plain, caller.encode())
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(text: str, key: bytes, caller: str) -> Position:
    """Read what `seal` wrote; raises one and the same `BadRequest` whatever is wrong with it."""
    try:
        sealed = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], caller.encode())
        # JSON begins with a bracket, which nothing compressed does.
        body = json.loads(plain if plain[:1] == b"[" else zlib.decompress(plain))
        type_, pairs, values, *rest = body
        return Position(type_, tuple((n, v) for n, v in pairs), tuple(values), *rest)
    except (InvalidTag, ValueError, zlib.error, UnicodeError):
        raise BadRequest(
            "this page link is not valid; run the search again", code="invalid"
        ) from None
