"""Which search parameters a type has here, and the module that reads each.

The one place that says what is supported: the CapabilityStatement lists exactly `supported`. It is
R4's table and one value of `Additions` beside it, which `grow` puts in the place of the last: what
a process keeps that was made of the registry, it keeps by `additions()`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from fhir_server.fhir.errors import BadRequest, Conflict
from fhir_server.search import words
from fhir_server.search.additions import Additions, shipped
from fhir_server.search.composite import COMPOSITE, composite
from fhir_server.search.date import DATE, FIELD_UPDATED
from fhir_server.search.number import NUMBER
from fhir_server.search.quantity import QUANTITY
from fhir_server.search.reference import REFERENCE
from fhir_server.search.special import SPECIAL
from fhir_server.search.string import STRING
from fhir_server.search.token import TOKEN
from fhir_server.search.types import ParameterType
from fhir_server.search.uri import URI
from fhir_server.search.words_query import WORDS

PARAMETER_TYPES: Final[Mapping[str, ParameterType]] = {
    kind.name: kind
    for kind in (TOKEN, STRING, DATE, REFERENCE, URI, NUMBER, QUANTITY, COMPOSITE, SPECIAL)
}
RESULT_PARAMETERS: Final = frozenset(
    {
        "_count",
        "_sort",
        "_include",
        "_revinclude",
        "_summary",
        "_total",
        "_elements",
        "_explain",
        "_contained",
        "_containedType",
        "_cursor",
        "_format",
        "_pretty",
    }
)
"""https://hl7.org/fhir/R4/search.html#Summary: those that shape the answer, not the selection."""

UNEXPRESSED: Final = frozenset({"_filter"})
"""Parameters that are about no element of their own."""

STORED_FIELDS: Final[Mapping[str, str]] = {"_id": "_id", "_lastUpdated": FIELD_UPDATED}
"""Parameters that stand on the stored document itself and need no index value."""


UNINDEXED: Final = frozenset({"_list"})
"""Parameters that other resources answer, and modules of their own read."""


_RESOLVED: Final = re.compile(r"\.where\(resolve\(\) is (\w+)\)$")
"""How an expression of a SearchParameter says what a reference points to."""


class UnknownParameter(BadRequest):
    """The one fault that lenient handling forgives: a name that is not searched here."""


class BeingIndexed(Conflict):
    """The parameter was declared, and not every stored resource is indexed by it yet."""

    code = "transient"


class _Grown:
    """What was added, and how far the indexing of what waits has come, in percent by `url`."""

    additions: Additions = Additions(shipped())
    percent: Mapping[str, int] = MappingProxyType({})


def additions() -> Additions:
    """Return what this process now knows beside R4."""
    return _Grown.additions


def grow(to: Additions, percent: Mapping[str, int]) -> None:
    """Let this process know `to` instead; searches and writes that have begun may use the last."""
    _Grown.percent = MappingProxyType(dict(percent))
    _Grown.additions = to


def supported(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return the parameters of `resource_type` that can be searched, by code."""
    return _supported(_Grown.additions, resource_type)


def indexed(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return the parameters that a write fills: `supported`, and those that will be."""
    return _indexed(_Grown.additions, resource_type)


@lru_cache(maxsize=1024)
def _supported(added: Additions, resource_type: str) -> Mapping[str, SearchParameter]:
    found = {**_indexed(added, resource_type), **_unindexed(resource_type)}
    return MappingProxyType(
        {code: one for code, one in found.items() if one.url not in added.waiting}
    )


def _unindexed(resource_type: str) -> Mapping[str, SearchParameter]:
    official = search_parameters(resource_type)
    return {code: official[code] for code in sorted(UNINDEXED & official.keys())}


@lru_cache(maxsize=1024)
def _indexed(added: Additions, resource_type: str) -> Mapping[str, SearchParameter]:
    official = search_parameters(resource_type)
    # INVARIANT: a parameter of R4 is never another: what was added under its code is not looked at.
    known = {one.code: one for one in added.of(resource_type)} | dict(official)
    found = {
        code: replace(parameter, target=_targets(resource_type, parameter))
        for code, parameter in known.items()
        if parameter.type in PARAMETER_TYPES
        and (
            parameter.expression
            or code in STORED_FIELDS
            or code in UNEXPRESSED
            or words.searched(resource_type, code)
        )
    }
    return MappingProxyType(found)


def _targets(resource_type: str, parameter: SearchParameter) -> tuple[str, ...]:
    """Return what `parameter` of a `resource_type` can point to.

    R4 says so for all of its types together; an expression that ends in `where(resolve() is T)`
    leaves T alone, and a chain then looks nowhere else.
    """
    if parameter.type != "reference":
        return parameter.target
    told = parameter.target or tuple(sorted(RESOURCE_TYPES))
    parts = [part.strip() for part in parameter.expression.split("|")]
    ends = [_RESOLVED.search(part) for part in parts if part.startswith(f"{resource_type}.")]
    left = {end[1] for end in ends if end}
    return tuple(one for one in told if one in left) if left and all(ends) else told


def type_of(parameter: SearchParameter) -> ParameterType:
    """Return what reads `parameter`; composites and words have their own. Raise ExpressionError."""
    if parameter.code in words.CODES:
        return WORDS
    if parameter.component:
        return composite(parameter.component)
    return PARAMETER_TYPES[parameter.type]


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
    if (waiting := indexed(resource_type).get(code)) is not None:
        percent = _Grown.percent.get(waiting.url, 0)
        raise BeingIndexed(
            f"search parameter `{code}` of {resource_type} is being indexed, {percent} %"
        )
    if code in search_parameters(resource_type):
        why = f"search parameter `{code}` of {resource_type} is defined by R4 but not supported yet"
    else:
        near = get_close_matches(code, known, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(f'`{name}`' for name in near)}" if near else ""
        why = f"{resource_type} has no search parameter `{code[:64]}`{hint}"
    raise UnknownParameter(why, code="not-supported")
