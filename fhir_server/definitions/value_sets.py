"""The value sets of required bindings whose codes can all be listed.

https://hl7.org/fhir/R4/terminologies.html#required
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from fhir_server.definitions.tables import table


@lru_cache(maxsize=512)
def value_set(url: str) -> frozenset[str] | None:
    """Return the codes of the value set `url`, whatever their system.

    None where the codes can't be listed (`mimetypes`, `ucum-units`, `currencies`, one of LOINC),
    and for a value set that no required binding uses.
    """
    by_system = value_set_by_system(url)
    return None if by_system is None else frozenset().union(*by_system.values())


@lru_cache(maxsize=512)
def value_set_by_system(url: str) -> Mapping[str, frozenset[str]] | None:
    """Return the codes of the value set `url` by code system, or None as `value_set` does.

    A `code` element has no system of its own: this tells which one is meant.
    """
    rows: Mapping[str, list[str]] | None = table("value_sets").get(url)
    if rows is None:
        return None
    return MappingProxyType({system: frozenset(codes) for system, codes in rows.items()})
