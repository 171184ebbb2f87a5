"""What the values in a database were computed by, so that a change of it is noticed.

A mark of each parameter of R4's tables and of those that are shipped: equal marks mean that a
resource indexed then would be indexed alike now.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from fhir_server.search import words
from fhir_server.search.additions import shipped

FORMATS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "composite": 1,
        "date": 1,
        "number": 1,
        "quantity": 1,
        "reference": 1,
        "special": 1,
        "string": 1,
        "token": 1,
        "uri": 1,
        "words": 2,
    }
)
"""Counts the forms in which a type's module wrote its values: add one when it writes others, so
that what is stored is indexed anew."""


@cache
def known() -> Mapping[str, SearchParameter]:
    """Return by address the parameters that have index values, but for those declared here."""
    found = {
        one.url: one
        for type_ in sorted(RESOURCE_TYPES)
        for one in search_parameters(type_).values()
        if one.expression or one.code in words.CODES
    }
    return MappingProxyType(found | {one.url: one for one in shipped()})


@cache
def marks() -> Mapping[str, str]:
    """Return the mark of each of `known`, by its address."""
    return MappingProxyType({url: mark(one) for url, one in known().items()})


def mark(one: SearchParameter) -> str:
    """Return what changes with the values that `one` gives."""
    kind = "words" if one.code in words.CODES else one.type
    components = [(part.definition, part.expression) for part in one.component]
    said = (one.code, one.expression, kind, FORMATS.get(kind, 0), components)
    return sha256(repr(said).encode()).hexdigest()[:16]


def body(one: SearchParameter) -> dict[str, Any]:
    """Return `one` as the work of indexing reads it (`additions.read_definition`)."""
    return {
        "url": one.url,
        "code": one.code,
        "base": list(one.base),
        "type": one.type,
        "expression": one.expression,
        "target": list(one.target),
        "component": [
            {"definition": part.definition, "expression": part.expression} for part in one.component
        ],
    }
