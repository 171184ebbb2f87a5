"""String parameters: https://hl7.org/fhir/R4/search.html#string.

Searches fold case, accents, punctuation and spaces, so `lefevre` finds `Lefèvre`, and `o brien`
`O'Brien`. An index value is the folded text, a separator, and the text as it came: one value
serves the default (begins with), `:contains` and `:exact`. `phonetic` is a string like the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fhir_server.predicate import Contains, Has, Predicate, Prefix, Scalar
from fhir_server.search.escape import unescape
from fhir_server.search.folding import fold as fold
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

SEPARATOR: Final = "\x1f"
_PARTS: Final = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}
_LONGEST: Final = 500
"""Characters of one value that are indexed; MongoDB refuses index keys that are much longer."""


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
    if modifier == "exact" and text:
        return Has(field, f"{folded}{SEPARATOR}{text}")
    if not folded:
        raise refuse_value(
            field, value, "a text to look for: it needs a letter or a digit, or `:exact`"
        )
    return Contains(field, folded, SEPARATOR) if modifier == "contains" else Prefix(field, folded)


def key(value: IndexValue) -> Scalar:
    """Sort by the folded text, then by the text as it came."""
    return str(value)


STRING = ParameterType("string", frozenset({"exact", "contains"}), values, criterion, key)
