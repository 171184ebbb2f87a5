"""Take out of a resource the values that search parameters are about.

The expressions are compiled once (`paths_parse`, then `paths_compile`). Everything that the 1,384
expressions of R4 use is supported; an expression that needs more is refused when it is compiled.

https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from fhir_server.definitions import SearchParameter, child, search_parameters
from fhir_server.search.paths_compile import Branch, Compiled, Scope, Test, compile_tree, fetcher
from fhir_server.search.paths_parse import ExpressionError, parse

__all__ = [
    "ExpressionError",
    "Node",
    "compile_component",
    "compile_composite",
    "compile_expression",
    "extractor",
    "ways",
]

Resource = dict[str, Any]


class Node(NamedTuple):
    """A value with its FHIR type: a code (`CodeableConcept`, `dateTime`), or a backbone path."""

    type: str
    value: Any


Nodes = list[Node]
Evaluate = Callable[[Any, Resource], Nodes]
"""Takes the value to start from, and the resource that it stands in."""


def compile_expression(expression: str, resource_type: str) -> Callable[[Resource], Nodes]:
    """Return a function that evaluates `expression` over a resource of `resource_type`.

    The function takes the resource as JSON and never raises for one that isn't valid. A primitive
    with extensions but no value yields nothing. Raise ExpressionError.
    """
    evaluate = _evaluator(_compiled(expression, resource_type, resource_type))
    return lambda resource: evaluate(resource, resource)


@lru_cache(maxsize=1024)
def compile_component(
    expression: str, type_path: str, resource_type: str
) -> Callable[[Any, Resource], Nodes]:
    """Return a function that evaluates a composite's component over a value of `type_path`.

    The function takes the value and the resource that it stands in. Raise ExpressionError.
    """
    return _evaluator(_compiled(expression, type_path, resource_type))


def compile_composite(
    parameter: SearchParameter, resource_type: str
) -> Callable[[Resource], list[tuple[Nodes, ...]]]:
    """Return a function that lists, for each value of a composite, the nodes of each component.

    A value that lacks a component is left out: it can't match. Raise ExpressionError.
    """

    def components(type_path: str) -> tuple[Evaluate, ...]:
        return tuple(
            compile_component(part.expression, type_path, resource_type)
            for part in parameter.component
        )

    outer = _compiled(parameter.expression, resource_type, resource_type)
    if not isinstance(outer, tuple):
        raise ExpressionError(f"`{parameter.expression}` is a condition where a path is needed")
    plan = tuple((fetcher(branch), components(branch.type)) for branch in outer)

    def compose(resource: Resource) -> list[tuple[Nodes, ...]]:
        found = (
            tuple(evaluate(value, resource) for evaluate in evaluates)
            for fetch, evaluates in plan
            for value in fetch(resource, resource)
        )
        return [parts for parts in found if all(parts)]

    return compose


def extractor(
    resource_type: str, parameters: Iterable[SearchParameter] | None = None
) -> Callable[[Resource], dict[str, Nodes]]:
    """Return a function that lists the nodes of every parameter at once, by the parameter's code.

    `parameters` are those of R4 for `resource_type` unless given. One with no expression, and one
    that finds nothing, is left out. The nodes of a composite are the values to which its
    components are relative (`compile_composite`). An Extension is replaced by its value. Raise
    ExpressionError.
    """
    chosen = search_parameters(resource_type).values() if parameters is None else parameters
    # Grouped by the key without which there is no value, so that most cost one look into the
    # resource; those under the empty string are always evaluated.
    groups: dict[str, list[tuple[str, Evaluate]]] = {"": []}
    for parameter in chosen:
        if not parameter.expression:
            continue
        for key, evaluate in _parts(parameter.expression, resource_type):
            groups.setdefault(key, []).append((parameter.code, evaluate))
    plan = tuple(groups.items())

    def extract(resource: Resource) -> dict[str, Nodes]:
        found: dict[str, Nodes] = {}
        for key, group in plan:
            if key in resource or not key:
                for code, evaluate in group:
                    if nodes := evaluate(resource, resource):
                        found.setdefault(code, []).extend(nodes)
        return found

    return extract


def ways(expression: str, resource_type: str) -> tuple[tuple[str, ...], ...]:
    """Return the keys that each branch of `expression` follows; none for a condition.

    Raise ExpressionError.
    """
    compiled = _compiled(expression, resource_type, resource_type)
    if not isinstance(compiled, tuple):
        return ((),)
    return tuple(tuple(step for step in one.steps if isinstance(step, str)) for one in compiled)


def _compiled(expression: str, type_path: str, resource_type: str) -> Compiled:
    """Compile `expression`, and name it in the error if that fails."""
    try:
        return compile_tree(parse(expression), Scope(type_path, resource_type))
    except ExpressionError as error:
        raise ExpressionError(f"{error} in the expression `{expression}`") from None


def _parts(expression: str, resource_type: str) -> list[tuple[str, Evaluate]]:
    """Return a function for each branch of `expression`, after the key that it begins with."""
    compiled = _compiled(expression, resource_type, resource_type)
    if not isinstance(compiled, tuple):
        return [("", _answer(compiled))]
    return [(branch.first_key, _nodes(branch, unwrap=True)) for branch in compiled]


def _evaluator(compiled: Compiled) -> Evaluate:
    """Return a function that lists the nodes of all branches, or the answer of a test."""
    if not isinstance(compiled, tuple):
        return _answer(compiled)
    parts = tuple(_nodes(branch, unwrap=False) for branch in compiled)
    if len(parts) == 1:
        return parts[0]
    return lambda value, resource: [node for part in parts for node in part(value, resource)]


def _answer(test: Test) -> Evaluate:
    """Return a function that gives the answer of `test` as a boolean, or nothing."""

    def evaluate(value: Any, resource: Resource) -> Nodes:
        answer = test(value, resource)
        return [] if answer is None else [Node("boolean", answer)]

    return evaluate


def _nodes(branch: Branch, *, unwrap: bool) -> Evaluate:
    """Return a function that follows `branch` and gives each value its type."""
    fetch, type_ = fetcher(branch), branch.type
    if type_ == "Resource":
        return lambda value, resource: [
            Node(item.get("resourceType", type_), item)
            for item in fetch(value, resource)
            if isinstance(item, dict)
        ]
    if type_ == "Extension" and unwrap:
        return lambda value, resource: [
            node for item in fetch(value, resource) for node in _extension_value(item)
        ]
    return lambda value, resource: [Node(type_, item) for item in fetch(value, resource)]


def _extension_value(extension: Any) -> Nodes:
    """Return the value of an Extension with its type; none for one made of extensions."""
    if not isinstance(extension, dict):
        return []
    return [
        Node(found[1], value)
        for name, value in extension.items()
        if name.startswith("value") and (found := child("Extension", name))
    ]
