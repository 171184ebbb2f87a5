"""What one request may see: sights by scope, and the traces that must stay out of sight.

The predicate that decides one row is the one pushed into a query: `known` gives it, `knows` reads
it on a row already fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.emergency import Emergency
from fhir_server.consent.engine import Sight
from fhir_server.consent.requester import Kind, Requester
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import (
    ALWAYS,
    Has,
    Not,
    Predicate,
    Present,
    Some,
    all_of,
    any_of,
    holds,
    negate,
    one_of,
    under,
)
from fhir_server.records.facts import governed
from fhir_server.records.scope import NOBODY
from fhir_server.records.sights import Sights
from fhir_server.records.stored_sight import ACL as ACL
from fhir_server.records.stored_sight import StoredSight
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row

MOST_HIDDEN: Final = 5000


class Seeing:
    """Sights of one requester at one instant, made when needed."""

    def __init__(self, store: MongoStore, sights: Sights, requester: Requester, at: int) -> None:
        """Bind to a caller and an instant, in microseconds since the epoch."""
        self._store = store
        self._sights = sights
        self.requester = requester
        self.at = at
        self._made: dict[frozenset[str] | None, StoredSight] = {}

    def sight(self, patients: Iterable[str] | None) -> StoredSight:
        """Return the sight over `patients`, or over every record that may open for None."""
        scope = None if patients is None else frozenset(patients)
        found = self._made.get(scope)
        if found is None:
            found = self._made[scope] = self._sights.of(self.requester, self.at, scope)
        return found

    def emergency(self, patient: str) -> Emergency | None:
        """Return the emergency in which the caller asks in a record, of those looked at so far."""
        found = (sight.emergencies.get(patient) for sight in self._made.values())
        return next(filter(None, found), None)

    def rules_in(self, patient: str) -> set[str]:
        """Return the rules that open a record to the caller, of those looked at so far."""
        return {rule for sight in self._made.values() for rule in sight.rules_in(patient)}

    def known(self, type_: str, sight: StoredSight, patient: str = "") -> Predicate:
        """Return the predicate that a query on `type_` carries; with `patient`, on one record."""
        known = sight.stored(type_, patient)
        if type_ == "AuditEvent" and not self._sees_all_traces:
            known = all_of(known, _shows(self.hidden(sight)))
        return known

    def ask_of_nobody(self) -> None:
        """Ask for the policy of no record, unless one of a record was asked for (L46).

        What is absent belongs to none: without this, it would be refused sooner than what is hidden.
        """
        if not any(self._made):
            self.sight(NOBODY)

    def knows(self, row: Row) -> bool:
        """Decide one row: the same predicate, read on its facts."""
        patient = row.acl.get(facts.PATIENT)
        sight = self.sight(() if patient is None else (patient,))
        if row.type != "AuditEvent":
            return sight.shows(row.type, patient or "")({ACL: row.acl})
        return holds(self.known(row.type, sight, patient or ""), {ACL: row.acl})

    @property
    def _sees_all_traces(self) -> bool:
        return self.requester.kind in (Kind.TRUSTED_SYSTEM, Kind.AUDITOR)

    def hidden(self, sight: Sight) -> frozenset[str]:
        """Return `Type/id` of everything in the records of `sight` that its caller may not know.

        Traces name what was accessed; one that names only hidden things is hidden itself (L36).
        Raises `BadRequest` over `MOST_HIDDEN`: then narrow the search to one record.
        """
        inside = one_of(f"{ACL}.{facts.PATIENT}", sight.records)
        unseen = all_of(inside, negate(under(ACL, sight.known)))
        found: set[str] = set()
        for type_ in self._store.types():
            if governed(type_):
                found |= self._store.refs(type_, unseen, limit=MOST_HIDDEN + 1)
            if len(found) > MOST_HIDDEN:
                raise BadRequest(
                    "narrow the search to one record with `patient`", code="too-costly"
                )
        return frozenset(found)

    def prunes(self, row: Row) -> bool:
        """Tell whether `row` points, so that parts of it may be hidden from this caller."""
        return (
            facts.TARGETS in row.acl
            and row.type != "Binary"
            and self.requester.kind is not Kind.TRUSTED_SYSTEM
        )

    def hidden_in(self, row: Row) -> frozenset[str]:
        """Return what a visible `row` points to and its reader may not know."""
        if not self.prunes(row):
            return frozenset()
        targets: list[dict[str, Any]] = row.acl[facts.TARGETS]
        patient = row.acl.get(facts.PATIENT)
        sight = self.sight(() if patient is None else (patient,))
        refs = frozenset(target[facts.REF] for target in targets)
        if row.type == "AuditEvent":
            return frozenset() if self._sees_all_traces else refs & self.hidden(sight)
        return frozenset(target[facts.REF] for target in targets if not sight.permits(target))

    def pointing(self, type_: str, field: str, refs: Iterable[str], sight: Sight) -> Predicate:
        """Match pointers by what they point to, counting only what the caller may know."""
        if self.requester.kind is Kind.TRUSTED_SYSTEM:
            return ALWAYS
        if type_ == "AuditEvent":
            if self._sees_all_traces:
                return ALWAYS
            shown = set(refs) - self.hidden(sight)
            return one_of(field, shown)
        return any_of(
            *(
                Some(f"{ACL}.{facts.TARGETS}", all_of(Has(facts.REF, ref), sight.known))
                for ref in refs
            )
        )


def _shows(hidden: frozenset[str]) -> Predicate:
    """Return: the trace names nothing governed, or something that is not hidden."""
    where = f"{ACL}.{facts.TARGETS}"
    return any_of(Not(Present(where)), Some(where, negate(one_of(facts.REF, hidden))))
