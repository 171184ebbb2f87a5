"""Decision receipts as signed statements (`signing.py`): what one is called, and what is wrong with it.

A receipt outlives the key that signed it as long as that key verifies (`keys`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.identity.keys import KeyRing
from fhir_server.identity.signing import NotSigned, OfAnotherKind, checked, signed

MEDIA_TYPE: Final = "decision-receipt+jws"


class ReceiptError(ValueError):
    """A receipt can't be believed. The text is the one line to show on the console."""


def sign(keys: KeyRing, content: Mapping[str, Any]) -> str:
    """Return `content`, JSON values, as a signed receipt."""
    return signed(keys, MEDIA_TYPE, content)


def verified(keys: KeyRing, receipt: str) -> dict[str, Any]:
    """Return the content of `receipt`; raise `ReceiptError` unless this installation signed it."""
    try:
        return checked(keys, MEDIA_TYPE, receipt.strip())
    except OfAnotherKind:
        raise ReceiptError("this is no decision receipt") from None
    except NotSigned as error:
        raise ReceiptError(f"the receipt {error}") from None
