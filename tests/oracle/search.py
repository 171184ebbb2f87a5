"""Answer a search by looking at every resource: slow, without an index, and easy to check.

Written from https://hl7.org/fhir/R4/search.html; the values of a parameter are found by
fhirpathpy. Nothing of `fhir_server.search` or `fhir_server.predicate` is used here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Any

from fhir_server.definitions import (
    RESOURCE_TYPES,
    SearchParameter,
    search_parameter,
    search_parameters,
)
from tests.oracle import search_filters as filters
from tests.oracle import search_numbers as numbers
from tests.oracle import search_places as places
from tests.oracle import search_terms as terms
from tests.oracle import search_values as read
from tests.oracle import search_words as words
from tests.oracle.search_across import belongs
from tests.unit.search.test_paths_against_fhirpath import wanted

Json = dict[str, Any]
Pairs = Sequence[tuple[str, str]]
RESULT = frozenset(
    {"_sort", "_count", "_total", "_summary", "_elements", "_include", "_revinclude"}
)


@dataclass
class Oracle:
    """The resources of a world, and what a search finds in them for who may know all of them."""

    documents: Sequence[Json]
    base: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    parameters: Callable[[str], Mapping[str, SearchParameter]] = search_parameters

    def __post_init__(self) -> None:
        self._by_ref = {f"{one['resourceType']}/{one['id']}": one for one in self.documents}
        self._values: dict[tuple[str, str], list[Any]] = {}
        self.filters: dict[str, filters.Tree] = {}

    def search(self, types: str | Sequence[str], pairs: Pairs, inside: str = "") -> list[str]:
        """Return the ids of what matches every pair, in the order of `_sort`, type and id.

        With `inside`, those in the compartment of that resource.
        """
        return [one["id"] for one in self.found(types, pairs, inside)]

    def found(self, types: str | Sequence[str], pairs: Pairs, inside: str = "") -> list[Json]:
        """Return what `search` names."""
        asked = [pair for pair in pairs if pair[0].partition(":")[0] not in RESULT]
        found = [
            one
            for one in self.documents
            if one["resourceType"] in ([types] if isinstance(types, str) else types)
            and (not inside or belongs(self, one, inside))
            and all(self.matches(one, name, value) for name, value in asked)
        ]
        sort = next((value for name, value in pairs if name == "_sort"), "")
        return self.sorted(found, [key for key in sort.split(",") if key])

    # one parameter -------------------------------------------------------------------------------

    def matches(self, one: Json, name: str, value: str) -> bool:
        """Tell whether a resource matches one parameter of a query."""
        if name.startswith("_has:"):
            return self._has(one, name, value)
        if name == "_list":
            return f"{one['resourceType']}/{one['id']}" in self._listed(value)
        if name == "_filter":
            return filters.holds(self, one, self.filters[value])
        if name in ("_text", "_content"):
            return any(words.found(one, name, item) for item in read.pieces(value, ","))
        head, dot, rest = name.partition(".")
        code, _, modifier = head.partition(":")
        parameter = self.parameters(one["resourceType"]).get(code)
        if parameter is None:
            return False
        if dot:
            types = (modifier,) if modifier else parameter.target or tuple(RESOURCE_TYPES)
            return any(
                self.matches(target, rest, value)
                for target in self._targets(one, parameter)
                if target["resourceType"] in types
            )
        values = self.values(one, parameter)
        if modifier == "missing":
            return (value == "true") is not bool(values)
        hit = any(
            self._hit(one, parameter, modifier, values, item) for item in read.pieces(value, ",")
        )
        return not hit if modifier in ("not", "not-in") else hit

    def _has(self, one: Json, name: str, value: str) -> bool:
        """Tell whether something that points here by a parameter matches the rest."""
        _, type_, code, rest = name.split(":", 3)
        parameter = self.parameters(type_)[code]
        return any(
            one in self._targets(other, parameter) and self.matches(other, rest, value)
            for other in self.documents
            if other["resourceType"] == type_
        )

    def _listed(self, id_: str) -> set[str]:
        found = self._by_ref.get(f"List/{id_}", {})
        return {read.pointed(entry["item"], self.base) for entry in found.get("entry", ())}

    def _targets(self, one: Json, parameter: SearchParameter) -> list[Json]:
        refs = {read.pointed(value, self.base) for value in self.values(one, parameter)}
        return [self._by_ref[ref] for ref in refs if ref in self._by_ref]

    def targets(self, one: Json, code: str) -> list[Json]:
        """Return what a resource points to by a parameter."""
        return self._targets(one, self.parameters(one["resourceType"])[code])

    def values(self, one: Json, parameter: SearchParameter) -> list[Any]:
        """Return what the parameter is about in a resource, as JSON."""
        key = (f"{one['resourceType']}/{one['id']}", parameter.code)
        if key not in self._values:
            self._values[key] = values_of(one, parameter)
        return self._values[key]

    def _hit(
        self, one: Json, parameter: SearchParameter, modifier: str, values: list[Any], item: str
    ) -> bool:
        if parameter.type == "composite":
            return any(self._together(one, parameter, value, item) for value in values)
        test = self._test(parameter, modifier, item)
        return any(test(value) for value in values)

    def _test(self, parameter: SearchParameter, modifier: str, item: str) -> Callable[[Any], bool]:
        """Return what one value of a resource must satisfy."""
        if parameter.type == "reference":
            return self._pointing(parameter, modifier, item)
        return _TESTS[parameter.type](item, modifier, self.now)

    def _pointing(
        self, parameter: SearchParameter, modifier: str, item: str
    ) -> Callable[[Any], bool]:
        if modifier == "identifier":
            return lambda value: (
                isinstance(value, dict) and read.token(value.get("identifier", ""), item)
            )
        types = (modifier,) if modifier else parameter.target or tuple(RESOURCE_TYPES)
        return lambda value: read.reference(value, item, self.base, types)

    def _together(self, one: Json, parameter: SearchParameter, value: Any, item: str) -> bool:
        """Tell whether all components match in the same element."""
        parts = read.pieces(item, "$")
        for component, part in zip(parameter.component, parts, strict=True):
            like = search_parameter(component.definition)
            assert like
            test = self._test(like, "", part)
            if not any(test(found) for found in component_values(component.expression, one, value)):
                return False
        return True

    # order ---------------------------------------------------------------------------------------

    def sorted(self, found: Iterable[Json], keys: Sequence[str]) -> list[Json]:
        """Sort by the least value of each key; what has none comes first, or last descending."""

        def compare(left: Json, right: Json) -> int:
            for key in keys:
                one, other = (self._key(each, key.lstrip("-")) for each in (left, right))
                if one != other:
                    before = one is None or (other is not None and one < other)
                    return 1 if before is key.startswith("-") else -1
            first, second = ((each["resourceType"], each["id"]) for each in (left, right))
            return -1 if first < second else 1

        return sorted(found, key=cmp_to_key(compare))

    def _key(self, one: Json, code: str) -> Any:
        parameter = self.parameters(one["resourceType"])[code]
        keys = [
            key
            for value in self.values(one, parameter)
            for key in SORTED_BY[parameter.type](value, self.base)
        ]
        return min(keys) if keys else None


def _token(item: str, modifier: str, _: datetime) -> Callable[[Any], bool]:
    match modifier:
        case "text":
            asked = read.words(read.plain(item))
            return lambda value: any(asked in read.words(text) for text in read.told(value))
        case "of-type":
            return lambda value: read.of_type(value, item)
        case "in" | "not-in":
            return lambda value: terms.within(value, item)
        case "above" | "below":
            return lambda value: terms.subsumed(value, item, modifier)
        case "" | "not":
            return lambda value: read.token(value, item)
    raise ValueError(modifier)


_TESTS: dict[str, Callable[[str, str, datetime], Callable[[Any], bool]]] = {
    "token": _token,
    "string": lambda item, modifier, _: lambda value: read.string(value, item, modifier),
    "date": lambda item, _, now: lambda value: read.date(value, item, now),
    "number": lambda item, _, __: lambda value: numbers.number(value, item),
    "quantity": lambda item, _, __: lambda value: numbers.quantity(value, item),
    "uri": lambda item, modifier, _: lambda value: read.uri(value, item, modifier),
    "special": lambda item, _, __: lambda value: places.near(value, item),
}

SORTED_BY: dict[str, Callable[[Any, str], Iterable[Any]]] = {
    "token": lambda value, _: [code for _, code in read.tokens(value)],
    "string": lambda value, _: [(read.folded(text), text) for text in read.texts(value)],
    "date": lambda value, _: [low.astimezone(UTC) for low, _ in read.spans(value)],
    "uri": lambda value, _: [value],
    "reference": lambda value, base: filter(None, [read.pointed(value, base)]),
    "number": lambda value, _: [found[0] for found in [numbers.amount(value)] if found],
    "quantity": lambda value, _: [found[0] for found in [numbers.amount(value)] if found],
}


def values_of(one: Json, parameter: SearchParameter) -> list[Any]:
    """Return what fhirpathpy finds, of an Extension its value; also what nothing can match."""
    if parameter.code == "_id":
        return [one["id"]]
    if parameter.code == "_lastUpdated":
        return [one["meta"]["lastUpdated"]]
    return [_unwrapped(value) for value in wanted(parameter.expression, one)]


def _unwrapped(value: Any) -> Any:
    """Return the value of an Extension, or the value itself."""
    if isinstance(value, dict) and "url" in value:
        return next((inner for name, inner in value.items() if re.match("value[A-Z]", name)), value)
    return value


def component_values(expression: str, one: Json, value: Json) -> list[Any]:
    """Return what a component of a composite finds in one value of it.

    Those of R4 are an element, a choice of one type or any, or an element of the whole resource.
    """
    if expression.startswith("%resource."):
        found: list[Any] = [one]
        for name in expression.split(".")[1:]:
            found = [inner for outer in found for inner in many(outer.get(name))]
        return found
    names = {
        "value" + type_[:1].upper() + type_[1:]
        for type_ in re.findall(r"value\.as\((\w+)\)", expression)
    }
    if expression == "value":
        names = {name for name in value if re.match("value[A-Z]", name)}
    return [item for name in names or {expression} for item in many(value.get(name))]


def many(value: Any) -> list[Any]:
    """Return a list, a single value as one, and nothing as none."""
    return value if isinstance(value, list) else [] if value is None else [value]
