"""Number parameters: https://hl7.org/fhir/R4/search.html#number.

An index value is `{v: text}`, the number as a text that sorts as it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fhir_server.predicate import Predicate, Scalar
from fhir_server.search.decimals import of_resource, read_sought, sortable
from fhir_server.search.extent import Form, compare_numbers
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

ALONE: Final = Form("v")
"""The number without a unit."""


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return every number found, each once."""
    numbers = (of_resource(node.value) for node in found)
    unique = dict.fromkeys(sortable(number) for number in numbers if number is not None)
    return [{ALONE.name: text} for text in unique]


def criterion(field: str, _: str, value: str, __: Locale) -> Predicate:
    """Compare with a number; its digits say how precisely, where the prefix leaves it open."""
    sought = read_sought(value)
    if sought is None:
        raise refuse_value(field, value, "a number such as `100`, `ge0.8` or `1.5e-3`")
    return compare_numbers(field, ALONE, sought)


def key(value: IndexValue) -> Scalar:
    """Sort by the number."""
    return str(value[ALONE.name])


NUMBER = ParameterType("number", frozenset(), values, criterion, key)
