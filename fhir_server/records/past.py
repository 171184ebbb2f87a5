"""The records as they stood at an instant: versions, facts, and what a record said of itself.

A decision of the past is made again from this. Versions are kept with the facts that they were
written with; what other resources added to them later (the labels of a newer document, the facts of
what is pointed to) is worked out again from the versions of that instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fhir_server.consent import facts
from fhir_server.consent.policy import RecordPolicy
from fhir_server.predicate import Has, Predicate, all_of
from fhir_server.records.chains import effective_labels
from fhir_server.records.compiled import compiled
from fhir_server.records.context import Context
from fhir_server.records.facts import REPLACES, as_target
from fhir_server.records.stored_sight import ACL
from fhir_server.store.rows import Row

Json = dict[str, Any]
_DEPTH = 2
"""How deep the facts of targets stand in those of what points to them (`facts.as_target`)."""


class Past:
    """Everything stored, at one instant in microseconds since the epoch."""

    def __init__(self, context: Context, at: int) -> None:
        """Look at what was in force at `at`."""
        self._context = context
        self._store = context.store
        self.at = at

    def get(self, type_: str, id_: str) -> Row | None:
        """Return the version in force then, with the facts it was written with; None for none."""
        now = self._store.get(type_, id_)
        if now is not None and now.updated <= self.at:
            return now
        versions = (row for row in self._store.versions(type_, id_) if row.updated <= self.at)
        found = next(versions, None)
        return None if found is None or found.gone else found

    def find(self, type_: str, predicate: Predicate) -> list[Row]:
        """Return the rows in force then in which `predicate` holds, by id."""
        return self._store.as_of(type_, predicate, self.at)

    def policy(self, patient: str) -> RecordPolicy | None:
        """Return what record `patient` said of itself then; None when there was no such record."""
        return compiled(self._context, self, patient)

    def facts(self, type_: str, id_: str) -> Row | None:
        """Return the version in force then, with the facts in force then; None for none."""
        row = self.get(type_, id_)
        return None if row is None else replace(row, acl=self._facts(row, _DEPTH))

    def _facts(self, row: Row, depth: int) -> Json:
        acl = dict(row.acl)
        if row.type == "DocumentReference":
            acl[facts.LABELS] = effective_labels(row.ref, acl, lambda ref: self._newer(ref, acl))
        for where in (facts.TARGETS, facts.CONTEXT):
            # Traces carry the names of their targets only (ADR 0002).
            if where in acl and row.type != "AuditEvent":
                acl[where] = list(self._targets(acl[where], depth))
        return acl

    def _newer(self, ref: str, acl: Json) -> list[Row]:
        """Return the documents that replaced `ref` then; a chain stays in its record."""
        same = Has(f"{ACL}.{facts.PATIENT}", acl.get(facts.PATIENT, ""))
        return self.find("DocumentReference", all_of(same, Has(f"{ACL}.{REPLACES}", ref)))

    def _targets(self, targets: list[Json], depth: int) -> Iterator[Json]:
        """Yield the facts of targets as they were; of one that was not there, its name alone."""
        for target in targets:
            type_, _, id_ = target[facts.REF].partition("/")
            row = self.get(type_, id_) if depth else None
            if row is None:
                yield {facts.REF: target[facts.REF]}
            else:
                yield as_target(replace(row, acl=self._facts(row, depth - 1)), deep=depth > 1)
