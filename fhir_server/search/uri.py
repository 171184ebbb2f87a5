"""Uri parameters: https://hl7.org/fhir/R4/search.html#uri. Exact, case included.

`:below` and `:above` go by whole segments of the path, and are for URLs: a urn has no path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from fhir_server.predicate import Has, Predicate, Prefix, Scalar, any_of, one_of
from fhir_server.search.escape import unescape
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

_url = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/\s]+(?:/\S*)?").fullmatch
_MOST: Final = 100
"""Segments of one path that `:above` climbs."""


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return every uri found, each once."""
    return list(dict.fromkeys(node.value for node in found if isinstance(node.value, str)))


def criterion(field: str, modifier: str, value: str, __: Locale) -> Predicate:
    """Match the whole uri, or what lies below or above it, itself included."""
    text = unescape(value)
    if not text:
        raise refuse_value(field, value, "a uri")
    if not modifier:
        return Has(field, text)
    if not _url(text):
        raise refuse_value(
            field,
            value,
            f"a URL with segments for `:{modifier}`, such as `https://example.org/fhir`; "
            "leave the modifier out for a urn",
        )
    if modifier == "above":
        return one_of(field, _above(text))
    return Prefix(field, text) if text.endswith("/") else _below(field, text)


def _below(field: str, text: str) -> Predicate:
    return any_of(Has(field, text), Prefix(field, text + "/"))


def _above(text: str) -> Iterator[str]:
    """Yield `text` and each beginning of its path, with and without the slash at its end."""
    yield text
    origin = text.index("://") + 3
    at = text.find("/", origin)
    for _ in range(_MOST):
        if at < 0:
            return
        yield text[:at]
        yield text[: at + 1]
        at = text.find("/", at + 1)


def key(value: IndexValue) -> Scalar:
    """Sort by the text."""
    return str(value)


URI = ParameterType("uri", frozenset({"above", "below"}), values, criterion, key)
