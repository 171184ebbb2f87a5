"""What the `$operations` take, out of the definitions that judge their requests.

https://hl7.org/fhir/R4/operations.html: what is no resource may stand in the query, whatever the
verb; a POST holds it in a Parameters as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_server.definitions import PRIMITIVES
from fhir_server.http.endpoint import Route
from fhir_server.http.openapi.schemas import ref
from fhir_server.operations.definitions import Definition, Parameter, definitions

Json = dict[str, Any]


def definition_of(route: Route) -> Definition | None:
    """Return the definition of the operation of `route`, None where it is no operation."""
    place, dollar, name = route.rule.partition("$")
    if not dollar:
        return None
    owner = place.strip("/").split("/")[0]
    found = (one for one in definitions().values() if one.code == name)
    return next((one for one in found if not one.types or owner in one.types), None)


def query_of(route: Route) -> list[str]:
    """Return the components of the parameters that the operation of `route` takes in its query."""
    definition = definition_of(route)
    if definition is None:
        return []
    named = [_name(definition, one, route.method) for one in _simple(definition)]
    return [*named, "_cursor"] if "_count" in definition.takes else named


def parameters() -> Iterator[tuple[str, Json]]:
    """Yield name and component of every parameter of an operation."""
    for definition in definitions().values():
        for one in _simple(definition):
            methods = ("POST",) if definition.affects_state else ("GET", "POST")
            for name in dict.fromkeys(_name(definition, one, method) for method in methods):
                yield name, _component(one, needed=".needed." in name)


def _name(definition: Definition, one: Parameter, method: str) -> str:
    """Return the component of a parameter, which a GET can't leave to a body.

    A page link stands alone, so where there are pages nothing is needed in every query.
    """
    needed = method == "GET" and one.least > 0 and "_count" not in definition.takes
    return f"{definition.id}.{'needed.' if needed else ''}{one.name}"


def _simple(definition: Definition) -> Iterator[Parameter]:
    """Yield what is text: a resource or a Meta comes in a body only."""
    for one in definition.takes.values():
        if one.type in PRIMITIVES or one.type == "CodeableConcept":
            yield one


def _component(one: Parameter, *, needed: bool) -> Json:
    schema = ref(one.type if one.type in PRIMITIVES else "search.token")
    often = {"type": "array", "items": schema} if one.most is None else schema
    meaning = f"{one.type}, {one.least}..{one.most or '*'}"
    found: Json = {"name": one.name, "in": "query", "schema": often, "description": meaning}
    return found | {"required": True} if needed else found
