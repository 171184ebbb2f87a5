"""Reference parameters: https://hl7.org/fhir/R4/search.html#reference.

An index value is `Type/id` for a resource of this server, however it was written, and the text
itself for any other address; the version that a reference names is left out of both. Beside them
stand references with their version, and logical identifiers as tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fhir_server.fhir.references import Kind, Reference, parse_reference
from fhir_server.predicate import Has, Predicate, Prefix, Scalar, all_of, any_of, one_of
from fhir_server.search.escape import unescape
from fhir_server.search.token import pair
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

VERSION: Final = "version"
_HISTORY: Final = "/_history/"
_EXPECTED: Final = "a reference: `id`, `Type/id` or an absolute address"


def values(found: Sequence[Found], locale: Locale) -> list[IndexValue]:
    """Return the target of every Reference, canonical or uri found; contained ones have none."""
    return list(dict.fromkeys(target(text, locale.base) for text in _texts(found)))


def beside(found: Sequence[Found], locale: Locale) -> Mapping[str, list[IndexValue]]:
    """Return the logical identifiers, and the references that name a version."""
    versions: dict[str, None] = {}
    for text in _texts(found):
        if _HISTORY in text:
            reference = parse_reference(text, locale.base)
            if reference.version:
                versions[_versioned(reference)] = None
    named = {"identifier": identifiers(found), VERSION: list(versions)}
    return {name: kept for name, kept in named.items() if kept}


def _texts(found: Sequence[Found]) -> list[str]:
    texts = (
        node.value.get("reference") if isinstance(node.value, dict) else node.value
        for node in found
    )
    return [text for text in texts if isinstance(text, str) and not text.startswith("#")]


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
    """Return `Type/id` for a resource of this server, else `text` as it is, without a version."""
    return _target(parse_reference(text, base))


def _target(reference: Reference) -> str:
    if reference.ours:
        return f"{reference.type}/{reference.id}"
    return reference.text.partition(_HISTORY)[0] if reference.version else reference.text


def _versioned(reference: Reference) -> str:
    return f"{_target(reference)}{_HISTORY}{reference.version}"


def criterion(field: str, modifier: str, value: str, locale: Locale) -> Predicate:
    """Match `id`, `Type/id`, an absolute address, or a canonical with or without its version.

    `modifier` is empty, a type, or several types joined by `|` when the parameter's own targets
    stand for a bare id. An address with a version finds the references that name this version.
    """
    text = unescape(value)
    if not text:
        raise refuse_value(field, value, _EXPECTED)
    reference = parse_reference(text, locale.base)
    types = modifier.split("|") if modifier else []
    if reference.ours or reference.kind is Kind.ABSOLUTE:
        if reference.ours and types and reference.type not in types:
            return one_of(field, ())
        return _literal(field, reference)
    if reference.kind is Kind.URN:
        return _canonical(field, text)
    if "/" in text:
        raise refuse_value(field, value, _EXPECTED)
    return one_of(field, [f"{type_}/{text}" for type_ in types])


def _literal(field: str, reference: Reference) -> Predicate:
    # INVARIANT: the field itself is always asked for, since what a pointer is found by is held
    # to what its reader may know there (L36).
    if reference.version:
        versioned = Has(f"{field}:{VERSION}", _versioned(reference))
        return all_of(Has(field, _target(reference)), versioned)
    return Has(field, _target(reference)) if reference.ours else _canonical(field, reference.text)


def _canonical(field: str, text: str) -> Predicate:
    return Has(field, text) if "|" in text else any_of(Has(field, text), Prefix(field, f"{text}|"))


def below(field: str, _: str, value: str, locale: Locale) -> Predicate:
    """Match canonicals of a version or of those under it: `url|1` finds `url|1.2`.

    Raises `BadRequest` for what is no canonical: hierarchies of resources are not followed.
    """
    text = unescape(value)
    if parse_reference(text, locale.base).kind not in (Kind.ABSOLUTE, Kind.URN):
        raise refuse_value(
            field,
            value,
            "a canonical address for `:below`; for what is part of a resource, chain through the "
            "parameter that points to it",
        )
    if "|" not in text:
        return _canonical(field, text)
    return any_of(Has(field, text), Prefix(field, f"{text}."))


def key(value: IndexValue) -> Scalar:
    """Sort by the text of the reference."""
    return str(value)


REFERENCE = ParameterType(
    "reference", frozenset({"identifier", "below"}), values, criterion, key, beside
)
