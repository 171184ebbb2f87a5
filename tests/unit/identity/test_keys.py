"""The signing key: made once, for its owner only, and published without its private half."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from fhir_server.consent.requester import Kind, Requester
from fhir_server.identity.keys import KeyFileError, load
from fhir_server.identity.tokens import TokenReader, mint

_PRINT_KID = (
    "import sys; from fhir_server.identity.keys import load; "
    "print(load(sys.argv[1]).signing.thumbprint())"
)


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    load(tmp_path)
    assert (tmp_path / "keys" / "signing.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_the_key_is_made_once(tmp_path: Path) -> None:
    assert load(tmp_path).signing.thumbprint() == load(tmp_path).signing.thumbprint()


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PRINT_KID, str(tmp_path)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    kids = {racer.communicate(timeout=30)[0].strip() for racer in racers}
    assert kids == {load(tmp_path).signing.thumbprint()}
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["signing.pem"]


def test_the_published_keys_hold_nothing_private(tmp_path: Path) -> None:
    (key,) = load(tmp_path).public()["keys"]
    assert sorted(key) == ["alg", "crv", "kid", "kty", "use", "x", "y"]
    assert not ECKey.import_key(dict(key)).is_private


def test_a_key_that_was_put_aside_still_verifies(tmp_path: Path) -> None:
    caller = Requester(kind=Kind.AUDITOR)
    token = mint(tmp_path, caller, now=1000)
    (tmp_path / "keys" / "signing.pem").rename(tmp_path / "keys" / "retired-2026.pem")
    reader = TokenReader(tmp_path, lambda: 1000.0)
    assert reader.read(token) == caller
    assert reader.read(mint(tmp_path, caller, now=1000)) == caller
    assert len(reader.keys.public()["keys"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a key",
        ECKey.generate_key("P-384").as_pem(private=True),
        ECKey.generate_key("P-256").as_pem(private=False),
    ],
    ids=["empty", "text", "another curve", "public"],
)
def test_a_file_that_holds_no_signing_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "signing.pem").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"signing\.pem"):
        load(tmp_path)
