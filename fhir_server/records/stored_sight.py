"""A sight as the store reads it: facts under `acl`, and no more asked than a type leaves open.

A resource type has one governance (`mappings/governance.json`), a Task two, so most of a sight's predicate is
settled before the query: a DocumentReference is no pointer, no trace, no directory. What is known
is asked all the same: a row whose facts say otherwise is not known to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from fhir_server.consent import facts
from fhir_server.consent.engine import Sight, Test
from fhir_server.consent.policy import RecordPolicy
from fhir_server.consent.requester import Kind
from fhir_server.predicate import ALWAYS, NEVER, Has, Predicate, all_of, any_of, prepared, under
from fhir_server.predicate.given import given
from fhir_server.records.governance import POINTERS, governance

ACL: Final = "acl"
_ROUNDABOUT: Final = POINTERS | {"trace"}
"""Governances under which a resource is known by its targets, or whatever record it is in."""


class StoredSight(Sight):
    """A sight that makes each of its predicates once; it may serve many requests."""

    @property
    def is_long_list(self) -> bool:
        """Tell whether it opens so many records that only a total that is asked for is counted."""
        return False

    def stored(self, type_: str, patient: str = "") -> Predicate:
        """Return what may be known of `type_`; with `patient`, of those in that one record."""
        found = self._stored.get((type_, patient))
        if found is None:
            found = self._stored[type_, patient] = under(ACL, self._of(type_, patient))
        return found

    def shows(self, type_: str, patient: str = "") -> Test:
        """Return what tells of a stored row of `type_`, in record `patient`, whether it is known."""
        found = self._shown.get((type_, patient))
        if found is None:
            found = self._shown[type_, patient] = prepared(self.stored(type_, patient))
        return found

    def rules_used(self) -> tuple[str, ...]:
        """Return the permitting rules that open something in the records at hand, for the log."""
        return self._rules_used

    def _of(self, type_: str, patient: str) -> Predicate:
        if self.requester.kind is Kind.TRUSTED_SYSTEM:
            return ALWAYS
        kinds = governance()[type_].kinds
        direct = patient and _ROUNDABOUT.isdisjoint(kinds)
        whole = self._in_record(patient) if direct else self.known
        # INVARIANT: every settled fact stays a condition, so settling it opens nothing.
        found = any_of(
            *(
                all_of(Has(facts.GOVERNANCE, kind), given(whole, facts.GOVERNANCE, kind))
                for kind in kinds
            )
        )
        if patient:
            found = all_of(Has(facts.PATIENT, patient), given(found, facts.PATIENT, patient))
        return found

    def _in_record(self, patient: str) -> Predicate:
        """Return the part of `known` that speaks of one record; what does not point needs no more."""
        for policy in self.policies:
            if policy.patient == patient:
                return self.inside(policy)
        return NEVER

    @cached_property
    def _stored(self) -> dict[tuple[str, str], Predicate]:
        return {}

    @cached_property
    def _shown(self) -> dict[tuple[str, str], Test]:
        return {}

    @cached_property
    def _rules_used(self) -> tuple[str, ...]:
        return super().rules_used()


@dataclass(frozen=True)
class SharedSight(StoredSight):
    """What a caller would know if there were only what `other`, somebody else's sight, knows.

    So what points is known by a target that both may know, and by no other: an answer about this
    caller that is made for the other tells them nothing of what they may not know (L60).
    """

    other: Sight | None = None

    @cached_property
    def outside(self) -> Predicate:
        """Return what both know of resources that belong to no record."""
        return all_of(super().outside, self.other.outside if self.other else NEVER)

    def inside(self, policy: RecordPolicy) -> Predicate:
        """Return what both know in the record of `policy`; the other by what it really says."""
        own = self.other.policies if self.other else ()
        real = [one for one in own if one.patient == policy.patient]
        shared = self.other.inside(real[0]) if self.other and real else NEVER
        return all_of(super().inside(policy), shared)
