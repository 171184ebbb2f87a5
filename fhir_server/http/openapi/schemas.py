"""Describe the types of R4 as JSON schemas, made of the element tables.

https://hl7.org/fhir/R4/json.html says how elements become members. A schema here says the members,
their types, how often and, for a required binding, the codes; invariants and profiles are checked
by the server and can't be said in a schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fhir_server.definitions import (
    DATATYPES,
    PRIMITIVES,
    RESOURCE_TYPES,
    Element,
    child,
    elements,
    value_set,
)

Schema = dict[str, Any]

_NUMBERS: Final[dict[str, Schema]] = {
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "integer": {"type": "integer", "format": "int32"},
    "positiveInt": {"type": "integer", "format": "int32", "minimum": 1},
    "unsignedInt": {"type": "integer", "format": "int32", "minimum": 0},
}
_NO_PATTERN: Final = frozenset({"base64Binary", "xhtml"})
"""The pattern of base64Binary backtracks without bound, xhtml has none."""
_NULL: Final = "-or-null"
"""Ends the name of what an array of primitives may hold: null where there is only an extension."""


def ref(name: str) -> Schema:
    """Return the reference to the schema `name` of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas() -> Iterator[tuple[str, Schema]]:
    """Yield name and schema: primitives, value sets, datatypes, resources, backbone elements."""
    yield from _primitives()
    yield "Element", _members("Element")
    yield f"Element{_NULL}", {"nullable": True, **_members("Element")}
    yield "Resource", _any_resource()
    for type_ in sorted(DATATYPES | RESOURCE_TYPES):
        for path in paths_of(type_):
            yield path, _members(path)
    for url in sorted(_enumerated()):
        yield _name_of(url), {"type": "string", "enum": sorted(value_set(url) or ())}


def _primitives() -> Iterator[tuple[str, Schema]]:
    repeated = {type_.code for one in _all() if one.repeats for type_ in one.types}
    for code, pattern in sorted(PRIMITIVES.items()):
        schema = dict(_NUMBERS.get(code, {"type": "string"}))
        if schema["type"] == "string" and code not in _NO_PATTERN:
            schema["pattern"] = f"^({pattern})$"
        if code == "base64Binary":
            schema["format"] = "byte"
        yield code, schema
        if code in repeated:
            yield f"{code}{_NULL}", {"nullable": True, **schema}


def _any_resource() -> Schema:
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string", "enum": sorted(RESOURCE_TYPES)}},
        "additionalProperties": True,
    }


def paths_of(path: str) -> Iterator[str]:
    """Yield `path` and those of the backbone elements below it."""
    yield path
    for name, element in elements(path).items():
        if element.types and not element.content:
            below = _type_of(path, name)
            if below == f"{path}.{name}":
                yield from paths_of(below)


def _members(path: str) -> Schema:
    """Return the schema of the object that `path`, a type or a backbone path, is in JSON."""
    properties: dict[str, Schema] = {}
    required = []
    if path in RESOURCE_TYPES:
        properties["resourceType"] = {"type": "string", "enum": [path]}
        required.append("resourceType")
    for element in elements(path).values():
        for name in _names(element):
            properties.update(_member(path, element, name))
        if element.min and not element.choice:
            required.append(element.name)
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _names(element: Element) -> Iterator[str]:
    """Yield the names that `element` has in JSON: one, or one for each type of a choice."""
    if element.choice:
        yield from (element.json_name(type_.code) for type_ in element.types)
    else:
        yield element.name


def _member(path: str, element: Element, name: str) -> Iterator[tuple[str, Schema]]:
    """Yield the member `name`, and its sibling for extensions when it is a primitive."""
    code = _type_of(path, name)
    if code not in PRIMITIVES or code == "xhtml" or element.attribute:
        yield name, _often(element, ref(code))
        return
    null = _NULL if element.repeats else ""
    listed = element.binding if _is_code(element) else None
    yield name, _often(element, ref(_name_of(listed) if listed else f"{code}{null}"))
    yield f"_{name}", _often(element, ref(f"Element{null}"))


def _often(element: Element, schema: Schema) -> Schema:
    return {"type": "array", "items": schema} if element.repeats else schema


def _type_of(path: str, name: str) -> str:
    found = child(path, name)
    return found[1] if found else "Element"


def _all() -> Iterator[Element]:
    """Yield every element of every type."""
    for type_ in sorted(DATATYPES | RESOURCE_TYPES):
        for path in paths_of(type_):
            yield from elements(path).values()


def _enumerated() -> set[str]:
    """Return the value sets of required bindings of codes that can be listed."""
    return {one.binding for one in _all() if one.binding and _is_code(one)}


def _is_code(element: Element) -> bool:
    codes = [type_.code for type_ in element.types]
    return codes == ["code"] and bool(element.binding and value_set(element.binding))


def _name_of(url: str) -> str:
    """Return the name of the schema of the value set `url`."""
    return f"ValueSet.{url.rpartition('/')[2]}"
