"""capabilities: https://hl7.org/fhir/R4/http.html#capabilities.

Made of the same tables that route and search, so that it says no more and no less than is true.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fhir_server import __version__
from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Answer
from fhir_server.search.registry import supported

Json = dict[str, Any]

_INTERACTIONS: Final = (
    "read", "vread", "update", "patch", "delete", "history-instance", "history-type",
    "create", "search-type",
)  # fmt: skip
_DATE: Final = "2026-11-22"
RECORD_STATUS: Final = "https://fhir-server.example.org/OperationDefinition/Patient-record-status"
"""Canonical of the operation, described in `profiles/`."""

_CORE: Final = "http://hl7.org/fhir/OperationDefinition"
OPERATIONS: Final = (
    ("validate", f"{_CORE}/Resource-validate", ()),
    ("meta", f"{_CORE}/Resource-meta", ()),
    ("meta-add", f"{_CORE}/Resource-meta-add", ()),
    ("meta-delete", f"{_CORE}/Resource-meta-delete", ()),
    ("everything", f"{_CORE}/Patient-everything", ("Patient",)),
    ("record-status", RECORD_STATUS, ("Patient",)),
    ("document", f"{_CORE}/Composition-document", ("Composition",)),
    ("docref", "http://hl7.org/fhir/us/core/OperationDefinition/docref", ("DocumentReference",)),
)
"""Name, canonical, and the types that have it; none for all."""


@lru_cache(maxsize=16)
def capabilities(base: str) -> Answer:
    """Return the CapabilityStatement of the server at `base`."""
    statement: Json = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "software": {"name": "fhir-server", "version": __version__},
        "implementation": {
            "description": "Dossier médical partagé: FHIR R4 with consent inside every query",
            "url": base,
        },
        "fhirVersion": "4.0.1",
        "format": ["json", "xml"],
        "patchFormat": [
            "application/json-patch+json",
            "application/xml-patch+xml",
            "application/fhir+json",
            "application/fhir+xml",
        ],
        "rest": [_rest()],
    }
    return Answer(200, dumps(statement))


def _rest() -> Json:
    return {
        "mode": "server",
        "documentation": (
            "Every answer is what the caller may know: totals, pages, history and includes are "
            "exact, and what is hidden is the same as what never existed."
        ),
        "security": {
            "cors": False,
            "description": "A bearer token signed by this installation (`fhir-server token`).",
        },
        "resource": [_resource(type_) for type_ in sorted(RESOURCE_TYPES)],
        "interaction": [{"code": "transaction"}, {"code": "batch"}, {"code": "history-system"}],
    }


def _resource(type_: str) -> Json:
    parameters = supported(type_)
    found: Json = {
        "type": type_,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "multiple",
        "referencePolicy": ["literal", "logical"],
    }
    includes = [
        f"{type_}:{code}" for code, p in sorted(parameters.items()) if p.type == "reference"
    ]
    if includes:
        found["searchInclude"] = includes
    found["searchParam"] = [
        {"name": code, "definition": p.url, "type": p.type}
        if p.url
        else {"name": code, "type": p.type}
        for code, p in sorted(parameters.items())
    ]
    found["operation"] = [
        {"name": name, "definition": definition}
        for name, definition, types in OPERATIONS
        if not types or type_ in types
    ]
    return found
