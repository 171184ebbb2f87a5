"""About whom `$explain` and `$simulate` ask: a caller as the parameters describe them."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from typing import Final

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.fhir.dates import instant_text, interval
from fhir_server.fhir.errors import BadRequest
from fhir_server.identity.requester import requester_from
from fhir_server.operations.given import Given
from fhir_server.records.asking import Subject

LINKS: Final = ("care-team", "attending")
_SAYS: Final = ("kind", "purpose", "rpps", "profession", "organization")
_NOBODY: Final = "00000000000"
"""The RPPS of a professional of whom a link is supposed and no number is told."""
_REASON: Final = "simulation"
"""A break-glass needs a reason (R63); whoever asks about one supposes that there is one."""


def subject_of(given: Given, record: str, otherwise: Requester | None = None) -> Subject:
    """Return the caller that `given` describes, `otherwise` when it describes none.

    `record` is what the token of a patient, a representative or an emergency would be about. Raises
    `BadRequest` for what no token could say.
    """
    told = {name: given.text(name) for name in _SAYS}
    link = given.text("link")
    if otherwise is not None and not link and not any(told.values()):
        return Subject(otherwise)
    if link and link not in LINKS:
        raise BadRequest(f"`link` is one of {', '.join(LINKS)}", code="value")
    kind = told.pop("kind") or Kind.PROFESSIONAL
    try:
        found = requester_from(kind, patient=record, secret=False, **told)
    except ValueError as error:
        raise BadRequest(str(error), code="value") from None
    if found.purpose is Purpose.BREAK_GLASS:
        found = replace(found, reason=_REASON)
    if link and not found.alone:
        found = replace(found, rpps=_NOBODY)
    return Subject(found, link)


def described(subject: Subject) -> list[tuple[str, str]]:
    """Return the parameters that describe `subject`, those that say something."""
    asked = subject.requester
    rpps = "" if asked.rpps == _NOBODY else asked.rpps
    told = (
        ("kind", asked.kind),
        ("purpose", asked.purpose),
        ("rpps", rpps),
        ("profession", asked.profession),
        ("organization", asked.organization),
        ("link", subject.link),
    )
    return [(name, str(value)) for name, value in told if value]


def instant_of(given: Given, zone: tzinfo) -> int | None:
    """Return the first instant of `at`, in microseconds; None for now.

    Raises `BadRequest` for one that could not be written again.
    """
    text = given.text("at")
    if not text:
        return None
    found = interval(text, zone)[0]
    try:
        instant_text(found)
    except OverflowError:
        raise BadRequest("`at` lies outside the years 1 to 9999", code="value") from None
    return found
