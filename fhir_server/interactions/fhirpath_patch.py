"""Apply a FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html.

1. The Parameters are read and every path is parsed: what is malformed is refused before anything
   is touched (`fhirpath_patch_read`).
2. The operations are applied in order to a copy. Each path is followed to places
   (`fhirpath_patch_place`); an operation needs exactly one, but `delete`, which may find none.
3. A value must be of a type that its place allows. An element that is left empty goes too.

A primitive is replaced with its id and extensions, as any other element is with its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from fhir_server.definitions import PRIMITIVES, RESOURCE_TYPES, Element, child, is_a
from fhir_server.fhir.errors import Unprocessable
from fhir_server.fhir.json import MAX_DEPTH, nests_within
from fhir_server.interactions.fhirpath_patch_condition import ConditionError
from fhir_server.interactions.fhirpath_patch_path import Child
from fhir_server.interactions.fhirpath_patch_place import (
    Budget,
    NoPlace,
    Object,
    Place,
    element_of,
    find,
    put,
    size,
    take,
)
from fhir_server.interactions.fhirpath_patch_read import Given, Operation, read_patch

__all__ = ["Operation", "apply_patch", "fhirpath_patch", "read_patch"]


def fhirpath_patch(resource: Object, parameters: Mapping[str, Any]) -> Object:
    """Return `resource` as the patch in `parameters` changes it. Raise as the two steps do."""
    return apply_patch(resource, read_patch(parameters))


def apply_patch(resource: Object, operations: Sequence[Operation]) -> Object:
    """Return a copy of `resource` with `operations` applied in order; `resource` stays.

    Raise `Unprocessable` naming the operation that doesn't fit, `TooLarge` when the paths look at
    too many elements. The result is *not* validated.
    """
    patched = deepcopy(resource)
    budget = Budget()
    for index, operation in enumerate(operations):
        try:
            _APPLY[operation.type](patched, operation, budget)
        except (NoPlace, ConditionError) as fault:
            shown = f"`{operation.type}` at `{operation.path[:80]}`"
            raise Unprocessable(
                f"operation {index} of the patch, {shown}: {fault}",
                expression=operation.path[:80],
            ) from None
    if not nests_within(patched, MAX_DEPTH):
        raise Unprocessable(f"the patch nests deeper than {MAX_DEPTH} levels", code="structure")
    return patched


def _one(places: list[Place]) -> Place:
    if not places:
        raise NoPlace("there is nothing at this path")
    if len(places) > 1:
        raise NoPlace(f"{len(places)} elements are at this path, one expected")
    return places[0]


def _add(resource: Object, operation: Operation, budget: Budget) -> None:
    holder, path = _one(find(resource, operation.steps, budget)).inside(create=True)
    _add_to(holder, path, operation.name, operation.value)


def _add_to(holder: Object, path: str, name: str, given: Given) -> None:
    """Append `given` to the element `name` of `holder`, which is of type `path`."""
    element = element_of(path, name)
    key, halves = _fitting(element, path, given)
    if element.repeats:
        put(holder, key, size(holder, key), halves)
        return
    names = [element.json_name(type_.code) for type_ in element.types] or [name]
    if any(taken in holder or f"_{taken}" in holder for taken in names):
        raise NoPlace(f"`{name}` is there already and can't repeat")
    _set(holder, key, halves)


def _insert(resource: Object, operation: Operation, budget: Budget) -> None:
    holder, path, element = _list(resource, operation, budget)
    key, halves = _fitting(element, path, operation.value)
    count = size(holder, key)
    if operation.index > count:
        raise NoPlace(f"the index {operation.index} is beyond the {count} items there")
    put(holder, key, operation.index, halves)


def _delete(resource: Object, operation: Operation, budget: Budget) -> None:
    places = find(resource, operation.steps, budget)
    if places:
        place = _one(places)
        _below(place)
        place.remove()


def _replace(resource: Object, operation: Operation, budget: Budget) -> None:
    place = _one(find(resource, operation.steps, budget))
    element, parent = _below(place)
    key, halves = _fitting(element, parent.inside()[1], operation.value)
    if place.index is not None:
        take(place.owner, place.key, place.index)
        put(place.owner, key, place.index, halves)
        return
    place.owner.pop(place.key, None)
    place.owner.pop(f"_{place.key}", None)
    _set(place.owner, key, halves)


def _move(resource: Object, operation: Operation, budget: Budget) -> None:
    holder, _, element = _list(resource, operation, budget)
    key = element.name
    count = size(holder, key)
    for position in (operation.source, operation.destination):
        if position >= count:
            raise NoPlace(f"the index {position} is beyond the {count} items there")
    put(holder, key, operation.destination, take(holder, key, operation.source))


_APPLY: Final[Mapping[str, Callable[[Object, Operation, Budget], None]]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


def _below(place: Place) -> tuple[Element, Place]:
    """Return the element at `place` and what it stands in: not the resource itself."""
    if place.element is None or place.parent is None:
        raise NoPlace("the resource itself can't be replaced or deleted by a patch")
    return place.element, place.parent


def _list(resource: Object, operation: Operation, budget: Budget) -> tuple[Object, str, Element]:
    """Return the repeating element that the path ends in, with its holder and its type."""
    *before, last = operation.steps
    if not before or not isinstance(last, Child):
        raise NoPlace("the path must begin with the type of the resource and end in a list")
    holder, path = _one(find(resource, before, budget)).inside(create=True)
    element = element_of(path, last.name)
    if not element.repeats:
        raise NoPlace(f"`{last.name}` does not repeat")
    return holder, path, element


def _set(holder: Object, key: str, halves: tuple[Any, Any]) -> None:
    for name, half in zip((key, f"_{key}"), halves, strict=True):
        if half is not None:
            holder[name] = half


def _fitting(element: Element, path: str, given: Given) -> tuple[str, tuple[Any, Any]]:
    """Return the name in JSON and the halves of `given` as a value of `element` of `path`."""
    codes = [type_.code for type_ in element.types] or [""]
    if not given.type:
        found = child(path, element.json_name(codes[0]))
        if element.choice or found is None or found[1] in PRIMITIVES:
            raise NoPlace(f"a value of a datatype expected for `{element.name}`")
        return element.name, (_made_of(given, found[1]), None)
    fitting = [code for code in codes if _is_meant(given.type, code, choice=element.choice)]
    if not fitting:
        raise NoPlace(f"`{element.name}` can't be a {given.type}")
    return element.json_name(fitting[0]), (deepcopy(given.value), deepcopy(given.sibling))


def _is_meant(given: str, code: str, *, choice: bool) -> bool:
    """Say whether a value given as one type may stand where `code` is expected.

    Parameters has no xhtml; and what is of a type derived from another is often given as that.
    """
    if given == code or (code == "Resource" and given in RESOURCE_TYPES):
        return True
    if choice:
        return False
    return is_a(given, code) or is_a(code, given) or (code == "xhtml" and given == "string")


def _made_of(given: Given, path: str) -> Object:
    made: Object = {}
    for name, part in given.parts:
        _add_to(made, path, name, part)
    return made
