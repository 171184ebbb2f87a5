"""What a parameter's elements are: their types, and the codes that a `code` element may hold.

A `code` has no system of its own; the value set that it is bound to says which one is meant.
https://hl7.org/fhir/R4/search.html#token and https://hl7.org/fhir/R4/terminologies.html#required
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from fhir_server.definitions import SearchParameter, child, value_set_by_system
from fhir_server.search.paths_compile import Branch, Scope, compile_tree
from fhir_server.search.paths_parse import parse


def element_types(type_: str, parameter: SearchParameter) -> frozenset[str]:
    """Return the types that the values of `parameter` have in a `type_`."""
    return frozenset(branch.type for branch in _branches(type_, parameter.expression))


def implicit_codes(type_: str, parameter: SearchParameter) -> Mapping[str, frozenset[str]]:
    """Return, by system, the codes that `parameter` finds without a system in a `type_`."""
    return _implicit_codes(type_, parameter.expression)


@lru_cache(maxsize=1024)
def _branches(type_: str, expression: str) -> tuple[Branch, ...]:
    if not expression:
        return ()
    compiled = compile_tree(parse(expression), Scope(type_, type_))
    return compiled if isinstance(compiled, tuple) else (Branch("boolean"),)


@lru_cache(maxsize=1024)
def _implicit_codes(type_: str, expression: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for branch in _branches(type_, expression):
        if branch.type == "code":
            for system, codes in (value_set_by_system(_binding(type_, branch)) or {}).items():
                found[system] = found.get(system, frozenset()) | codes
    return found


def _binding(type_: str, branch: Branch) -> str:
    """Return the value set that the last element of `branch` is bound to, or the empty string."""
    path, binding = type_, ""
    for step in branch.steps:
        resolved = child(path, step) if isinstance(step, str) else None
        if resolved:
            element, path = resolved
            binding = element.binding or ""
    return binding
