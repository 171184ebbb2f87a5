"""capabilities: https://hl7.org/fhir/R4/http.html#capabilities.

Made of the same tables that route and search, so that it says no more and no less than is true.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from fhir_server import __version__
from fhir_server.definitions import COMPARTMENTS, RESOURCE_TYPES
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Answer
from fhir_server.records.published import operation_definitions, supported_profiles
from fhir_server.search.additions import Additions
from fhir_server.search.registry import additions, supported

Json = dict[str, Any]

_INTERACTIONS: Final = (
    "read", "vread", "update", "patch", "delete", "history-instance", "history-type",
    "create", "search-type",
)  # fmt: skip
_DATE: Final = "2026-11-22"


def capabilities(base: str, *, update_create: bool = True) -> Answer:
    """Return the CapabilityStatement of the server at `base`; `update_create`: PUT may create."""
    return _capabilities(additions(), base, update_create)


@lru_cache(maxsize=16)
def _capabilities(_: Additions, base: str, update_create: bool) -> Answer:
    """Make it once for each state of the search parameters."""
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
        "rest": [_rest(update_create)],
    }
    body = dumps(statement)
    # The statement has no version: its tag is made of what it says, and changes when that does.
    return Answer(200, body, {"ETag": f'W/"{sha256(body).hexdigest()[:32]}"'})


def _rest(update_create: bool) -> Json:
    return {
        "mode": "server",
        "documentation": (
            "Every answer is what the caller may know: totals, pages, history and includes are "
            "exact, and what is hidden is the same as what never existed. A resource is stored and "
            "sent as it came, but for `id`, `meta.versionId` and `meta.lastUpdated`: nothing is "
            "merged. What is not understood is refused, not dropped. A patch of the data leaves "
            "out a narrative that was generated from them."
        ),
        "security": {
            "cors": False,
            "description": "A bearer token signed by this installation (`fhir-server token`).",
        },
        "resource": [_resource(type_, update_create) for type_ in sorted(RESOURCE_TYPES)],
        "interaction": [
            {"code": code} for code in ("transaction", "batch", "search-system", "history-system")
        ],
        "compartment": [
            f"http://hl7.org/fhir/CompartmentDefinition/{owner.lower()}"
            for owner in sorted(COMPARTMENTS)
        ],
        "operation": _operations(lambda one: one["system"]),
    }


def _resource(type_: str, update_create: bool) -> Json:
    parameters = supported(type_)
    found: Json = {
        "type": type_,
        **({"supportedProfile": profiles} if (profiles := supported_profiles(type_)) else {}),
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": update_create,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "multiple",
        "referencePolicy": ["literal", "logical"],
    }
    includes = [
        f"{type_}:{code}" for code, p in sorted(parameters.items()) if p.type == "reference"
    ]
    found["searchInclude"] = ["*", *([f"{type_}:*", *includes] if includes else ())]
    found["searchRevInclude"] = ["*", *_pointing(type_)]
    found["searchParam"] = [
        {"name": code, "definition": p.url, "type": p.type}
        if p.url
        else {"name": code, "type": p.type}
        for code, p in sorted(parameters.items())
    ]
    found["operation"] = _operations(lambda one: {"Resource", type_} & {*one["resource"]})
    return found


def _pointing(type_: str) -> list[str]:
    """Return what may point to a `type_`, as `_revinclude` takes it."""
    return [
        f"{source}:{code}"
        for source in sorted(RESOURCE_TYPES)
        for code, one in sorted(supported(source).items())
        if one.type == "reference" and type_ in one.target
    ]


def _operations(offered: Callable[[Json], object]) -> list[Json]:
    """Return name and definition of the operations; each definition is stored here (`profiles/`).

    They are definitions of our own on the `base` of R4's, as is asked of who takes a part of what
    R4 describes: https://hl7.org/fhir/R4/capabilitystatement.html (rest.resource.operation)
    """
    found = [one for one in operation_definitions() if offered(one)]
    # An operation of every type gives way to the type's own of the same name.
    own = {one["code"] for one in found if "Resource" not in one["resource"]}
    return [
        {"name": one["code"], "definition": one["url"]}
        for one in found
        if "Resource" not in one["resource"] or one["code"] not in own
    ]
