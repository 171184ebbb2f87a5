"""A receipt is what this installation signed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from joserfc import jws

from fhir_server.consent.requester import TRUSTED
from fhir_server.fhir.errors import Unauthenticated
from fhir_server.identity.keys import KeyRing, load
from fhir_server.identity.receipts import MEDIA_TYPE, ReceiptError, sign, verified
from fhir_server.identity.tokens import TokenReader, mint

CONTENT = {"record": "anna", "dit": "é"}


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return load(tmp_path)


def test_what_was_signed_comes_back(keys: KeyRing) -> None:
    assert verified(keys, f"{sign(keys, CONTENT)}\n") == CONTENT


def test_every_changed_part_is_refused(keys: KeyRing) -> None:
    parts = sign(keys, CONTENT).split(".")
    for place in range(3):
        other = sign(keys, CONTENT | {"record": "bruno"}).split(".")
        if other[place] == parts[place]:
            continue
        mixed = [*parts[:place], other[place], *parts[place + 1 :]]
        with pytest.raises(ReceiptError, match="signature does not hold"):
            verified(keys, ".".join(mixed))


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "é.é.é", "..", "{}"])
def test_what_is_no_receipt_is_refused(keys: KeyRing, text: str) -> None:
    with pytest.raises(ReceiptError):
        verified(keys, text)


def test_a_key_that_no_longer_signs_still_verifies(tmp_path: Path) -> None:
    receipt = sign(load(tmp_path), CONTENT)
    (tmp_path / "keys" / "signing.pem").rename(tmp_path / "keys" / "old.pem")
    assert verified(load(tmp_path), receipt) == CONTENT


def test_the_receipt_of_another_installation_is_refused(tmp_path: Path, keys: KeyRing) -> None:
    receipt = sign(load(tmp_path / "other"), CONTENT)
    with pytest.raises(ReceiptError, match="key that this installation lacks"):
        verified(keys, receipt)


def test_a_token_is_no_receipt_and_a_receipt_no_token(tmp_path: Path, keys: KeyRing) -> None:
    with pytest.raises(ReceiptError, match="no decision receipt"):
        verified(keys, mint(tmp_path, TRUSTED))
    with pytest.raises(Unauthenticated):
        TokenReader(tmp_path, lambda: 0.0).read(sign(keys, CONTENT))


def test_a_receipt_that_is_no_object_is_refused(keys: KeyRing) -> None:
    header = {"alg": "ES256", "typ": MEDIA_TYPE, "kid": keys.signing.thumbprint()}
    for body in (b"[]", b"not json"):
        text = jws.serialize_compact(header, body, keys.signing, ["ES256"])
        with pytest.raises(ReceiptError):
            verified(keys, text)
