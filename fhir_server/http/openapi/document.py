"""Put the OpenAPI document together: https://spec.openapis.org/oas/v3.0.3.

It is made of the tables that route, judge and search, so that it says what the server does. What
several operations share stands once, under `components`. It is built when it is first asked for:
a worker that nobody asks for it starts without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import Flask
from flask_smorest import Api, Blueprint

from fhir_server import __version__
from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.http.endpoint import Route
from fhir_server.http.openapi import beside, bodies, parameters, responses, schemas
from fhir_server.http.openapi.paths import SYSTEM, paths

Json = dict[str, Any]

_ABOUT: Final = (
    "FHIR R4 (4.0.1) with consent inside every query: an answer holds what its caller may know. "
    "Every GET takes HEAD too. Resources are read and written in JSON and XML. A schema says the "
    "members of a type; the invariants of R4 are checked beyond it. A required primitive may be "
    "left out where its `_` sibling says why."
)


class FhirBlueprint(Blueprint):  # type: ignore[misc]
    """The FHIR routes. They are documented by type and when asked, not as they are registered."""

    def register_views_in_doc(self, *_: object, **__: object) -> None:
        """Leave it to `Description`."""


class Description:
    """The document of one application."""

    def __init__(self, api: Api, routes: Sequence[Route]) -> None:
        """Describe `routes` with the title and version of `api`."""
        self._api = api
        self.routes = tuple(routes)

    def document(self) -> Json:
        """Build the whole document; it is large, so keep what is made of it instead."""
        spec: Json = self._api.spec.to_dict()
        return {
            "openapi": spec["openapi"],
            "info": spec["info"] | {"description": _ABOUT},
            "servers": [{"url": "/"}],
            "security": [{"bearer": []}],
            "tags": _tags(),
            "paths": paths(self.routes) | beside.paths(),
            "components": components(),
        }


def open_api(app: Flask, routes: Sequence[Route]) -> tuple[Api, Description]:
    """Return the flask-smorest API of `app`, and the description of `routes`."""
    app.config.update(
        API_TITLE="FHIR R4",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.0.3",
    )
    api = Api(app)
    return api, Description(api, routes)


def components() -> Json:
    """Return all that operations refer to."""
    return {
        "schemas": dict([*schemas.schemas(), *parameters.schemas(), *bodies.schemas()]),
        "parameters": dict(parameters.parameters()),
        "headers": dict(responses.headers()),
        "responses": dict(responses.responses()),
        "requestBodies": dict(bodies.request_bodies()),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
    }


def _tags() -> list[Json]:
    r4 = "https://hl7.org/fhir/R4"
    types = [
        {"name": type_, "externalDocs": {"url": f"{r4}/{type_.lower()}.html"}}
        for type_ in sorted(RESOURCE_TYPES)
    ]
    return [{"name": SYSTEM}, *types, {"name": beside.TAG}]
