"""Say which claims describe a Requester, and which values are believed.

One claim for every field of `Requester`, under the field's own name; an empty field has no claim.
Identifier forms: `../domain/identifier_systems.csv` (RPPS, FINESS), TRE_G15 for professions, and
TRE_R94 and TRE_R95 for those that are none of health (R27).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from fhir_server.consent.requester import Kind, Purpose, Requester

RPPS: Final = re.compile(r"[0-9]{11}")
# The second character of a FINESS is a letter in Corsica (2A, 2B).
FINESS: Final = re.compile(r"[0-9][0-9AB][0-9]{7}")
PROFESSION: Final = re.compile(r"(?:G15_|R94_|R95_)[0-9]{2}")
LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_LONG: Final = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]{1,2000}")

_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "rpps": RPPS,
    "profession": PROFESSION,
    "specialty": _PLAIN,
    "organization": FINESS,
    "patient": LOGICAL_ID,
    "reason": _LONG,
    "client": _PLAIN,
    "name": _PLAIN,
    "scope": _LONG,
}


def claims_of(requester: Requester) -> dict[str, str | bool]:
    """Return the claims that describe `requester`, as they are: nothing is checked here."""
    told = {field.name: getattr(requester, field.name) for field in fields(Requester)}
    return {
        name: value if isinstance(value, bool) else str(value)
        for name, value in told.items()
        if value
    }


def requester_of(claims: Mapping[str, object]) -> Requester:
    """Return the caller that `claims` describe.

    Raise ValueError when the kind or the purpose is missing or unknown, or when a value has not
    the form of its field: nothing is repaired, nothing is ignored.
    """
    told = {name: _text(name, claims[name]) for name in _FORMS if name in claims}
    kind, purpose = str(claims.get("kind")), str(claims.get("purpose"))
    secret = claims.get("secret", False)
    if not isinstance(secret, bool):
        raise ValueError("claim `secret` is neither true nor false")
    return Requester(Kind(kind), Purpose(purpose), secret=secret, **told)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not _FORMS[name].fullmatch(value):
        raise ValueError(f"claim `{name}` has not its form")
    return value
