"""AuditEvents from a mould: what entries of one kind share is written and indexed once.

1. One entry is made the long way, with marks where values change: random texts that no caller can
   have sent, so that no value is ever taken for a mark.
2. The mould is that entry cut at its marks, and its index values.
3. Casting joins the pieces around the values of one access.

INVARIANT: a cast equals what the long way makes, byte for byte and value for value
(`tests/property/test_audit_mould.py`).
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.audit.event import Access, resource
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.json import dumps

ID: Final = secrets.token_hex(16)
AT: Final = secrets.token_hex(16)
REF: Final = f"Basic/{secrets.token_hex(16)}"
PATIENT: Final = secrets.token_hex(16)
QUERY: Final = secrets.token_hex(16)
REQUEST: Final = secrets.token_hex(16)

_ALL_REFS: Final = secrets.token_hex(16).encode()
_RAW_MARKS: Final = {
    _ALL_REFS: "refs",
    f'"{ID}"'.encode(): "id",
    f'"{AT}"'.encode(): "at",
    f'"Patient/{PATIENT}"'.encode(): "patient",
    b'"' + b64encode(QUERY.encode()) + b'"': "query",
    f'"{REQUEST}"'.encode(): "request",
}
_MILLISECOND: Final = 1000


@dataclass(frozen=True, slots=True)
class Cast:
    """One entry: its JSON, its index values and its sort keys."""

    raw: bytes
    values: dict[str, Any]
    keys: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mould:
    """Entries that differ in id, instant, references, patient, query and request alone."""

    pieces: tuple[bytes | str, ...]
    around_ref: tuple[bytes, bytes]
    values: Mapping[str, Any]
    keys: Mapping[str, Any]
    moving: Mapping[str, tuple[str, ...]]

    def cast(
        self, id_: str, at: int, refs: Sequence[str], patient: str, query: str, request: str
    ) -> Cast:
        """Return the entry of one access; empty is what this mould was made without."""
        before, after = self.around_ref
        parts = {
            "id": dumps(id_),
            "at": dumps(instant_text(at)),
            # What comes here as a reference is ASCII without quotes (`records.entry`).
            "refs": b",".join([before + b'"' + ref.encode() + b'"' + after for ref in refs]),
            "patient": dumps(f"Patient/{patient}"),
            "query": dumps(b64encode(query.encode()).decode()),
            "request": dumps(request),
        }
        raw = b"".join([parts[one] if isinstance(one, str) else one for one in self.pieces])
        values, keys = dict(self.values), dict(self.keys)
        low = at // _MILLISECOND * _MILLISECOND
        values["date"], keys["date"] = [{"lo": low, "hi": low + _MILLISECOND}], low
        for code, items in self.moving.items():
            found: dict[str, None] = {}
            for item in items:
                if item == REF:
                    found.update(dict.fromkeys(refs))
                else:
                    found[item.replace(PATIENT, patient).replace(REQUEST, request)] = None
            values[code] = list(found)
            if code in keys:
                keys[code] = min(found)
        return Cast(raw, values, keys)


def pattern(kind: Access, *, refs: bool, patient: bool, query: bool) -> Access:
    """Return `kind` with marks for what changes; the three that may be absent, as told."""
    return replace(
        kind,
        at=AT,
        request_id=REQUEST,
        refs=(REF,) if refs else (),
        patient=PATIENT if patient else "",
        query=QUERY if query else "",
    )


def mould(marked: Access, raw: bytes, values: Mapping[str, Any], keys: Mapping[str, Any]) -> Mould:
    """Return the mould of `raw`, written from `marked` under the id `ID`, and its index values."""
    around = (b"", b"")
    if marked.refs:
        one = dumps(resource(marked)["entity"][0])
        head, _, tail = one.partition(dumps(REF))
        around = (head, tail)
        raw = raw.replace(one, _ALL_REFS)
    cut = re.split(b"(" + b"|".join(map(re.escape, _RAW_MARKS)) + b")", raw)
    moving = {
        code: tuple(items)
        for code, items in values.items()
        if isinstance(items, list)
        and any(mark in item for item in items if isinstance(item, str) for mark in _MOVING)
    }
    pieces = tuple(_RAW_MARKS.get(piece, piece) for piece in cut)
    return Mould(pieces, around, dict(values), dict(keys), moving)


_MOVING: Final = (REF, PATIENT, REQUEST)
