"""Write and index one AuditEvent, from the mould of its kind wherever that gives the same."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from fhir_server.audit.event import Access, resource
from fhir_server.audit.mould import ID, Cast, Mould, mould, pattern
from fhir_server.fhir.json import stamp_resource
from fhir_server.search.index import index
from fhir_server.search.types import UNREAD, Locale

_is_plain: Final = re.compile(r"(?!Patient/)[A-Z][A-Za-z]{1,40}/[A-Za-z0-9.\-]{1,64}").fullmatch
"""A reference that is indexed as it stands, and under `entity` alone."""


def entry(access: Access, id_: str, at: int, locale: Locale) -> Cast:
    """Return the AuditEvent of `access` under `id_`; `at` is its instant, in microseconds."""
    others = tuple(ref for ref in access.refs if ref != f"Patient/{access.patient}")
    if access.why or not all(map(_is_plain, others)):
        return the_long_way(access, id_, locale)
    kind = replace(
        access, at="", request_id="", refs=(), patient="", query="", rules=tuple(access.rules)
    )
    made = _mould(kind, bool(others), bool(access.patient), bool(access.query), locale)
    return made.cast(id_, at, others, access.patient, access.query, access.request_id)


@lru_cache(maxsize=1024)
def _mould(kind: Access, refs: bool, patient: bool, query: bool, locale: Locale) -> Mould:
    """Return what the entries of one caller, interaction and outcome have in common."""
    marked = pattern(kind, refs=refs, patient=patient, query=query)
    made = the_long_way(marked, ID, locale)
    # The mark in the place of the instant can't be read as one; each entry has its own.
    values = {name: value for name, value in made.values.items() if name != f"date:{UNREAD}"}
    return mould(marked, made.raw, values, made.keys)


def the_long_way(access: Access, id_: str, locale: Locale) -> Cast:
    """Write and index an entry as any resource is."""
    body = resource(access)
    values = index("AuditEvent", body, locale)
    raw = stamp_resource(body, id=id_, version_id=1, last_updated=access.at)
    return Cast(raw, values.values, values.keys)
