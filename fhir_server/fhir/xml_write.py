"""Write parsed FHIR JSON as XML, in the order of the specification.

One writer for each member of each type, made when first needed; they append text to a list.
https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from math import isfinite
from typing import Any, Final, NoReturn

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest, NotAcceptable
from fhir_server.fhir.xml_members import Member, members
from fhir_server.fhir.xml_narrative import narrative_fault

# Writes a value and what stands beside it under `_name`, or None for either.
Writer = Callable[[Any, Any, list[str]], None]

# White space is escaped because parsers turn it into spaces inside an attribute.
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_special = re.compile('[&<"\x00-\x1f\ud800-\udfff\ufffe\uffff]').search
# What no XML document can hold, escaped or not: https://www.w3.org/TR/xml/#charsets
_forbidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to write an object of one type.

    `order` sorts its members, `writers` gives for each what writes it and the name that may stand
    beside it; `attributes` come in the start tag.
    """

    order: dict[str, int]
    writers: dict[str, tuple[Writer, str]]
    attributes: tuple[str, ...]


def _refuse(what: str) -> NoReturn:
    raise BadRequest(what, code="structure")


def text_of(value: object, name: str) -> str:
    """Return a primitive `value` as the text of an attribute, escaped; `name` is for the refusal.

    Raise `BadRequest` for anything else, `NotAcceptable` for a character that XML can't hold.
    """
    if type(value) is str:
        return _escaped(value, name) if _special(value) else value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | Decimal) or (isinstance(value, float) and isfinite(value)):
        return str(value)
    _refuse(f"`{name}` must be one string, number or boolean to be written as XML")


def _escaped(value: str, name: str) -> str:
    if found := _forbidden(value):
        code = f"U+{ord(found[0]):04X}"
        raise NotAcceptable(f"`{name}` holds the character {code}, which XML cannot; ask for JSON")
    return value.translate(_ESCAPES)


def write_resource(resource: object, out: list[str], xmlns: str = "") -> None:
    """Append the text of `resource`; `xmlns` is put into its start tag."""
    type_ = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(resource, dict) or type_ not in RESOURCE_TYPES:
        _refuse("a resource with a `resourceType` of R4 expected")
    out.append(f"<{type_}{xmlns}>")
    _children(resource, _plan(type_), type_, out)
    out.append(f"</{type_}>")


def _children(value: dict[str, Any], plan: _Plan, path: str, out: list[str]) -> None:
    """Append the members of `value` that are not attributes, in order."""
    try:
        names = sorted(value, key=plan.order.__getitem__)
    except KeyError as unknown:
        _refuse(f"`{str(unknown.args[0])[:60]}` is not an element of {path}")
    for name in names:
        if plan.order[name] < 0:
            continue
        if name[0] == "_":
            if name[1:] not in value:
                plan.writers[name[1:]][0](None, value[name], out)
        else:
            writer, sibling = plan.writers[name]
            writer(value[name], value.get(sibling) if sibling else None, out)


@cache
def _plan(path: str) -> _Plan:
    order = {"resourceType": -1} if path in RESOURCE_TYPES else {}
    writers: dict[str, tuple[Writer, str]] = {}
    attributes = []
    for name, member in members(path).items():
        if member.form == "attribute":
            attributes.append(name)
            order[name] = -1
            continue
        order[name] = member.order
        writer = _FORMS[member.form](member)
        sibling = ""
        if member.form == "primitive":
            sibling = f"_{name}"
            order[sibling] = member.order
            writers[name] = _many_primitives(name, writer) if member.repeats else writer, sibling
        else:
            writers[name] = _many(name, writer) if member.repeats else writer, sibling
    return _Plan(order, writers, tuple(attributes))


def _many(name: str, one: Writer) -> Writer:
    def write(value: Any, sibling: Any, out: list[str]) -> None:
        if type(value) is not list:
            _refuse(f"`{name}` must be an array")
        for item in value:
            one(item, None, out)

    return write


def _many_primitives(name: str, one: Writer) -> Writer:
    """Pair values with their siblings; null holds the place of what only the other side has."""

    def write(value: Any, sibling: Any, out: list[str]) -> None:
        values = [] if value is None else value
        siblings = [] if sibling is None else sibling
        if type(values) is not list or type(siblings) is not list:
            _refuse(f"`{name}` must be an array")
        for item, beside in zip_longest(values, siblings):
            one(item, beside, out)

    return write


def _primitive(member: Member) -> Writer:
    name = member.name
    head = f'<{name} value="'

    def write(value: Any, sibling: Any, out: list[str]) -> None:
        if sibling is None:
            out.append(f'{head}{text_of(value, name)}"/>')
            return
        if type(sibling) is not dict:
            _refuse(f"`_{name}` must hold an id or extensions")
        plan = _plan("Element")
        own = "" if value is None else f' value="{text_of(value, name)}"'
        out.append(f"<{name}{_attributes(sibling, plan)}{own}>")
        _children(sibling, plan, "Element", out)
        out.append(f"</{name}>")

    return write


def _object(member: Member) -> Writer:
    name, path = member.name, member.type
    end = f"</{name}>"

    def write(value: Any, sibling: Any, out: list[str]) -> None:
        if type(value) is not dict:
            _refuse(f"`{name}` must be an object")
        plan = _plan(path)
        out.append(f"<{name}{_attributes(value, plan)}>")
        _children(value, plan, path, out)
        out.append(end)

    return write


def _attributes(value: dict[str, Any], plan: _Plan) -> str:
    found = [f' {name}="{text_of(value[name], name)}"' for name in plan.attributes if name in value]
    return "".join(found)


def _resource(member: Member) -> Writer:
    def write(value: Any, sibling: Any, out: list[str]) -> None:
        out.append(f"<{member.name}>")
        write_resource(value, out)
        out.append(f"</{member.name}>")

    return write


def _narrative(member: Member) -> Writer:
    def write(value: Any, sibling: Any, out: list[str]) -> None:
        if fault := narrative_fault(value):
            _refuse(fault)
        out.append(value)

    return write


_FORMS: Final[dict[str, Callable[[Member], Writer]]] = {
    "narrative": _narrative,
    "object": _object,
    "primitive": _primitive,
    "resource": _resource,
}
