"""Composite parameters: https://hl7.org/fhir/R4/search.html#composite.

An index value is one object for each element that the parameter's expression selects, with what
each component finds under the component's own code: all its scalars, or one of its small objects,
in as many index values as it has. A search asks that one and the same element satisfies all
components; each is read by the module of its type. An object stands there alone, and not in a list,
because MongoDB reads one tight range of the index only where no list is below the element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter, search_parameter
from fhir_server.definitions import Component as Definition
from fhir_server.predicate import All, Not, Predicate, Scalar, Some, all_of, any_of, negate, under
from fhir_server.predicate import Any as Offer
from fhir_server.search.date import DATE
from fhir_server.search.decimals import sortable
from fhir_server.search.escape import split
from fhir_server.search.number import NUMBER
from fhir_server.search.paths import ExpressionError, Node, compile_composite, extractor
from fhir_server.search.quantity import QUANTITY
from fhir_server.search.reference import REFERENCE
from fhir_server.search.string import STRING
from fhir_server.search.token import SEPARATOR, TOKEN
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value
from fhir_server.search.uri import URI

NAME: Final = "composite"
MOST_CHOICES: Final = 16
_KINDS: Final[Mapping[str, ParameterType]] = {
    kind.name: kind for kind in (TOKEN, STRING, DATE, REFERENCE, URI, NUMBER, QUANTITY)
}


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a composite: the parameter it is like, and how values of that are read."""

    code: str
    kind: ParameterType
    asked: str = ""


@lru_cache(maxsize=1024)
def composite(definitions: tuple[Definition, ...]) -> ParameterType:
    """Return both sides of the composite that is made of `definitions`."""
    parts = components(definitions)

    def values(found: Sequence[Found], locale: Locale) -> list[IndexValue]:
        return [one for node in found for one in _elements(parts, node.value, locale)]

    def criterion(field: str, _: str, value: str, locale: Locale) -> Predicate:
        texts = split(value, "$")
        if len(texts) != len(parts) or not all(texts):
            shape = "$".join(part.code for part in parts)
            raise refuse_value(field, value, f"of the form `{shape}`")
        asked = (
            _alone(part.code, part.kind.criterion(part.code, part.asked, text, locale))
            for part, text in zip(parts, texts, strict=True)
        )
        return any_of(*(Some(field, all_of(*chosen)) for chosen in _choices(tuple(asked))))

    def key(value: IndexValue) -> Scalar:
        """Sort by the components in their order."""
        keys = (_smallest(part.kind, value[part.code]) for part in parts)
        return SEPARATOR.join(
            one if isinstance(one, str) else sortable(Decimal(one)) for one in keys
        )

    return ParameterType(NAME, frozenset(), values, criterion, key)


def components(definitions: Iterable[Definition]) -> tuple[Component, ...]:
    """Look the components of a composite up; raise ExpressionError for one that can't be read."""
    found = []
    for definition in definitions:
        parameter = search_parameter(definition.definition)
        if parameter is None or parameter.type not in _KINDS:
            raise ExpressionError(f"`{definition.definition}` can't be a component here")
        targets = "|".join(parameter.target or sorted(RESOURCE_TYPES))
        asked = targets if parameter.type == "reference" else ""
        found.append(Component(parameter.code, _KINDS[parameter.type], asked))
    return tuple(found)


def _choices(asked: tuple[Predicate, ...]) -> Iterable[tuple[Predicate, ...]]:
    """Return what components may satisfy together, alternatives outside.

    MongoDB then has the choice of the component that the index is read for: it takes none inside a
    disjunction inside an element.
    """
    offered = [one.parts if isinstance(one, Offer) else (one,) for one in asked]
    return product(*offered) if prod(map(len, offered)) <= MOST_CHOICES else (asked,)


def _alone(code: str, asked: Predicate) -> Predicate:
    """Ask of the object at `code` what `asked` asks of some object in the list at `code`."""
    match asked:
        case Some(field, part) if field == code:
            return under(code, part)
        case Offer(parts):
            return any_of(*(_alone(code, part) for part in parts))
        case All(parts):
            return all_of(*(_alone(code, part) for part in parts))
        case Not(part):
            return negate(_alone(code, part))
        case _:
            return asked


def _elements(
    parts: Sequence[Component], found: Sequence[Any], locale: Locale
) -> Iterator[IndexValue]:
    """Yield the index values of one element; `found` has the nodes of each component."""
    pairs = zip(parts, found, strict=True)
    offered = [_apart(part.kind.values(nodes, locale)) for part, nodes in pairs]
    codes = [part.code for part in parts]
    return (dict(zip(codes, chosen, strict=True)) for chosen in product(*offered))


def _apart(values: list[IndexValue]) -> list[IndexValue]:
    """Return objects each alone, and scalars all together; nothing when there is nothing."""
    return values if not values or isinstance(values[0], dict) else [values]


def _smallest(kind: ParameterType, value: IndexValue) -> Scalar:
    return min(map(kind.key, value)) if isinstance(value, list) else kind.key(value)


def with_composites(
    resource_type: str, parameters: Iterable[SearchParameter]
) -> Callable[[dict[str, Any]], dict[str, list[Node]]]:
    """Return a function that lists the nodes of every parameter by code, as `paths.extractor`.

    A node of a composite has the nodes of its components, for one element that has them all.
    """
    chosen = tuple(parameters)
    extract = extractor(resource_type, (one for one in chosen if not one.component))
    plan = tuple(
        (one.code, compile_composite(one, resource_type)) for one in chosen if one.component
    )

    def compose(resource: dict[str, Any]) -> dict[str, list[Node]]:
        found = extract(resource)
        for code, elements in plan:
            if nodes := [Node(NAME, parts) for parts in elements(resource)]:
                found[code] = nodes
        return found

    return compose if plan else extract


COMPOSITE: Final = composite(())
"""Stands for the type where a parameter's components don't matter."""
