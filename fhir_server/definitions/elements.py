"""The elements of each type, and how a name in JSON leads from one type to the next.

A type is named by its code (`Patient`, `HumanName`), a backbone element by its path
(`Patient.contact`). Both name their children here.

https://hl7.org/fhir/R4/elementdefinition.html and https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fhir_server.definitions.tables import table


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type that an element may have.

    `targets` are the types that a Reference or canonical may point to (`Resource` means any);
    `profiles` those of Quantity (`SimpleQuantity`, `MoneyQuantity`) or of Extension.
    """

    code: str
    targets: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """What R4 says of one element.

    `max` is None where there is no limit. `choice` elements are written in JSON with their type
    (`value` as `valueQuantity`). `content` is the path whose children the element shares, empty
    but for a contentReference. `binding` is the value set of a required binding. `attribute`
    elements are attributes in XML. `modifier` and `summary` are as in the specification.
    """

    name: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...]
    choice: bool = False
    content: str = ""
    binding: str | None = None
    summary: bool = False
    modifier: bool = False
    attribute: bool = False

    @property
    def repeats(self) -> bool:
        """Tell whether the element is an array in JSON."""
        return self.max != 1

    def json_name(self, type_code: str) -> str:
        """Return the name in JSON for a value of `type_code`: `value` or `valueQuantity`."""
        return f"{self.name}{type_code[:1].upper()}{type_code[1:]}" if self.choice else self.name


class Elements(Mapping[str, Element]):
    """The children of a type, in the order of the specification (which is that of XML).

    Iterating yields each element once, by its name without a type; looking up also takes the
    names of a choice in JSON (`valueQuantity`).
    """

    def __init__(self, elements: tuple[Element, ...]) -> None:
        """Index `elements` by name, and each type of a choice by its name in JSON."""
        self._by_name = {element.name: element for element in elements}
        self._choices = {
            element.json_name(type_.code): element
            for element in elements
            if element.choice
            for type_ in element.types
        }

    def __getitem__(self, name: str) -> Element:
        """Return the element `name`."""
        return self._by_name.get(name) or self._choices[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names without types."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Count the elements, a choice being one."""
        return len(self._by_name)


@lru_cache(maxsize=2048)  # bounded, since a caller may ask for names that don't exist
def elements(type_path: str) -> Elements:
    """Return the children of a resource, datatype or backbone path; none for a primitive.

    A path that is a contentReference (`Observation.component.referenceRange`) has the children
    of what it refers to.
    """
    rows = table("elements").get(type_path)
    if rows is None:
        return _of_content(type_path)
    return Elements(tuple(_element(name, row) for name, row in rows.items()))


def child(type_path: str, json_name: str) -> tuple[Element, str] | None:
    """Return the element that `json_name` names under `type_path`, and the type of its value.

    The type is a code, or the path of a backbone element, to be given to `elements` and `child`
    again. None for an unknown name, and for the bare name of a choice (`value`), which JSON
    never has. Primitive siblings (`_birthDate`) are looked up without their underscore.
    """
    return _children(type_path).get(json_name)


@lru_cache(maxsize=2048)
def _children(type_path: str) -> Mapping[str, tuple[Element, str]]:
    """Index every name that JSON may use under `type_path`."""
    found = {}
    for element in elements(type_path).values():
        if element.content:
            found[element.name] = (element, element.content)
        for type_ in element.types:
            path = f"{type_path}.{element.name}"
            code = path if path in table("elements") else type_.code
            found[element.json_name(type_.code)] = (element, code)
    return found


def _of_content(type_path: str) -> Elements:
    """Follow a contentReference, or return no elements."""
    parent, _, name = type_path.rpartition(".")
    element = elements(parent).get(name) if parent else None
    return elements(element.content) if element and element.content else Elements(())


def _element(name: str, row: Mapping[str, Any]) -> Element:
    """Build an Element of its row, where a fact that is absent has its default."""
    limit = row.get("max", "1")
    return Element(
        name=name,
        min=row.get("min", 0),
        max=None if limit == "*" else int(limit),
        types=tuple(_type_ref(type_) for type_ in row.get("types", ())),
        choice=row.get("choice", False),
        content=row.get("content", ""),
        binding=row.get("binding"),
        summary=row.get("summary", False),
        modifier=row.get("modifier", False),
        attribute=row.get("attribute", False),
    )


def _type_ref(row: str | Mapping[str, Any]) -> TypeRef:
    """Build a TypeRef of a code, or of a code with targets and profiles."""
    if isinstance(row, str):
        return TypeRef(row)
    return TypeRef(row["code"], tuple(row.get("targets", ())), tuple(row.get("profiles", ())))
