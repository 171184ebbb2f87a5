"""`fhir-server token` and `fhir-server personas`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from fhir_server.demo.personas import Persona, personas
from fhir_server.identity.requester import requester_from
from fhir_server.identity.tokens import mint


def bearer_token(
    data_dir: Path,
    persona: str | None,
    ttl: int,
    kind: str | None,
    *,
    secret: bool = False,
    **told: str | None,
) -> str:
    """Return a token for `persona`, changed by whatever else is told, or for a caller of `kind`.

    Raises `ValueError` with the line to show when the options don't describe one caller.
    """
    if (persona is None) == (kind is None):
        raise ValueError("give either --persona or --kind")
    options = {name: value for name, value in told.items() if value}
    if persona is not None:
        known = asdict(_persona(persona).requester)
        secret = known.pop("secret") or secret
        options = {name: str(value) for name, value in known.items()} | options
        kind = options.pop("kind")
    return mint(data_dir, requester_from(str(kind), secret=secret, **options), ttl)


def personas_listing(*, as_json: bool) -> str:
    """Return the personas, a line each, or as a JSON array."""
    if as_json:
        return json.dumps([each.as_json() for each in personas()], ensure_ascii=False, indent=2)
    return "\n".join(f"{each.name:<24} {each.kind}" for each in personas())


def _persona(name: str) -> Persona:
    for each in personas():
        if each.name == name:
            return each
    raise ValueError(f"no persona `{name}`: `fhir-server personas` lists them")
