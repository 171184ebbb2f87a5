"""Sign and check statements of the installation: JWS, compact (RFC 7515), ES256.

They are typed, so that none can stand for another or for a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol

from fhir_server.identity.keys import KeyRing

HEAD: Final = "audit-head+jwt"
"""The type of a signed head of the access log (`audit/sealing.py`)."""
_ALGORITHMS: Final = ["ES256"]


def signed(keys: KeyRing, kind: str, members: Mapping[str, Any]) -> str:
    """Return a JWS of type `kind` over `members`, by the key that signs."""
    header = {"alg": "ES256", "typ": kind, "kid": keys.signing.thumbprint()}
    payload = msgspec.json.encode(dict(members), order="deterministic")
    return jws.serialize_compact(header, payload, keys.signing, _ALGORITHMS)


def checked(keys: KeyRing, kind: str, text: str) -> dict[str, Any] | None:
    """Return what a JWS of type `kind` says; None when no key of `keys` signed it as such."""

    def key(statement: GuestProtocol) -> ECKey:
        kid = statement.headers().get("kid")
        found = keys.verifying.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise ValueError("no such key")
        return found

    try:
        found = jws.deserialize_compact(text, key, _ALGORITHMS)
        if found.headers().get("typ") != kind:
            return None
        members = msgspec.json.decode(found.payload)
    except (JoseError, ValueError, msgspec.DecodeError):
        return None
    return members if isinstance(members, dict) else None
