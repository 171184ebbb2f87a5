"""Build a Requester from what was typed on the console (contract, Tokens for development).

Identifiers are taken in the forms found in the field and kept in one: an RPPS of 11 digits (an
IDNPS is `8` and the RPPS, R99), a FINESS of 9 (an IDNST is `1` and the FINESS), a TRE_G15 code.
"""

from __future__ import annotations

from typing import TypeVar

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.identity.claims import FINESS, LOGICAL_ID, PROFESSION, RPPS

_Name = TypeVar("_Name", Kind, Purpose)

# What a caller of this kind asks for when nothing is said.
_USUAL_PURPOSE = {
    Kind.PATIENT: Purpose.PATIENT_REQUEST,
    Kind.REPRESENTATIVE: Purpose.PATIENT_REQUEST,
    Kind.SAMU_REGULATOR: Purpose.REGULATION,
    Kind.ESTABLISHMENT_SOFTWARE: Purpose.FEED,
    Kind.REFERENCED_SERVICE: Purpose.FEED,
    Kind.HEALTH_INSURANCE_FEED: Purpose.FEED,
    Kind.ADMINISTRATOR: Purpose.ADMINISTRATION,
    Kind.AUDITOR: Purpose.ADMINISTRATION,
    Kind.TRUSTED_SYSTEM: Purpose.ADMINISTRATION,
}


def requester_from(
    kind: str,
    *,
    purpose: str = "",
    rpps: str = "",
    profession: str = "",
    specialty: str = "",
    organization: str = "",
    patient: str = "",
    reason: str = "",
    client: str = "",
    name: str = "",
    scope: str = "",
    secret: bool = False,
) -> Requester:
    """Return the caller that these options describe; an empty option says nothing.

    Raise ValueError with the line to show when one of them can't be understood. That the options
    make sense together is not judged: a token says what it is told to say.
    """
    asked = _one_of(Kind, kind, "kind")
    return Requester(
        kind=asked,
        purpose=_one_of(Purpose, purpose, "purpose") if purpose else usual_purpose(asked),
        rpps=normal_rpps(rpps),
        profession=normal_profession(profession),
        specialty=specialty.strip(),
        organization=normal_finess(organization),
        patient=_logical_id(patient),
        reason=reason.strip(),
        client=client.strip(),
        name=name.strip(),
        scope=scope.strip(),
        secret=secret,
    )


def usual_purpose(kind: Kind) -> Purpose:
    """Return the purpose of use of `kind` when its token names none."""
    return _USUAL_PURPOSE.get(kind, Purpose.TREATMENT)


def normal_rpps(text: str) -> str:
    """Return the 11 digits of `text`, an RPPS or an IDNPS with its prefix `8`; empty stays empty.

    Raise ValueError for anything else.
    """
    digits = _compact(text)
    if len(digits) == 12 and digits.startswith("8"):
        digits = digits[1:]
    if digits and not RPPS.fullmatch(digits):
        raise ValueError(f"`{text}` is not an RPPS number: 11 digits, or 12 that begin with 8")
    return digits


def normal_finess(text: str) -> str:
    """Return the 9 characters of `text`, a FINESS or an IDNST with its prefix `1`.

    Raise ValueError for anything else; empty stays empty.
    """
    digits = _compact(text).upper()
    if len(digits) == 10 and digits.startswith("1"):
        digits = digits[1:]
    if digits and not FINESS.fullmatch(digits):
        raise ValueError(f"`{text}` is not a FINESS number: 9 digits, or 10 that begin with 1")
    return digits


def normal_profession(text: str) -> str:
    """Return the TRE_G15 code of `text`, written `G15_21` or `21`; raise ValueError otherwise.

    Professions that are none of health (R27) are written out: `R95_71`.
    """
    code = _compact(text).upper()
    if code and not code.startswith(("G15_", "R94_", "R95_")):
        code = f"G15_{code}"
    if code and not PROFESSION.fullmatch(code):
        raise ValueError(f"`{text}` is not a profession: a TRE_G15 code such as `G15_21` or `21`")
    return code


def _logical_id(text: str) -> str:
    bare = text.strip().removeprefix("Patient/")
    if bare and not LOGICAL_ID.fullmatch(bare):
        raise ValueError(f"`{text}` is not a logical id: 1 to 64 letters, digits, `-` and `.`")
    return bare


def _one_of(names: type[_Name], text: str, what: str) -> _Name:
    try:
        return names(text)
    except ValueError:
        known = ", ".join(names)
        raise ValueError(f"`{text}` is not a {what}; one of: {known}") from None


def _compact(text: str) -> str:
    return "".join(text.split())
