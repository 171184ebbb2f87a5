"""Sign and verify decision receipts: a JWS (RFC 7515), compact, ES256, by the installation's key.

A receipt outlives the key that signed it as long as that key verifies (`keys`). Its type sets it
apart from a token, so that neither passes for the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol

from fhir_server.identity.keys import KeyRing

MEDIA_TYPE: Final = "decision-receipt+jws"
_ALGORITHMS: Final = ["ES256"]


class ReceiptError(ValueError):
    """A receipt can't be believed. The text is the one line to show on the console."""


def sign(keys: KeyRing, content: Mapping[str, Any]) -> str:
    """Return `content`, JSON values, as a signed receipt."""
    header = {"alg": "ES256", "typ": MEDIA_TYPE, "kid": keys.signing.thumbprint()}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return jws.serialize_compact(header, body.encode(), keys.signing, _ALGORITHMS)


def verified(keys: KeyRing, receipt: str) -> dict[str, Any]:
    """Return the content of `receipt`; raise `ReceiptError` unless this installation signed it."""

    def key(signed: GuestProtocol) -> ECKey:
        kid = signed.headers().get("kid")
        found = keys.verifying.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise ReceiptError("the receipt was signed by a key that this installation lacks")
        return found

    try:
        found = jws.deserialize_compact(receipt.strip(), key, _ALGORITHMS)
        if found.headers().get("typ") != MEDIA_TYPE:
            raise ReceiptError("this is no decision receipt")
        content = json.loads(found.payload)
    except ReceiptError:
        raise
    except (JoseError, ValueError, RecursionError):
        raise ReceiptError("the receipt is not readable, or its signature does not hold") from None
    if not isinstance(content, dict):
        raise ReceiptError("the receipt holds no decision")
    return content
