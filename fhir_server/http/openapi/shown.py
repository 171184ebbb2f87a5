"""The description as the pages of `/docs` show it: one line an address, a parameter, an element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fhir_server.definitions import Element, SearchParameter, TypeRef, elements
from fhir_server.http.endpoint import Route
from fhir_server.http.openapi import beside
from fhir_server.http.openapi.interactions import interaction_of
from fhir_server.http.openapi.operations import definition_of
from fhir_server.http.openapi.parameters import name_of
from fhir_server.http.openapi.paths import address, named, operation, routed
from fhir_server.http.openapi.responses import statuses
from fhir_server.http.openapi.schemas import paths_of
from fhir_server.http.openapi.search_values import expression_for, modifiers
from fhir_server.search.registry import supported


@dataclass(frozen=True, slots=True)
class Address:
    """A verb and a path; `criteria` tells whether the search parameters of the type are taken."""

    method: str
    path: str
    french: str
    english: str
    criteria: bool
    takes: tuple[str, ...]
    sends: str
    success: tuple[str, ...]
    refuses: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Criterion:
    """A search parameter of a type."""

    name: str
    type: str
    expression: str
    modifiers: str
    targets: str


@dataclass(frozen=True, slots=True)
class Member:
    """An element of a type, by its path below it."""

    path: str
    often: str
    types: str
    values: str


def addresses(routes: Iterable[Route], type_: str) -> list[Address]:
    """Return the addresses of `type_`, or those of the system when it is empty; operations last."""
    last = {(route.method, address(route, type_)): route for route in routed(routes, type_)}
    return [_address(route, type_) for route in sorted(last.values(), key=_is_operation)]


def _is_operation(route: Route) -> bool:
    return "$" in route.rule


def _address(route: Route, type_: str) -> Address:
    described = operation(route, type_)
    interaction = interaction_of(route)
    answers = described["responses"]
    refused = {str(status) for status in statuses()}
    french, english = interaction.french, route.summary
    if definition_of(route) is not None:
        # The title of an OperationDefinition is in both languages.
        french, _, english = route.summary.rstrip(")").partition(" (")
    return Address(
        method=route.method,
        path=address(route, type_),
        french=french,
        english=english,
        criteria=interaction.criteria,
        takes=tuple(dict.fromkeys(map(name_of, named(route, type_)))),
        sends=route.body,
        success=tuple(status for status in answers if status not in {*refused, "default"}),
        refuses=tuple(status for status in answers if status in refused),
        is_open=route.is_open,
    )


def criteria(type_: str) -> list[Criterion]:
    """Return the search parameters of `type_`."""
    return [_criterion(parameter, type_) for _, parameter in sorted(supported(type_).items())]


def _criterion(parameter: SearchParameter, type_: str) -> Criterion:
    targets = parameter.target
    few = ", ".join(targets) if len(targets) <= 12 else f"{len(targets)} types"
    expression = expression_for(parameter, type_)
    taken = ", ".join(modifiers(parameter))
    return Criterion(parameter.code, parameter.type, expression, taken, few)


def members(type_: str) -> Iterator[Member]:
    """Yield the elements of `type_`, those of its backbone elements below them."""
    for path in paths_of(type_):
        for element in elements(path).values():
            below = f"{path}.{element.name}".partition(".")[2]
            codes = element.content or ", ".join(_type(one) for one in element.types)
            name = f"{below}[x]" if element.choice else below
            value_set = (element.binding or "").rpartition("/")[2]
            yield Member(name, _often(element), codes, value_set)


def _type(one: TypeRef) -> str:
    targets = [target.rpartition("/")[2] for target in one.targets]
    return f"{one.code}({' | '.join(targets)})" if targets else one.code


def _often(element: Element) -> str:
    return f"{element.min}..{'*' if element.max is None else element.max}"


def others() -> list[tuple[str, str]]:
    """Return path and meaning of the addresses beside `/fhir`."""
    return [(path, item["get"]["summary"]) for path, item in beside.paths().items()]
