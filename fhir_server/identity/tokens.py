"""Sign and verify bearer tokens: JWT (RFC 7519) with ES256 and nothing else.

What a token must be, in this order: of a bearable length; signed with ES256 by a key of this
installation that its `kid` names; of type `at+jwt` (RFC 9068); from this issuer to this audience;
begun and not over; about a caller whose every claim has its form. The caller learns `expired` or
`invalid`, never which of these failed.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, GuestProtocol
from joserfc.jws import JWSRegistry

from fhir_server.consent.requester import Requester
from fhir_server.fhir.errors import Unauthenticated
from fhir_server.identity.claims import claims_of, requester_of
from fhir_server.identity.keys import KeyRing, load

ISSUER: Final = "fhir-server"
AUDIENCE: Final = "fhir-server/fhir"
MEDIA_TYPE: Final = "at+jwt"
ALGORITHMS: Final = ["ES256"]
_LONGEST = 8192
_REMEMBERED = 1024


def mint(
    data_dir: Path | str, requester: Requester, ttl: int = 3600, *, now: float | None = None
) -> str:
    """Return a token that describes `requester` and is good for `ttl` seconds from `now`.

    It signs what it is told (contract, Tokens): whoever can read the key of `data_dir` is the
    installation. `now` is in seconds since the epoch; without it, the machine's clock.
    """
    key = load(data_dir).signing
    begin = int(time.time() if now is None else now)
    header = {"alg": "ES256", "typ": MEDIA_TYPE, "kid": key.thumbprint()}
    registered = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": begin,
        "nbf": begin,
        "exp": begin + ttl,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode(header, {**claims_of(requester), **registered}, key, ALGORITHMS)


class TokenReader:
    """Turn bearer tokens into callers. One per process; safe between threads.

    A token that was verified is remembered by its SHA-256, so that the signature is computed once.
    INVARIANT: its times are compared with the clock on every call, remembered or not.
    """

    def __init__(
        self, data_dir: Path | str, clock: Callable[[], float], *, remembered: int = _REMEMBERED
    ) -> None:
        """Load the keys of `data_dir`; `clock` returns seconds since the epoch."""
        self.keys: KeyRing = load(data_dir)
        self._clock = clock
        self._limit = remembered
        self._known: OrderedDict[bytes, tuple[Requester, float]] = OrderedDict()
        self._lock = Lock()

    def read(self, bearer: str) -> Requester:
        """Return the caller that `bearer` describes; raise Unauthenticated otherwise."""
        if len(bearer) > _LONGEST or not bearer.isascii():
            raise _invalid()
        digest = sha256(bearer.encode()).digest()
        with self._lock:
            known = self._known.get(digest)
            if known is not None:
                self._known.move_to_end(digest)
        if known is None:
            known = self._verify(bearer)
            self._remember(digest, known)
        requester, expiry = known
        if self._clock() >= expiry:
            raise _expired()
        return requester

    def _verify(self, bearer: str) -> tuple[Requester, float]:
        try:
            token = jwt.decode(bearer, self._key, ALGORITHMS, registry=JWSRegistry())
            if token.header.get("typ") != MEDIA_TYPE:
                raise _invalid()
            self._check(token.claims)
            return requester_of(token.claims), float(token.claims["exp"])
        except ExpiredTokenError:
            raise _expired() from None
        except (JoseError, ValueError, OverflowError, RecursionError):
            raise _invalid() from None

    def _check(self, claims: Mapping[str, Any]) -> None:
        rules = jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=0,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            nbf={"essential": True},
            iat={"essential": True},
        )
        rules.validate(dict(claims))

    def _key(self, token: GuestProtocol) -> ECKey:
        kid = token.headers().get("kid")
        key = self.keys.verifying.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise ValueError("no such key")
        return key

    def _remember(self, digest: bytes, known: tuple[Requester, float]) -> None:
        with self._lock:
            self._known[digest] = known
            while len(self._known) > self._limit:
                self._known.popitem(last=False)


def _invalid() -> Unauthenticated:
    return Unauthenticated("the access token is invalid", headers=_challenge("invalid"))


def _expired() -> Unauthenticated:
    return Unauthenticated("the access token has expired", headers=_challenge("expired"))


def _challenge(what: str) -> dict[str, str]:
    """Return the header of RFC 6750 section 3: why a bearer token was not believed."""
    told = f'error="invalid_token", error_description="the access token is {what}"'
    return {"WWW-Authenticate": f'Bearer realm="fhir", {told}'}
