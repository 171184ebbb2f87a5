"""Who asks, and the headers that keep the answer from anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.consent.requester import TRUSTED, Requester
from fhir_server.fhir.errors import Unauthenticated
from fhir_server.http.service import Service

CHALLENGE: Final = 'Bearer realm="fhir"'
# L49: no cache, shared or not, may keep what one caller was told.
CLINICAL: Final = (
    ("Cache-Control", "private, no-store"),
    ("Vary", "Authorization, Accept"),
    ("X-Content-Type-Options", "nosniff"),
)
# The same for every caller: the CapabilityStatement, keys, documentation.
PUBLIC: Final = (
    ("Cache-Control", "public, max-age=60"),
    ("Vary", "Accept"),
    ("X-Content-Type-Options", "nosniff"),
)
FRESH: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def caller(service: Service, environ: Mapping[str, Any]) -> Requester:
    """Return who asks, from the Authorization header (RFC 6750 section 2.1).

    Without a token that is the trusted system under `--auth off`, and nobody otherwise. A token,
    or anything else in that header, is always judged. Raise Unauthenticated.
    """
    header = environ.get("HTTP_AUTHORIZATION")
    if header is None:
        if service.trusts_strangers:
            return TRUSTED
        raise Unauthenticated("an access token is needed", headers={"WWW-Authenticate": CHALLENGE})
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(
            "only bearer tokens are accepted", headers={"WWW-Authenticate": CHALLENGE}
        )
    return service.tokens.read(token.strip())
