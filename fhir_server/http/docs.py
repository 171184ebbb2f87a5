"""Serve the description of the API: `/openapi.json`, and `/docs` for people, without a script."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from flask import Blueprint, render_template, request

from fhir_server import __version__
from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.json import dumps
from fhir_server.http.kept import Kept
from fhir_server.http.openapi import Description
from fhir_server.http.openapi.shown import addresses, criteria, members, others
from fhir_server.http.plain import JSON
from fhir_server.http.respond import Sent
from fhir_server.search.additions import Additions
from fhir_server.search.registry import additions

_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HTML: Final = "text/html; charset=utf-8"
# The same for every caller and in every form of Accept; only its coding is chosen.
_FIXED: Final = (
    ("Cache-Control", "public, max-age=60"),
    ("Vary", "Accept-Encoding"),
    ("X-Content-Type-Options", "nosniff"),
)
_PAGE: Final = (*_FIXED, ("Content-Security-Policy", _PAGE_POLICY))
_LONGEST: Final = 64


def docs_blueprint(description: Description) -> Blueprint:
    """Return the addresses; the document and each page are made once, when they are asked for."""
    blueprint = Blueprint("docs", __name__, template_folder="templates")
    routes = description.routes

    # Kept by the search parameters that are known: who declares one sees it described.
    @lru_cache(maxsize=1)
    def document(_: Additions) -> Kept:
        return Kept.of(dumps(description.document()), JSON)

    @lru_cache(maxsize=len(RESOURCE_TYPES))
    def page(_: Additions, type_: str) -> Kept:
        shown = render_template(
            "http/docs_type.html",
            type=type_,
            addresses=addresses(routes, type_),
            criteria=criteria(type_),
            members=list(members(type_)),
        )
        return Kept.of(shown.encode(), _HTML)

    @lru_cache(maxsize=1)
    def index() -> Kept:
        return _index("")

    def _index(asked: str) -> Kept:
        types = [type_ for type_ in sorted(RESOURCE_TYPES) if asked.lower() in type_.lower()]
        shown = render_template(
            "http/docs.html",
            version=__version__,
            asked=asked,
            all_types=sorted(RESOURCE_TYPES),
            types=types,
            addresses=addresses(routes, ""),
            others=others(),
        )
        return Kept.of(shown.encode(), _HTML)

    @blueprint.get("/openapi.json")
    def openapi() -> Sent:
        return document(additions()).sent(_FIXED)

    @blueprint.get("/docs")
    def docs() -> Sent:
        asked = request.args.get("filter", "").strip()[:_LONGEST]
        return (_index(asked) if asked else index()).sent(_PAGE)

    @blueprint.get("/docs/<type>")
    def docs_of_type(type: str) -> Sent:
        if type not in RESOURCE_TYPES:
            return _index(type[:_LONGEST]).sent(_PAGE, 404)
        return page(additions(), type).sent(_PAGE)

    return blueprint
