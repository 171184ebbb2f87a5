"""Uri parameters: https://hl7.org/fhir/R4/search.html#uri. Exact, case included."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.predicate import Has, Predicate, Scalar
from fhir_server.search.escape import unescape
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return every uri found, each once."""
    return list(dict.fromkeys(node.value for node in found if isinstance(node.value, str)))


def criterion(field: str, _: str, value: str, __: Locale) -> Predicate:
    """Match the whole uri."""
    if not value:
        raise refuse_value(field, value, "a uri")
    return Has(field, unescape(value))


def key(value: IndexValue) -> Scalar:
    """Sort by the text."""
    return str(value)


URI = ParameterType("uri", frozenset(), values, criterion, key)
