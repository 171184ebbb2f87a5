"""Several resources by name at once, as one requester may know them."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.consent import facts
from fhir_server.predicate import one_of
from fhir_server.records.trace import Touched
from fhir_server.records.view import View
from fhir_server.records.weight import check_included
from fhir_server.store.rows import Row


def gathered(view: View, refs: Sequence[str]) -> list[Row]:
    """Return what `refs` (`Type/id`) name and the requester may know, in their order.

    What is absent and what is hidden are left out alike (L35); what is returned is in the log.
    Raises `BadRequest` when that is too heavy to be held at once.
    """
    by_type: dict[str, list[str]] = {}
    for ref in refs:
        type_, _, id_ = ref.partition("/")
        by_type.setdefault(type_, []).append(id_)
    found: dict[str, Row] = {}
    for type_, ids in by_type.items():
        for row in view.context.store.find(type_, one_of("_id", ids)):
            if view.seeing.knows(row):
                found[row.ref] = row
    rows = [found[ref] for ref in refs if ref in found]
    check_included(rows)
    if rows:
        touched = [Touched(row.ref, row.acl.get(facts.PATIENT, "")) for row in rows]
        view.tracer.commit(view.tracer.entries("operation", touched))
    return [view.shown(row) for row in rows]
