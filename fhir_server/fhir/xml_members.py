"""What may stand inside an element of FHIR XML, in which order and in which form.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from fhir_server.definitions import PRIMITIVES, RESOURCE_TYPES, child, elements

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"

Form = Literal["attribute", "narrative", "primitive", "resource", "object"]


@dataclass(frozen=True, slots=True)
class Member:
    """A name in JSON, which XML uses too.

    `order` is its place among the children, the same for all names of a choice. `element` is the
    name without the type of a choice; `type` names the children, as `definitions.elements` does.
    """

    name: str
    element: str
    order: int
    type: str
    form: Form
    repeats: bool


@lru_cache(maxsize=2048)  # bounded, as the tables' own look-up is
def members(type_path: str) -> Mapping[str, Member]:
    """Return what `type_path` may hold, by name in JSON; `resourceType` is not among it."""
    found = {}
    for order, element in enumerate(elements(type_path).values()):
        names = [element.json_name(type_.code) for type_ in element.types] or [element.name]
        for name in names:
            resolved = child(type_path, name)
            code = resolved[1] if resolved else ""
            form = _form(code, attribute=element.attribute)
            found[name] = Member(name, element.name, order, code, form, element.repeats)
    return found


def _form(code: str, *, attribute: bool) -> Form:
    if attribute:
        return "attribute"
    if code == "xhtml":
        return "narrative"
    if code in PRIMITIVES:
        return "primitive"
    return "resource" if code == "Resource" or code in RESOURCE_TYPES else "object"
