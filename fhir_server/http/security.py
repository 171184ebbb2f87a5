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
    ("Vary", "Authorization, Accept, Accept-Encoding"),
    ("X-Content-Type-Options", "nosniff"),
)
# The same for every caller: the CapabilityStatement, keys, documentation.
PUBLIC: Final = (
    ("Cache-Control", "public, max-age=60"),
    ("Vary", "Accept, Accept-Encoding"),
    ("X-Content-Type-Options", "nosniff"),
)
FRESH: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def caller(service: Service, environ: Mapping[str, Any], *, is_open: bool = False) -> Requester:
    """Return who asks, from the Authorization header (RFC 6750 section 2.1).

    Without a token that is the trusted system under `--auth off` or where the address `is_open`,
    and nobody otherwise. A token, or anything else in that header, is judged elsewhere than there.
    Raise Unauthenticated, or TooManyRequests when this caller may not ask again yet.
    """
    header = environ.get("HTTP_AUTHORIZATION")
    if is_open or (header is None and service.trusts_strangers):
        service.limits.stranger(environ)
        return TRUSTED
    try:
        requester = _believed(service, header)
    except Unauthenticated:
        service.limits.refused(environ)
        raise
    service.limits.known(requester)
    return requester


def _believed(service: Service, header: str | None) -> Requester:
    if header is None:
        raise Unauthenticated("an access token is needed", headers={"WWW-Authenticate": CHALLENGE})
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(
            "only bearer tokens are accepted", headers={"WWW-Authenticate": CHALLENGE}
        )
    return service.tokens.read(token.strip())
