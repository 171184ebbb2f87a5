"""Describe every parameter once, as a component that operations refer to.

A search parameter's component bears the last part of its canonical address, so that what many
types share (`clinical-patient`) stands in the document once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter
from fhir_server.http.openapi import operations
from fhir_server.http.openapi.schemas import ref
from fhir_server.http.openapi.search_values import modifiers, result_meaning, value_schemas
from fhir_server.search.registry import RESULT_PARAMETERS, supported

Json = dict[str, Any]

# name of the component → place, name, schema, meaning
_OTHERS: Final[dict[str, tuple[str, str, Json, str]]] = {
    "id": ("path", "id", ref("id"), "The logical id."),
    "vid": ("path", "vid", ref("id"), "The version: 1, 2, 3 …"),
    "member": (
        "path", "member", {"type": "string", "enum": ["*", *sorted(RESOURCE_TYPES)]},
        "A resource type, or `*` for all that can be in the compartment.",
    ),
    "_type": (
        "query", "_type", {"type": "string"},
        "The types that are searched, separated by commas; all but the traces without it.",
    ),
    "read._summary": (
        "query", "_summary", {"type": "string", "enum": ["true", "text", "data", "false"]},
        "The part of the resource that is sent.",
    ),
    "_since": ("query", "_since", {"type": "string"}, "Versions written since then."),
    "_at": ("query", "_at", {"type": "string"}, "Versions that were current then."),
    "If-Match": (
        "header", "If-Match", {"type": "string"},
        'The version that is changed, `W/"3"`; 412 when it is another.',
    ),
    "If-None-Match": (
        "header", "If-None-Match", {"type": "string"},
        'A version that the caller has, `W/"3"`; 304 when it is still that.',
    ),
    "If-Modified-Since": (
        "header", "If-Modified-Since", {"type": "string"},
        "304 when the resource is not newer.",
    ),
    "If-None-Exist": (
        "header", "If-None-Exist", {"type": "string"},
        "A search; the resource is created only if it finds nothing.",
    ),
    "Prefer.return": (
        "header", "Prefer",
        {"type": "string",
         "enum": [f"return={what}" for what in ("representation", "minimal", "OperationOutcome")]},
        "What the answer to a write holds.",
    ),
    "Prefer.handling": (
        "header", "Prefer",
        {"type": "string", "enum": ["handling=strict", "handling=lenient"]},
        "Whether a parameter that is not known is refused, or left out of the self link.",
    ),
    "X-Request-Id": (
        "header", "X-Request-Id", {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "The caller's name for this request; it comes back and stands in the AuditEvent.",
    ),
    "Range": ("header", "Range", {"type": "string"}, "One range of bytes of the content."),
    "X-Security-Context": (
        "header", "X-Security-Context", {"type": "string"},
        "`Binary.securityContext`, for a content sent as it is.",
    ),
}  # fmt: skip


def ref_to(name: str) -> Json:
    """Return the reference to the parameter component `name`."""
    return {"$ref": f"#/components/parameters/{name}"}


def component_of(parameter: SearchParameter) -> str:
    """Return the name of the component of a search parameter."""
    if parameter.url and not parameter.url.startswith("http://hl7.org/fhir/"):
        return f"{parameter.base[0]}.{parameter.code}"  # no other has this code there
    return parameter.url.rpartition("/")[2] or parameter.code


def name_of(component: str) -> str:
    """Return the name that the parameter `component` has in a request."""
    if component in _OTHERS:
        return _OTHERS[component][1]
    return component.rpartition(".")[2]


def criteria(type_: str) -> list[Json]:
    """Return references to what resources of `type_` are selected by."""
    return [ref_to(component_of(p)) for _, p in sorted(supported(type_).items())]


def form(type_: str) -> Json:
    """Return the schema of a search of `type_` that is sent as a form."""
    own = {code: ref(f"search.{p.type}") for code, p in sorted(supported(type_).items())}
    shaping = {name: ref(f"result.{name}") for name in sorted(RESULT_PARAMETERS)}
    return {"type": "object", "properties": own | shaping}


def parameters() -> Iterator[tuple[str, Json]]:
    """Yield name and component of every parameter."""
    for name, (place, own, schema, meaning) in _OTHERS.items():
        yield name, _parameter(place, own, schema, meaning)
    for name in sorted(RESULT_PARAMETERS):
        yield name, _parameter("query", name, ref(f"result.{name}"), result_meaning(name))
    yield from operations.parameters()
    seen: set[str] = set()
    for type_ in sorted(RESOURCE_TYPES):
        for _, parameter in sorted(supported(type_).items()):
            name = component_of(parameter)
            if name not in seen:
                seen.add(name)
                yield name, _criterion(parameter)


def schemas() -> Iterator[tuple[str, Json]]:
    """Yield name and schema of the values of parameters."""
    yield from value_schemas().items()
    for type_ in sorted(RESOURCE_TYPES):
        yield f"search.{type_}", form(type_)


def _parameter(place: str, name: str, schema: Json, meaning: str) -> Json:
    found: Json = {"name": name, "in": place, "schema": schema}
    if meaning:
        found["description"] = meaning
    return found | {"required": True} if place == "path" else found


def _criterion(parameter: SearchParameter) -> Json:
    """Return the component of a search parameter: repeated, all of its values must hold."""
    facts = [parameter.type, f"modifiers {', '.join(modifiers(parameter))}"]
    if parameter.expression:
        facts.insert(1, f"`{parameter.expression}`")
    schema = {"type": "array", "items": ref(f"search.{parameter.type}")}
    found = _parameter("query", parameter.code, schema, "; ".join(facts))
    return found | {"x-fhir-definition": parameter.url} if parameter.url else found
