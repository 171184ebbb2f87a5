"""Register every address of this room on a Flask application."""

from __future__ import annotations

from flask import Flask, Response
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from fhir_server.http.docs import docs_blueprint
from fhir_server.http.endpoint import endpoint, rejected
from fhir_server.http.health import health_blueprint
from fhir_server.http.openapi import FhirBlueprint, open_api
from fhir_server.http.routes import ROUTES
from fhir_server.http.segments import converters, routed
from fhir_server.http.service import Service
from fhir_server.http.wellknown import well_known_blueprint


def wire(app: Flask, service: Service) -> Api:
    """Give `app` the FHIR addresses and those beside them; return the API that documents them."""
    # INVARIANT: an address is served as it was written or refused, never redirected.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.converters |= converters([route.rule for route in ROUTES])
    api, description = open_api(app, ROUTES)
    api.register_blueprint(fhir_blueprint(service))
    app.register_blueprint(health_blueprint(service))
    app.register_blueprint(well_known_blueprint(service))
    app.register_blueprint(docs_blueprint(description))

    def refuse(error: HTTPException) -> Response:
        return rejected(service, error)

    app.register_error_handler(HTTPException, refuse)
    return api


def fhir_blueprint(service: Service) -> FhirBlueprint:
    """Return the table of routes as a blueprint under `/fhir`."""
    blueprint = FhirBlueprint("fhir", __name__, url_prefix="/fhir", description="FHIR R4 (4.0.1)")
    for route in ROUTES:
        view = endpoint(service, route)
        blueprint.add_url_rule(
            routed(route.rule), route.view.__name__, view, methods=[route.method]
        )
    return blueprint
