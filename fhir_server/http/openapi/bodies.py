"""Describe what is sent: resources in JSON and XML, patches, forms, contents as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.http.call import FORM_TYPES, JSON_TYPES, PATCH_TYPES, XML_TYPES
from fhir_server.http.openapi.schemas import ref

Json = dict[str, Any]

XML: Final = "xml"
"""Name of the schema of a resource in XML, whose form R4 gives and JSON Schema can't."""
_ANSWERED: Final = ("application/fhir+json", "application/fhir+xml")


def forms(schema: Json, types: tuple[str, ...] = _ANSWERED) -> Json:
    """Return the content of a body: `schema` says its JSON, the XML is the same resource."""
    return {
        name: {"schema": ref(XML) if name in XML_TYPES else schema}
        for name in types
        if name in JSON_TYPES + XML_TYPES
    }


def schemas() -> Iterator[tuple[str, Json]]:
    """Yield name and schema of the bodies that are no type of R4."""
    yield (
        XML,
        {
            "type": "string",
            "description": "The same resource in R4's XML, https://hl7.org/fhir/R4/xml.html.",
        },
    )
    verbs = ["add", "remove", "replace", "move", "copy", "test"]
    members = {
        "op": {"type": "string", "enum": verbs},
        "path": {"type": "string"},
        "from": {"type": "string"},
        "value": {},
    }
    item = {"type": "object", "required": ["op", "path"], "properties": members}
    yield "JsonPatch", {"type": "array", "items": item, "description": "RFC 6902."}
    yield "XmlPatch", {"type": "string", "description": "RFC 5261: a `diff` element."}


def request_bodies() -> Iterator[tuple[str, Json]]:
    """Yield name and component of every body that is sent."""
    sent = JSON_TYPES + XML_TYPES
    for type_ in sorted(RESOURCE_TYPES):
        content = forms(ref(type_), sent)
        if type_ == "Binary":
            content["*/*"] = {"schema": {"type": "string", "format": "binary"}}
        yield type_, {"required": True, "content": content}
    for name in ("Resource", "Parameters"):
        yield f"operation.{name}", {"content": forms(ref(name), sent)}
    yield "patch", {"required": True, "content": _patch()}
    for type_ in sorted(RESOURCE_TYPES):
        yield f"search.{type_}", _form(ref(f"search.{type_}"))
    yield "form", _form({"type": "object"})


def ref_to(name: str) -> Json:
    """Return the reference to the body component `name`."""
    return {"$ref": f"#/components/requestBodies/{name}"}


def body_of(name: str, type_: str, *, of_operation: bool = False) -> str:
    """Return the component of a route's body; a Resource is one of `type_` where that is known.

    What an operation takes may stand in its query, so its body may be missing.
    """
    if name == "form":
        return f"search.{type_}" if type_ else "form"
    if of_operation:
        return f"operation.{name}"
    if name == "Resource":
        return type_ or name
    return name


def _patch() -> Json:
    json_patch, xml_patch, *parameters = PATCH_TYPES
    return {
        json_patch: {"schema": ref("JsonPatch")},
        xml_patch: {"schema": ref("XmlPatch")},
        **forms(ref("Parameters"), tuple(parameters)),
    }


def _form(schema: Json) -> Json:
    return {"content": {name: {"schema": schema} for name in FORM_TYPES}}
