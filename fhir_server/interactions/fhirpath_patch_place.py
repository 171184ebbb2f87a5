"""Follow the path of a FHIRPath Patch to places in a parsed resource, and change what is there.

A primitive has two halves in JSON, `birthDate` and `_birthDate`; they are found, moved and taken
away together. https://hl7.org/fhir/R4/fhirpatch.html and https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.definitions import PRIMITIVES, Element, child, elements, is_a
from fhir_server.fhir.errors import TooLarge
from fhir_server.interactions.fhirpath_patch_condition import condition, cost
from fhir_server.interactions.fhirpath_patch_path import Child, Item, OfType, Single, Step, Where

Object = dict[str, Any]


class Budget:
    """How many elements the paths of one patch may still look at.

    A thousand operations over a list of ten thousand items would take minutes.
    """

    def __init__(self, elements_: int = 100_000) -> None:
        """Begin with `elements_`."""
        self._left = elements_

    def spend(self, count: int) -> None:
        """Take `count` off. Raise `TooLarge` when nothing is left."""
        self._left -= count
        if self._left < 0:
            raise TooLarge("the paths of the patch look at too many elements")


class NoPlace(ValueError):
    """A path that can't lead anywhere in the resource."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element stands: under `key` of `owner`, at `index` where it repeats.

    `type` is its type, as `definitions.elements` names it; `parent` is what it stands in, None
    for the resource itself.
    """

    parent: Place | None
    owner: Object
    key: str
    index: int | None
    element: Element | None
    type: str

    @property
    def value(self) -> Any:
        """Return what stands here, None where a primitive has only an id or extensions."""
        return self._half(self.key)

    @property
    def kind(self) -> str:
        """Return the type of what stands here, which for a resource inside another it says."""
        if self.type == "Resource" and isinstance(self.value, dict):
            return str(self.value.get("resourceType", ""))
        return self.type

    def _half(self, key: str) -> Any:
        half = self.owner.get(key)
        if self.index is None or not isinstance(half, list):
            return half
        return half[self.index] if self.index < len(half) else None

    def inside(self, *, create: bool = False) -> tuple[Object, str]:
        """Return the object that holds the children of this element, and the path of its type.

        For a primitive it is the other half, made when missing and `create` is set.
        """
        if self.type not in PRIMITIVES:
            return (self.value if isinstance(self.value, dict) else {}), self.kind
        other = f"_{self.key}"
        found = self._half(other)
        if isinstance(found, dict):
            return found, "Element"
        made: Object = {}
        if create and self.index is None:
            self.owner[other] = made
        elif create and self.index is not None:
            halves = self.owner.setdefault(other, [])
            halves.extend([None] * (size(self.owner, self.key) - len(halves)))
            halves[self.index] = made
        return made, "Element"

    def remove(self) -> None:
        """Take both halves away, and what is empty after that around them."""
        if self.index is None:
            self.owner.pop(self.key, None)
            self.owner.pop(f"_{self.key}", None)
        else:
            take(self.owner, self.key, self.index)
        if self.parent and not self.owner:
            self.parent.vanish()

    def vanish(self) -> None:
        """Take the empty object that held the children of this element away."""
        if self.parent is None:
            return
        if self.type not in PRIMITIVES or self.value is None:
            self.remove()
        elif self.index is None:
            del self.owner[f"_{self.key}"]
        else:
            halves = self.owner[f"_{self.key}"]
            halves[self.index] = None
            if not any(halves):
                del self.owner[f"_{self.key}"]


def size(owner: Object, key: str) -> int:
    """Count the items of a repeating element."""
    halves = (owner.get(key), owner.get(f"_{key}"))
    return max(len(half) if isinstance(half, list) else 0 for half in halves)


def put(owner: Object, key: str, index: int, halves: tuple[Any, Any]) -> None:
    """Insert an item, its value and its other half, into a repeating element at `index`."""
    count = size(owner, key)
    for name, half in zip((key, f"_{key}"), halves, strict=True):
        if half is not None or name in owner:
            items = owner.setdefault(name, [])
            items.extend([None] * (count - len(items)))
            items.insert(index, half)


def take(owner: Object, key: str, index: int) -> tuple[Any, Any]:
    """Take the item at `index` out of a repeating element; return its value and other half."""
    taken = []
    for name in (key, f"_{key}"):
        items = owner.get(name, [])
        taken.append(items.pop(index) if index < len(items) else None)
        if name in owner and all(item is None for item in items):
            del owner[name]
    return taken[0], taken[1]


def element_of(type_path: str, name: str) -> Element:
    """Return the element `name` of `type_path`. Raise `NoPlace`."""
    element = elements(type_path).get(name)
    if element is None:
        raise NoPlace(f"`{type_path}` has no element `{name}`")
    if element.name != name:
        raise NoPlace(f"`{name}` is named `{element.name}` in a path")
    return element


def find(resource: Object, steps: Sequence[Step], budget: Budget) -> list[Place]:
    """Return the places in `resource` to which `steps` lead.

    Raise `NoPlace` for an element that doesn't exist in R4, `ConditionError`, and `TooLarge` over
    the budget.
    """
    type_ = resource["resourceType"]
    places = [Place(None, {"": resource}, "", None, None, type_)]
    first = steps[0] if steps else None
    if isinstance(first, Child) and is_a(first.name, "Resource"):
        if not is_a(type_, first.name):
            raise NoPlace(f"the resource is a {type_}")
        steps = steps[1:]
    for step in steps:
        places = _follow(step, places, resource, budget)
    return places


def _follow(step: Step, places: list[Place], resource: Object, budget: Budget) -> list[Place]:
    budget.spend(len(places))
    match step:
        case Child(name):
            return [inner for place in places for inner in _children(place, name)]
        case Item(position):
            return places[position : position + 1 or None]
        case OfType(type_):
            return [place for place in places if place.kind == type_]
        case Single():
            if len(places) > 1:
                raise NoPlace("`single()` finds several elements")
            return places
        case Where(text):
            budget.spend(len(places) * cost(text))
            return [place for place in places if _holds(text, place, resource)]


def _holds(text: str, place: Place, resource: Object) -> bool:
    if place.value is None:
        return False
    judge = condition(text, place.kind, resource["resourceType"])
    return judge(place.value, resource) is True


def _children(place: Place, name: str) -> list[Place]:
    """List the places of the element `name` inside `place`, of whatever type it is there."""
    holder, path = place.inside()
    element = element_of(path, name)
    found = []
    keys = [element.json_name(type_.code) for type_ in element.types] or [name]
    for key in keys:
        resolved = child(path, key)
        if resolved is None or (key not in holder and f"_{key}" not in holder):
            continue
        indexes = range(size(holder, key)) if element.repeats else (None,)
        found += [Place(place, holder, key, index, element, resolved[1]) for index in indexes]
    return found
