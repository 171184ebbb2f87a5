"""Serve the description of the API: `/openapi.json`, and `/docs` for people, without a script."""

from __future__ import annotations

from functools import lru_cache

from flask import Blueprint, render_template
from flask_smorest import Api

from fhir_server.fhir.json import dumps
from fhir_server.http.plain import JSON, plain
from fhir_server.http.respond import Sent
from fhir_server.http.security import PUBLIC

_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def docs_blueprint(api: Api) -> Blueprint:
    """Return the two addresses; each is rendered once per process."""
    blueprint = Blueprint("docs", __name__, template_folder="templates")

    @lru_cache(maxsize=1)
    def description() -> bytes:
        return dumps(api.spec.to_dict())

    @lru_cache(maxsize=1)
    def page() -> bytes:
        return render_template("http/docs.html", spec=api.spec.to_dict()).encode()

    @blueprint.get("/openapi.json")
    def openapi() -> Sent:
        return plain(description(), content_type=JSON, fixed=PUBLIC)

    @blueprint.get("/docs")
    def docs() -> Sent:
        fixed = (*PUBLIC, ("Content-Security-Policy", _PAGE_POLICY))
        return plain(page(), content_type="text/html; charset=utf-8", fixed=fixed)

    return blueprint
