"""Keep the key that signs this installation's tokens: ES256, one PEM file, made once.

RFC 7518 section 3.4 (ES256), RFC 7638 (the thumbprint that serves as `kid`), RFC 7517 (JWKS).
To rotate: rename `signing.pem` to any other `*.pem` of the same folder and restart. The old key
goes on verifying and a new one signs.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

CURVE = "P-256"
_SIGNING = "signing.pem"


class KeyFileError(Exception):
    """A key file can't be used. The text is the one line to show on the console."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs, and every key that verifies, by `kid`."""

    signing: ECKey
    verifying: dict[str, ECKey]

    def public(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK set to publish: public members only."""
        return {"keys": [_public(kid, key) for kid, key in sorted(self.verifying.items())]}


def load(data_dir: Path | str) -> KeyRing:
    """Return the keys of the installation in `data_dir`, after making one when there is none.

    Raise KeyFileError when a file of the folder holds no P-256 key, OSError when the folder can't
    be read or written.
    """
    folder = Path(data_dir) / "keys"
    _create_once(folder)
    found = {path.name: _read(path) for path in sorted(folder.glob("*.pem"))}
    return KeyRing(found[_SIGNING], {key.thumbprint(): key for key in found.values()})


def _create_once(folder: Path) -> None:
    """Put a new private key at `signing.pem` unless one is there.

    The file is written in full beside its place and linked into it: of several processes that
    start together one wins, and none ever reads half a key.
    """
    if (folder / _SIGNING).exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{secrets.token_hex(8)}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(ECKey.generate_key(CURVE).as_pem(private=True))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, folder / _SIGNING)
    except FileExistsError:
        pass  # another process was first: its key is the installation's
    finally:
        draft.unlink()


def _read(path: Path) -> ECKey:
    try:
        key = ECKey.import_key(path.read_bytes())
    except ValueError:
        raise KeyFileError(f"`{path}` holds no private key; move it away and start again") from None
    if key.curve_name != CURVE or not key.is_private:
        raise KeyFileError(f"`{path}` is not a private key on P-256; move it away and start again")
    return key


def _public(kid: str, key: ECKey) -> dict[str, str]:
    members = key.as_dict(private=False)
    known = {name: str(members[name]) for name in ("kty", "crv", "x", "y")}
    return {**known, "kid": kid, "use": "sig", "alg": "ES256"}
