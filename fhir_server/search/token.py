"""Token parameters: https://hl7.org/fhir/R4/search.html#token.

An index value is the code alone, and `system` + separator + `code`; `system` is empty when the
source has none, so that `|code` finds exactly those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fhir_server.predicate import Has, Predicate, Prefix, Scalar
from fhir_server.search.escape import split, unescape
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

SEPARATOR: Final = "\x1f"
"""Stands between system and code: a control character can't occur in either."""


def pair(system: str, code: str) -> str:
    """Return the index value for `system|code`."""
    return f"{system}{SEPARATOR}{code}"


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return both forms of every code found, in order, each once."""
    unique: dict[str, None] = {}
    for node in found:
        for system, code in _codes(node.type, node.value):
            if code:
                unique[code] = None
            unique[pair(system, code)] = None
    return list(unique)


def _codes(type_: str, value: Any) -> Iterator[tuple[str, str]]:
    match type_, value:
        case "CodeableConcept", {"coding": list(codings)}:
            for coding in codings:
                yield from _codes("Coding", coding)
        case "Coding", {}:
            if "code" in value or "system" in value:
                yield str(value.get("system", "")), str(value.get("code", ""))
        case "Identifier", {"value": str(number)}:
            yield str(value.get("system", "")), number
        case "ContactPoint", {"value": str(number)}:
            yield "", number
        case _, bool():
            yield "", "true" if value else "false"
        case _, str():
            yield "", value


def criterion(field: str, _: str, value: str, __: Locale) -> Predicate:
    """Match `code`, `system|code`, `|code` (no system) or `system|` (any code of it)."""
    parts = [unescape(part) for part in split(value, "|")]
    match parts:
        case [code] if code:
            return Has(field, code)
        case [system, ""] if system:
            return Prefix(field, system + SEPARATOR)
        case [system, code] if code:
            return Has(field, pair(system, code))
        case _:
            raise refuse_value(field, value, "a token: `code`, `system|code`, `|code` or `system|`")


def key(value: IndexValue) -> Scalar:
    """Sort by code."""
    return str(value).rpartition(SEPARATOR)[2]


TOKEN = ParameterType("token", frozenset({"not"}), values, criterion, key)
