"""Turn the table of routes into paths: one for each resource type where the rule names none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.http.endpoint import Route
from fhir_server.http.openapi import bodies, parameters, responses
from fhir_server.http.openapi.interactions import Interaction, errors_of, interaction_of
from fhir_server.http.openapi.operations import definition_of, query_of

Json = dict[str, Any]

SYSTEM: Final = "FHIR R4"
"""The tag of what belongs to no type."""
_TYPED: Final = "<type>"
_PART: Final = re.compile(r"<(\w+)>")


def paths(routes: Iterable[Route]) -> dict[str, Json]:
    """Return the path items of `routes`, of every type."""
    table = tuple(routes)
    found = dict(of_system(table))
    for type_ in sorted(RESOURCE_TYPES):
        found |= of_type(table, type_)
    return found


def of_system(routes: Iterable[Route]) -> dict[str, Json]:
    """Return the path items that name no type."""
    return _items(routed(routes, ""), "")


def of_type(routes: Iterable[Route], type_: str) -> dict[str, Json]:
    """Return the path items of `type_`."""
    return _items(routed(routes, type_), type_)


def routed(routes: Iterable[Route], type_: str) -> list[Route]:
    """Return the routes of `type_`, or those of the system when it is empty.

    What is routed for a type alone comes after what is for all, and replaces it, as in Flask.
    """
    if not type_:
        return [route for route in routes if not _owner(route)]
    return sorted((r for r in routes if _owner(r) in (_TYPED, type_)), key=_owner_is_exact)


def address(route: Route, type_: str) -> str:
    """Return the path of `route` for `type_`."""
    return _PART.sub(r"{\1}", "/fhir" + route.rule.replace(_TYPED, type_))


def _owner_is_exact(route: Route) -> bool:
    return _owner(route) != _TYPED


def _owner(route: Route) -> str:
    """Return the type that `route` is for, `<type>` for each, nothing for the system."""
    first = route.rule.strip("/").split("/")[0]
    return first if first == _TYPED or first in RESOURCE_TYPES else ""


def _items(routes: Iterable[Route], type_: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for route in routes:
        path = address(route, type_)
        if path not in found:
            named = re.findall(r"{(\w+)}", path)
            own = [*named, "_format", "_pretty", "X-Request-Id"]
            found[path] = {"parameters": [parameters.ref_to(name) for name in own]}
        found[path][route.method.lower()] = operation(route, type_)
    return found


def operation(route: Route, type_: str) -> Json:
    """Return the description of `route` for `type_`, nothing for the system."""
    interaction = interaction_of(route)
    found: Json = {
        "operationId": f"{_id(route)}.{type_}" if type_ else _id(route),
        "summary": route.summary,
        "tags": [type_ or SYSTEM],
        "parameters": _parameters(route, interaction, type_),
        "responses": _responses(route, interaction, type_),
    }
    definition = definition_of(route)
    if definition is not None:
        found["externalDocs"] = {"url": definition.url}
    if route.body:
        of_operation = definition is not None
        found["requestBody"] = bodies.ref_to(
            bodies.body_of(
                route.body, "" if "<member>" in route.rule else type_, of_operation=of_operation
            )
        )
    if route.is_open:
        found["security"] = []
    return {name: value for name, value in found.items() if value or name == "security"}


def _id(route: Route) -> str:
    """Return a name that no other route has: its verb and its rule."""
    words = re.findall(r"[A-Za-z-]+", route.rule.replace(_TYPED, "type"))
    return "-".join([route.method.lower(), *words])


def _parameters(route: Route, interaction: Interaction, type_: str) -> list[Json]:
    found = [parameters.ref_to(name) for name in named(route, type_)]
    selecting = parameters.criteria(type_) if interaction.criteria and type_ else []
    return [*selecting, *found]


def named(route: Route, type_: str) -> tuple[str, ...]:
    """Return the components of the parameters of `route` that select nothing."""
    interaction = interaction_of(route)
    own = (*interaction.query, *query_of(route))
    return (*own, *interaction.headers, *_of_binary(route, type_))


def _of_binary(route: Route, type_: str) -> tuple[str, ...]:
    """Return the headers of a content that is sent or read as it is.

    https://hl7.org/fhir/R4/binary.html#rest
    """
    if type_ != "Binary" or "$" in route.rule:
        return ()
    by_rule = {("GET", "/<type>/<id>"): "Range", ("POST", "/<type>"): "X-Security-Context",
               ("PUT", "/<type>/<id>"): "X-Security-Context"}  # fmt: skip
    name = by_rule.get((route.method, route.rule))
    return (name,) if name else ()


def _responses(route: Route, interaction: Interaction, type_: str) -> Json:
    found = {
        str(status): responses.ref_to(name.format(type=type_))
        for status, name in interaction.success
    }
    if type_ == "Binary" and interaction.anchor == "read":
        found |= {"206": responses.ref_to("content"), "416": responses.ref_to("beyond")}
    known = responses.statuses()
    for status in errors_of(route):
        if status in known:
            found[str(status)] = responses.ref_to(str(status))
    return {**found, "default": responses.ref_to("error")}
