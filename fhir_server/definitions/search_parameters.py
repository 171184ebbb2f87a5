"""The 1,400 search parameters of R4.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from fhir_server.definitions.tables import table
from fhir_server.definitions.types import RESOURCE_TYPES, ancestry


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a composite: the parameter it is like, and where its value is.

    `expression` is relative to each value of the composite's own expression.
    """

    definition: str
    expression: str


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """What R4 says of one search parameter.

    `type` is one of number, date, string, token, reference, composite, quantity, uri, special.
    `expression` is FHIRPath over all of `base` at once, empty where R4 gives none (`_text`).
    `multiple_or` and `multiple_and` are None where R4 says nothing, which allows both.
    """

    code: str
    url: str
    base: tuple[str, ...]
    type: str
    expression: str = ""
    target: tuple[str, ...] = ()
    component: tuple[Component, ...] = ()
    comparator: tuple[str, ...] = ()
    modifier: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    multiple_or: bool | None = None
    multiple_and: bool | None = None


# Defined in the text of the specification only, not as a SearchParameter.
# https://hl7.org/fhir/R4/search.html#list
LIST = SearchParameter(code="_list", url="", base=("Resource",), type="special")

# The package carries the specification's examples of a SearchParameter beside the real ones; one
# would replace `_id` and another `Condition.subject`.
EXAMPLES = frozenset(
    f"http://hl7.org/fhir/SearchParameter/{name}"
    for name in ("example", "example-extension", "example-reference")
)

# R4 gives the expression of each component to the other: `relatesto`, a reference, that of the code.
# Its words, "combination of relation and relatesTo", and its expressions agree on the order.
CROSSED = "http://hl7.org/fhir/SearchParameter/DocumentReference-relationship"


@cache
def search_parameters(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return the parameters for `resource_type` by code, with those of all resources.

    Raise KeyError if it isn't a resource type of R4. `_has`, `_type` and the parameters of the
    result (`_sort`, `_include`, …) are syntax rather than SearchParameters and aren't here.
    """
    if resource_type not in RESOURCE_TYPES:
        raise KeyError(resource_type)
    found = {LIST.code: LIST}
    for base in reversed(ancestry(resource_type)):
        found.update((parameter.code, parameter) for parameter in _by_base().get(base, ()))
    return MappingProxyType(found)


def search_parameter(url: str) -> SearchParameter | None:
    """Return the parameter whose canonical address is `url`, such as a component's definition."""
    return _by_url().get(url)


def all_search_parameters() -> tuple[SearchParameter, ...]:
    """Return the whole registry, examples and parameters without a base included."""
    return tuple(_by_url().values())


@cache
def _by_url() -> Mapping[str, SearchParameter]:
    """Build every parameter."""
    return {row["url"]: _search_parameter(row) for row in table("search_parameters")}


@cache
def _by_base() -> Mapping[str, list[SearchParameter]]:
    """Group the real parameters by the types that they are for."""
    found: dict[str, list[SearchParameter]] = {}
    for parameter in _by_url().values():
        if parameter.url not in EXAMPLES:
            for base in parameter.base:
                found.setdefault(base, []).append(parameter)
    return found


def _search_parameter(row: Mapping[str, Any]) -> SearchParameter:
    """Build a SearchParameter of its row."""
    components = [(part["definition"], part["expression"]) for part in row.get("component", ())]
    if row["url"] == CROSSED:
        (one, code), (other, target) = components
        components = [(other, code), (one, target)]
    return SearchParameter(
        code=row["code"],
        url=row["url"],
        base=tuple(row.get("base", ())),
        type=row["type"],
        expression=row.get("expression", ""),
        target=tuple(row.get("target", ())),
        component=tuple(Component(*part) for part in components),
        comparator=tuple(row.get("comparator", ())),
        modifier=tuple(row.get("modifier", ())),
        chain=tuple(row.get("chain", ())),
        multiple_or=row.get("multipleOr"),
        multiple_and=row.get("multipleAnd"),
    )
