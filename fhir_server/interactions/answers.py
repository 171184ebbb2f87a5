"""What answers have in common: version headers, and the body that `Prefer` asks for.

https://hl7.org/fhir/R4/http.html#versions and https://hl7.org/fhir/R4/http.html#ops
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate

from fhir_server.fhir.errors import Issue
from fhir_server.fhir.outcome import outcome
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.records.writing import Written
from fhir_server.store.rows import Row

_STORED = Issue("informational", "the resource was stored", severity="information")
_DONE = outcome([_STORED])


def said(done: Written) -> bytes:
    """Return what `Prefer: return=OperationOutcome` brings, with what is to be told of it."""
    return outcome([_STORED, *done.warnings]) if done.warnings else _DONE


def version_headers(row: Row) -> dict[str, str]:
    """Return ETag and Last-Modified of one version."""
    return {
        "ETag": f'W/"{row.version}"',
        "Last-Modified": formatdate(row.updated / 1_000_000, usegmt=True),
    }


def location(base: str, row: Row) -> str:
    """Return the address of one version."""
    return f"{base}/{row.ref}/_history/{row.version}"


def readable_after(x: Exchange, done: Written, *, resolved: bool) -> Written:
    """Return `done`; where a condition was `resolved` in it, readable only with the record.

    The id behind an INS is told only to who may read the record (TD0.2).
    """
    return replace(done, readable=x.view.seeing.knows(done.row)) if resolved else done


def met(x: Exchange, row: Row) -> Answer:
    """Answer a conditional create with what was there before; that is a disclosure."""
    x.view.met(row)
    return Answer(200, b"", version_headers(row) | {"Location": location(x.base, row)})


def written(x: Exchange, done: Written) -> Answer:
    """Answer a create, an update or a patch.

    What the caller may write but not read (R22) is acknowledged without its body, and what they
    changed comes without what it points to and they may not know (L36).
    """
    headers = version_headers(done.row)
    if done.created:
        headers["Location"] = location(x.base, done.row)
    status = 201 if done.created else 200
    match x.preference:
        case "minimal":
            return Answer(status, b"", headers)
        case "OperationOutcome":
            return Answer(status, said(done), headers, told=True)
        case _:
            if not done.readable:
                return Answer(status, said(done), headers, told=True)
            row = done.row if done.created else x.view.shown(done.row)
            return Answer(status, row.raw, headers)
