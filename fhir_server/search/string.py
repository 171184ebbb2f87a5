"""String parameters: https://hl7.org/fhir/R4/search.html#string.

Searches fold case and accents, so `lefevre` finds `Lefèvre`. An index value is the folded text, a
separator, and the text as it came: one value serves the default (begins with), `:contains` and
`:exact`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from fhir_server.predicate import Contains, Has, Predicate, Prefix, Scalar
from fhir_server.search.escape import unescape
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

SEPARATOR: Final = "\x1f"
_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "\u2019": "'"})
_PARTS: Final = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}
_LONGEST: Final = 500
"""Characters of one value that are indexed; MongoDB refuses index keys that are much longer."""


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return `text` without case, accents, ligatures or runs of white space."""
    # Taken apart before the case goes: some signs, `™` or `ℌ`, come apart into capitals.
    apart = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    plain = unicodedata.normalize("NFKD", apart)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return one value per text found."""
    unique: dict[str, None] = {}
    for node in found:
        for text in _texts(node.type, node.value):
            cut = text[:_LONGEST]
            unique[f"{fold(cut)}{SEPARATOR}{cut}"] = None
    return list(unique)


def _texts(type_: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in _PARTS.get(type_, ()):
            found = value.get(part, [])
            yield from (t for t in ([found] if isinstance(found, str) else found) if t)


def criterion(field: str, modifier: str, value: str, _: Locale) -> Predicate:
    """Match texts that begin with `value`, contain it, or are exactly it."""
    text = unescape(value)[:_LONGEST]
    folded = fold(text)
    if not folded:
        raise refuse_value(field, value, "a text to look for")
    match modifier:
        case "exact":
            return Has(field, f"{folded}{SEPARATOR}{text}")
        case "contains":
            return Contains(field, folded, SEPARATOR)
        case _:
            return Prefix(field, folded)


def key(value: IndexValue) -> Scalar:
    """Sort by the folded text, then by the text as it came."""
    return str(value)


STRING = ParameterType("string", frozenset({"exact", "contains"}), values, criterion, key)
