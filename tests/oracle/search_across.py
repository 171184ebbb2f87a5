"""What leads from one resource to others: includes, and the compartments of R4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fhir_server.definitions import compartment
from tests.oracle import search_values as read

if TYPE_CHECKING:
    from tests.oracle.search import Oracle

Json = dict[str, Any]


def name_of(one: Json) -> str:
    return f"{one['resourceType']}/{one['id']}"


def belongs(oracle: Oracle, one: Json, owner: str) -> bool:
    """Tell whether a resource is in the compartment of `owner`, which is `Type/id`."""
    codes = compartment(owner.partition("/")[0]).get(one["resourceType"], ())
    known = oracle.parameters(one["resourceType"])
    return name_of(one) == owner or any(
        read.pointed(value, oracle.base) == owner
        for code in codes
        if code in known
        for value in oracle.values(one, known[code])
    )


def included(oracle: Oracle, matches: Sequence[Json], asked: Iterable[tuple[str, str]]) -> set[str]:
    """Return what comes with `matches`: next to them, and by `:iterate` next to that."""
    wanted = list(asked)
    again = [(name, value) for name, value in wanted if name.endswith(":iterate")]
    there = {name_of(one) for one in matches}
    near, found = list(matches), dict[str, Json]()
    while near:
        new = {
            name_of(other): other
            for name, value in wanted
            for one in near
            for other in _beside(oracle, one, name.partition(":")[0], value)
            if name_of(other) not in there
        }
        there |= new.keys()
        found |= new
        near, wanted = list(new.values()), again
    return set(found)


def _beside(oracle: Oracle, one: Json, name: str, value: str) -> Iterator[Json]:
    source, code, target = (*value.split(":"), "")[:3] if value != "*" else ("*", "*", "")
    if name == "_include":
        if source in ("*", one["resourceType"]):
            yield from (
                other
                for each in _references(oracle, one, code)
                for other in oracle.targets(one, each)
                if target in ("", other["resourceType"])
            )
        return
    for other in oracle.documents:
        if source in ("*", other["resourceType"]) and target in ("", one["resourceType"]):
            for each in _references(oracle, other, code):
                if one in oracle.targets(other, each):
                    yield other


def _references(oracle: Oracle, one: Json, code: str) -> list[str]:
    known = oracle.parameters(one["resourceType"])
    return [
        name for name, each in known.items() if each.type == "reference" and code in ("*", name)
    ]
