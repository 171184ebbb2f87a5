"""ValueSets and CodeSystems for one caller's searches, as stored on this server.

They are looked up under the caller's own predicate, as everything is. Knowledge is open to every
identified caller (`mappings/governance.json`), so a lookup leaves no trace beside the search's.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from fhir_server.fhir.references import parse_reference
from fhir_server.predicate import Has, Predicate, all_of
from fhir_server.records.seeing import Seeing
from fhir_server.search.hierarchy import CodeSystem, read_code_system
from fhir_server.search.registry import field
from fhir_server.store.mongo.store import MongoStore

_KEPT: Final = 64


class StoredTerminology:
    """The definitional resources that one caller may read; one a request."""

    def __init__(self, store: MongoStore, seeing: Seeing, base: str) -> None:
        """Look where `seeing` may; `base` is the server's own address."""
        self._store = store
        self._seeing = seeing
        self._base = base

    def value_set(self, address: str) -> dict[str, Any] | None:
        """Return the ValueSet at a canonical address or `ValueSet/id` in JSON, or None."""
        raw = self._raw("ValueSet", address)
        return None if raw is None else _value_set(raw)

    def code_system(self, address: str) -> CodeSystem | None:
        """Return the CodeSystem at a canonical address or `CodeSystem/id`, or None."""
        raw = self._raw("CodeSystem", address)
        return None if raw is None else _code_system(raw)

    def _raw(self, type_: str, address: str) -> bytes | None:
        """Return the newest of what is at `address` and the caller may read."""
        named = self._named(type_, address)
        if named is None:
            return None
        known = self._seeing.known(type_, self._seeing.sight(()))
        rows = self._store.find(type_, all_of(named, known), sort=[("updated", True)], limit=1)
        return rows[0].raw if rows else None

    def _named(self, type_: str, address: str) -> Predicate | None:
        reference = parse_reference(address, self._base)
        if reference.ours:
            return Has("_id", reference.id) if reference.type == type_ else None
        url, _, version = address.partition("|")
        versioned = [Has(field("version"), version)] if version else []
        return all_of(Has(field("url"), url), *versioned)


@lru_cache(maxsize=_KEPT)
def _value_set(raw: bytes) -> dict[str, Any]:
    """Parse once, as long as not a byte of it changes."""
    found: dict[str, Any] = json.loads(raw)
    return found


@lru_cache(maxsize=_KEPT)
def _code_system(raw: bytes) -> CodeSystem:
    return read_code_system(json.loads(raw))
