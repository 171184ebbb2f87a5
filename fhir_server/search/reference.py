"""Reference parameters: https://hl7.org/fhir/R4/search.html#reference.

An index value is `Type/id` for a resource of this server, however it was written, and the text
itself for any other address. Logical identifiers are indexed beside it as tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhir.references import Kind, parse_reference
from fhir_server.predicate import Has, Predicate, Prefix, Scalar, any_of, one_of
from fhir_server.search.escape import unescape
from fhir_server.search.token import pair
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value


def values(found: Sequence[Found], locale: Locale) -> list[IndexValue]:
    """Return the target of every Reference, canonical or uri found; contained ones have none."""
    unique: dict[str, None] = {}
    for node in found:
        text = node.value.get("reference") if isinstance(node.value, dict) else node.value
        if isinstance(text, str) and not text.startswith("#"):
            unique[target(text, locale.base)] = None
    return list(unique)


def identifiers(found: Sequence[Found]) -> list[IndexValue]:
    """Return the logical identifiers of the References found, as token values."""
    unique: dict[str, None] = {}
    for node in found:
        named = node.value.get("identifier") if isinstance(node.value, dict) else None
        if isinstance(named, dict) and isinstance(named.get("value"), str):
            unique[named["value"]] = None
            unique[pair(str(named.get("system", "")), named["value"])] = None
    return list(unique)


def target(text: str, base: str) -> str:
    """Return `Type/id` for a resource of this server, else `text` as it is."""
    reference = parse_reference(text, base)
    return f"{reference.type}/{reference.id}" if reference.ours else text


def criterion(field: str, modifier: str, value: str, locale: Locale) -> Predicate:
    """Match `id`, `Type/id`, an absolute address, or a canonical with or without its version.

    `modifier` is empty, a type, or several types joined by `|` when the parameter's own targets
    stand for a bare id.
    """
    text = unescape(value)
    if not text:
        raise refuse_value(field, value, "a reference: `id`, `Type/id` or an absolute address")
    reference = parse_reference(text, locale.base)
    types = modifier.split("|") if modifier else []
    if reference.ours:
        named = f"{reference.type}/{reference.id}"
        return Has(field, named) if not types or reference.type in types else one_of(field, ())
    if reference.kind in (Kind.ABSOLUTE, Kind.URN):
        return any_of(Has(field, text), Prefix(field, text + "|"))
    if "/" in text:
        raise refuse_value(field, value, "a reference: `id`, `Type/id` or an absolute address")
    return one_of(field, [f"{type_}/{text}" for type_ in types])


def key(value: IndexValue) -> Scalar:
    """Sort by the text of the reference."""
    return str(value)


REFERENCE = ParameterType("reference", frozenset({"identifier"}), values, criterion, key)
