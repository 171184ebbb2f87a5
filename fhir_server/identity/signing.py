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


class NotSigned(ValueError):
    """A statement can't be believed; the text says why, as what `the statement …` does."""


class OfAnotherKind(NotSigned):
    """The installation signed it, as something else."""


def signed(keys: KeyRing, kind: str, members: Mapping[str, Any]) -> str:
    """Return a JWS of type `kind` over `members`, by the key that signs."""
    header = {"alg": "ES256", "typ": kind, "kid": keys.signing.thumbprint()}
    payload = msgspec.json.encode(dict(members), order="deterministic")
    return jws.serialize_compact(header, payload, keys.signing, _ALGORITHMS)


def checked(keys: KeyRing, kind: str, text: str) -> dict[str, Any]:
    """Return what a JWS of type `kind` says; raise `NotSigned` when no key signed it as such."""

    def key(statement: GuestProtocol) -> ECKey:
        kid = statement.headers().get("kid")
        found = keys.verifying.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise NotSigned("was signed by a key that this installation lacks")
        return found

    try:
        found = jws.deserialize_compact(text, key, _ALGORITHMS)
        if found.headers().get("typ") != kind:
            raise OfAnotherKind(f"is no `{kind}`")
        members = msgspec.json.decode(found.payload)
    except NotSigned:
        raise
    except (JoseError, ValueError, RecursionError):
        raise NotSigned("is not readable, or its signature does not hold") from None
    if not isinstance(members, dict):
        raise NotSigned("says nothing")
    return members
