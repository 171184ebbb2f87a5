"""Read the elements of FHIR XML into the JSON model, strictly.

One reader for each member of each type, made when first needed. What the specification does not
foresee is refused with its place: nothing a sender wrote is dropped but comments, instructions,
white space and the address of a schema. https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NoReturn

from lxml import etree

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.xml_members import FHIR, Member, members
from fhir_server.fhir.xml_narrative import DIV, text_of_narrative
from fhir_server.fhir.xml_place import place, shown
from fhir_server.fhir.xml_values import reader_of

_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_PREFIX: Final = f"{{{FHIR}}}"

# The texts of the narratives not read yet, in the order of the document.
Narratives = Iterator[str]
# Puts what an element says into an object of the JSON model.
Reader = Callable[[etree._Element, dict[str, Any], Narratives], None]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A child that may stand: `order` is its place, `padded` that of a repeating primitive."""

    order: int
    repeats: bool
    name: str
    padded: bool
    read: Reader


def refuse(element: etree._Element, what: str, code: str = "structure") -> NoReturn:
    """Raise `BadRequest` with the line and the place of `element`."""
    line = f": line {element.sourceline}" if element.sourceline else ""
    raise BadRequest(f"{what}{line}", expression=place(element), code=code)


def read_resource(element: etree._Element, narratives: Narratives) -> dict[str, Any]:
    """Return the resource that `element` is."""
    type_ = str(element.tag).removeprefix(_PREFIX)
    if type_ not in RESOURCE_TYPES or element.tag == type_:
        refuse(element, f"{shown(element)} is not a resource type of R4 in the namespace `{FHIR}`")
    resource: dict[str, Any] = {"resourceType": type_}
    _attributes(element, (), resource)
    _children(element, type_, resource, narratives)
    return resource


def _attributes(
    element: etree._Element, allowed: tuple[str, ...], into: dict[str, Any]
) -> dict[str, str]:
    """Check the attributes of `element` and put them `into` the object, but for `value`."""
    found = {str(name): str(text) for name, text in element.items()}
    found.pop(_SCHEMA_LOCATION, None)
    for name, text in found.items():
        if name not in allowed:
            refuse(element, f"the attribute `{name[:60]}` is not allowed on {shown(element)}")
        if not text:
            refuse(element, f"the attribute `{name}` of {shown(element)} must not be empty")
        if name != "value":
            into[name] = text
    return found


def _children(
    element: etree._Element, path: str, into: dict[str, Any], narratives: Narratives
) -> None:
    """Read what stands inside `element`, an object of type `path`."""
    if element.text and not element.text.isspace():
        refuse(element, f"text is not allowed inside {shown(element)}")
    slots = _slots(path)
    last = None
    uneven = set()
    for inner in element:
        slot = slots.get(inner.tag)
        if slot is None:
            refuse(inner, f"{shown(inner)} is not an element of {path}")
        if last is not None and slot.order <= last.order:
            _check_order(inner, slot, last)
        last = slot
        if inner.tail and not inner.tail.isspace():
            refuse(element, f"text is not allowed inside {shown(element)}")
        slot.read(inner, into, narratives)
        if slot.padded and f"_{slot.name}" in into:
            uneven.add(slot.name)
    for name in uneven:
        _level(into, name)


def _check_order(inner: etree._Element, slot: _Slot, last: _Slot) -> None:
    if slot.order < last.order:
        refuse(inner, f"{shown(inner)} must come before `{last.name}`")
    if not slot.repeats:
        what = "stands twice" if slot.name == last.name else f"and `{last.name}` exclude each other"
        refuse(inner, f"{shown(inner)} {what}")


def _level(into: dict[str, Any], name: str) -> None:
    """Make the values and what stands beside them equally long, where there are both."""
    if name in into:
        values, siblings = into[name], into[f"_{name}"]
        longest = max(len(values), len(siblings))
        values.extend([None] * (longest - len(values)))
        siblings.extend([None] * (longest - len(siblings)))


@cache
def _slots(path: str) -> dict[str, _Slot]:
    return {
        DIV if member.form == "narrative" else f"{_PREFIX}{name}": _Slot(
            member.order,
            member.repeats,
            name,
            member.form == "primitive" and member.repeats,
            _FORMS[member.form](member),
        )
        for name, member in members(path).items()
        if member.form != "attribute"
    }


def _primitive(member: Member) -> Reader:
    name, sibling_name, repeats = member.name, f"_{member.name}", member.repeats
    convert = reader_of(member.type)

    def read(element: etree._Element, into: dict[str, Any], narratives: Narratives) -> None:
        sibling: dict[str, Any] = {}
        text = _plain_value(element)
        if text is None:
            text = _attributes(element, ("id", "value"), sibling).get("value")
            _children(element, "Element", sibling, narratives)
            if text is None and not sibling:
                refuse(element, f"{shown(element)} says nothing: a value or an extension expected")
        value: object = None
        if text is not None:
            try:
                value = convert(text)
            except ValueError as fault:
                refuse(element, str(fault), code="value")
        if repeats:
            _append(into, name, sibling_name, value, sibling)
            return
        if value is not None:
            into[name] = value
        if sibling:
            into[sibling_name] = sibling

    return read


def _plain_value(element: etree._Element) -> str | None:
    """Return the value of an element that says nothing else, which is nearly every one."""
    items = element.items()
    if len(items) == 1 and items[0][0] == "value" and not len(element) and not element.text:
        return items[0][1] or None
    return None


def _append(
    into: dict[str, Any], name: str, sibling_name: str, value: object, sibling: dict[str, Any]
) -> None:
    """Add one item of a repeating primitive, null holding the place of what it doesn't have."""
    before = max(len(into.get(name, ())), len(into.get(sibling_name, ())))
    for key, item in ((name, value), (sibling_name, sibling or None)):
        if item is not None:
            items = into.setdefault(key, [])
            items.extend([None] * (before - len(items)))
            items.append(item)


def _object(member: Member) -> Reader:
    name, path, repeats = member.name, member.type, member.repeats
    attributes = tuple(key for key, inner in members(path).items() if inner.form == "attribute")

    def read(element: etree._Element, into: dict[str, Any], narratives: Narratives) -> None:
        value: dict[str, Any] = {}
        _attributes(element, attributes, value)
        _children(element, path, value, narratives)
        if repeats:
            into.setdefault(name, []).append(value)
        else:
            into[name] = value

    return read


def _resource(member: Member) -> Reader:
    name, repeats = member.name, member.repeats

    def read(element: etree._Element, into: dict[str, Any], narratives: Narratives) -> None:
        _attributes(element, (), {})
        if len(element) != 1:
            refuse(element, f"{shown(element)} must hold one resource")
        inner = element[0]
        if (element.text or "").strip() or (inner.tail or "").strip():
            refuse(element, f"text is not allowed inside {shown(element)}")
        resource = read_resource(inner, narratives)
        if repeats:
            into.setdefault(name, []).append(resource)
        else:
            into[name] = resource

    return read


def _narrative(member: Member) -> Reader:
    def read(element: etree._Element, into: dict[str, Any], narratives: Narratives) -> None:
        into[member.name] = text_of_narrative(element, next(narratives, ""))

    return read


_FORMS: Final[dict[str, Callable[[Member], Reader]]] = {
    "narrative": _narrative,
    "object": _object,
    "primitive": _primitive,
    "resource": _resource,
}
