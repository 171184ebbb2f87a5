"""What a client may discover: https://hl7.org/fhir/smart-app-launch/conformance.html.

Only what exists is announced. Tokens are minted on the console for now, so there is no
authorisation endpoint to name.
"""

from __future__ import annotations

from flask import Blueprint, request

from fhir_server.fhir.errors import FhirError
from fhir_server.http.address import base_of
from fhir_server.http.errors import refusal
from fhir_server.http.plain import plain
from fhir_server.http.request_id import request_id_of
from fhir_server.http.respond import Sent, sent
from fhir_server.http.security import FRESH, PUBLIC
from fhir_server.http.service import Service
from fhir_server.identity.tokens import ALGORITHMS, ISSUER


def well_known_blueprint(service: Service) -> Blueprint:
    """Return the SMART configuration, at the root and under `/fhir`, and the public keys."""
    blueprint = Blueprint("well_known", __name__)

    @blueprint.get("/.well-known/smart-configuration")
    @blueprint.get("/fhir/.well-known/smart-configuration")
    def smart_configuration() -> Sent:
        try:
            base = service.fhir_url or base_of(request.environ)
        except FhirError as error:
            return sent(refusal(error), FRESH, request_id_of(request.environ))
        return plain(_configuration(base.removesuffix("/fhir")), fixed=PUBLIC)

    @blueprint.get("/.well-known/jwks.json")
    def jwks() -> Sent:
        """RFC 7517: the keys that verify this installation's tokens."""
        return plain(service.tokens.keys.public(), fixed=PUBLIC)

    return blueprint


def _configuration(root: str) -> dict[str, object]:
    return {
        "issuer": ISSUER,
        "jwks_uri": f"{root}/.well-known/jwks.json",
        "id_token_signing_alg_values_supported": ALGORITHMS,
        "grant_types_supported": [],
        "capabilities": [],
    }
