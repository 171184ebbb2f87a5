"""Which search parameters a type has here, and the module that reads each.

The one place that says what is supported: the CapabilityStatement lists exactly `supported`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from fhir_server.fhir.errors import BadRequest
from fhir_server.search.date import DATE, FIELD_UPDATED
from fhir_server.search.reference import REFERENCE
from fhir_server.search.string import STRING
from fhir_server.search.token import TOKEN
from fhir_server.search.types import ParameterType
from fhir_server.search.uri import URI

PARAMETER_TYPES: Final[Mapping[str, ParameterType]] = {
    kind.name: kind for kind in (TOKEN, STRING, DATE, REFERENCE, URI)
}
RESULT_PARAMETERS: Final = frozenset(
    {
        "_count",
        "_sort",
        "_include",
        "_summary",
        "_total",
        "_elements",
        "_cursor",
        "_format",
        "_pretty",
    }
)
"""https://hl7.org/fhir/R4/search.html#Summary: those that shape the answer, not the selection."""

STORED_FIELDS: Final[Mapping[str, str]] = {"_id": "_id", "_lastUpdated": FIELD_UPDATED}
"""Parameters that stand on the stored document itself and need no index value."""


class UnknownParameter(BadRequest):
    """The one fault that lenient handling forgives: a name that is not searched here."""


@cache
def supported(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return the parameters of `resource_type` that can be searched, by code."""
    found = {
        code: parameter if parameter.target else replace(parameter, target=_any(parameter))
        for code, parameter in search_parameters(resource_type).items()
        if parameter.type in PARAMETER_TYPES and (parameter.expression or code in STORED_FIELDS)
    }
    return MappingProxyType(found)


def _any(parameter: SearchParameter) -> tuple[str, ...]:
    return tuple(sorted(RESOURCE_TYPES)) if parameter.type == "reference" else ()


def field(code: str) -> str:
    """Return where the values of parameter `code` stand in a stored document."""
    return STORED_FIELDS.get(code, f"idx.{code}")


def sort_field(code: str) -> str:
    """Return where the one sortable value of parameter `code` stands."""
    return STORED_FIELDS.get(code, f"srt.{code}")


def parameter(resource_type: str, code: str) -> SearchParameter:
    """Look `code` up; raises `UnknownParameter` with the nearest known names (L56)."""
    known = supported(resource_type)
    found = known.get(code)
    if found is not None:
        return found
    if code in search_parameters(resource_type):
        why = f"search parameter `{code}` of {resource_type} is defined by R4 but not supported yet"
    else:
        near = get_close_matches(code, known, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(f'`{name}`' for name in near)}" if near else ""
        why = f"{resource_type} has no search parameter `{code[:64]}`{hint}"
    raise UnknownParameter(why, code="not-supported")
