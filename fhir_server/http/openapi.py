"""Describe the FHIR addresses in OpenAPI: bodies are components, generated from the R4 tables."""

from __future__ import annotations

from typing import Any, Final

from flask import Flask
from flask_smorest import Api

from fhir_server import __version__
from fhir_server.definitions import PRIMITIVES, RESOURCE_TYPES, Element, elements
from fhir_server.http.call import FORM_TYPES, PATCH_TYPES
from fhir_server.http.endpoint import Route

FHIR_JSON: Final = "application/fhir+json"
FHIR_XML: Final = "application/fhir+xml"
# Described member by member; every other resource is an object with a resourceType.
_DETAILED: Final = ("OperationOutcome", "Bundle")
_NUMBERS: Final = {"integer": "integer", "positiveInt": "integer", "unsignedInt": "integer",
                   "decimal": "number", "boolean": "boolean"}  # fmt: skip


class FhirApi(Api):  # type: ignore[misc]
    """An API whose errors are documented where they are, as OperationOutcome."""

    DEFAULT_ERROR_RESPONSE_NAME = None


def open_api(app: Flask) -> Api:
    """Return the description of `app`, empty of routes, with its components."""
    app.config.update(
        API_TITLE="FHIR R4",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.0.3",
    )
    api = FhirApi(app)
    schemas = api.spec.components
    schemas.schema("Resource", _resource())
    schemas.schema("JsonPatch", _json_patch())
    for name in ("CapabilityStatement", "Parameters"):
        schemas.schema(name, {"allOf": [_ref("Resource")]})
    for name in _DETAILED:
        for path, schema in _detail(name).items():
            schemas.schema(path, schema)
    schemas.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    return api


def describe(route: Route) -> dict[str, Any]:
    """Return the OpenAPI operation of `route`."""
    outcome = {"description": "OperationOutcome", "content": _content("OperationOutcome")}
    success: dict[str, Any] = {"description": route.answer or "Done"}
    if route.answer:
        success["content"] = _content(route.answer)
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.view.__name__,
        "tags": ["FHIR R4"],
        "externalDocs": {"url": "https://hl7.org/fhir/R4/http.html"},
        "responses": {"200": success, "default": outcome},
        "security": [] if route.is_open else [{"bearer": []}],
    }
    if route.body:
        operation["requestBody"] = {"required": True, "content": _body(route.body)}
    return operation


def _body(name: str) -> dict[str, Any]:
    match name:
        case "patch":
            json_patch, xml_patch, *_ = PATCH_TYPES
            return {
                json_patch: {"schema": _ref("JsonPatch")},
                xml_patch: {"schema": {"type": "string"}},
                **_content("Parameters"),
            }
        case "form":
            return {FORM_TYPES[0]: {"schema": {"type": "object", "additionalProperties": True}}}
        case _:
            return _content(name)


def _content(name: str) -> dict[str, Any]:
    return {form: {"schema": _ref(name)} for form in (FHIR_JSON, FHIR_XML)}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _resource() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string", "enum": sorted(RESOURCE_TYPES)}},
        "additionalProperties": True,
    }


def _json_patch() -> dict[str, Any]:
    """RFC 6902."""
    verbs = ["add", "remove", "replace", "move", "copy", "test"]
    members = {"op": {"type": "string", "enum": verbs}, "path": {"type": "string"}}
    item = {"type": "object", "required": ["op", "path"], "properties": members}
    return {"type": "array", "items": {**item, "additionalProperties": True}}


def _detail(path: str) -> dict[str, dict[str, Any]]:
    """Return the schema of `path` and of the backbone elements below it, by component name."""
    found: dict[str, dict[str, Any]] = {}
    properties: dict[str, Any] = {}
    members = elements(path)
    if path in RESOURCE_TYPES:
        properties["resourceType"] = {"type": "string", "enum": [path]}
    for name, element in members.items():
        if element.choice:
            continue
        schema = _member(f"{path}.{name}", element, found)
        single = element.max == 1
        properties[name] = schema if single else {"type": "array", "items": schema}
    required = [name for name, element in members.items() if element.min > 0]
    described: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        described["required"] = required
    return {path: described, **found}


def _member(path: str, element: Element, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    code = element.types[0].code if element.types else "Element"
    if code == "BackboneElement":
        found.update(_detail(path))
        return _ref(path)
    if code in PRIMITIVES:
        return {"type": _NUMBERS.get(code, "string")}
    return _ref("Resource") if code == "Resource" else {"type": "object"}
