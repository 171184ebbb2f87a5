"""The rules read three ways: `known` (push down), `decide` (one document), `explain` (why).

How a sight is built, for a caller, an instant and the policies of the records concerned:

1. a trusted system sees everything; an excluded kind sees nothing (R32-R35);
2. in each record, a document is known when no rule that forbids speaks of it and a rule that
   permits does; forbids come first, so a deny only ever removes;
3. records whose rules come out alike are joined, so that the predicate grows with the number of
   different situations and not with the number of records;
4. what only points (List, Provenance, Binary ...) is known when one of its targets is (L36, L34);
5. outside every record: directories and knowledge are open to every identified caller, the rest
   to who deposited it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fhir_server.consent import facts
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import RecordPolicy
from fhir_server.consent.requester import Kind, Requester
from fhir_server.consent.rules import EXCLUDED, RULES, Case
from fhir_server.predicate import (
    ALWAYS,
    NEVER,
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
)

_POINTERS = ("pointer", "binary")
_DEPTH = 2
"""A List may point to a folder that points to documents; deeper nests are unknown."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that spoke of the document; `explaining` adds what it rests on."""

    rule: str
    effect: str
    sources: tuple[str, ...]
    patient: str
    fr: str
    en: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the caller may know the document, and every rule that spoke of it."""

    permit: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Sight:
    """What one caller may know at one instant, given the policies of the records concerned.

    INVARIANT: a record whose policy is not among `policies` is closed to the caller.
    """

    requester: Requester
    matrix: Matrix
    at: int
    policies: tuple[RecordPolicy, ...] = ()
    _cases: dict[str, Case] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def known(self) -> Predicate:
        """Return the one predicate that every query of this caller carries."""
        if self.requester.kind is Kind.TRUSTED_SYSTEM:
            return ALWAYS
        if self.requester.kind in EXCLUDED:
            return NEVER
        groups: dict[Predicate, list[str]] = {}
        for policy in self.policies:
            groups.setdefault(self.inside(policy), []).append(policy.patient)
        own = any_of(
            *(all_of(one_of(facts.PATIENT, ids), reading) for reading, ids in groups.items())
        )
        return any_of(_through_targets(own, self.outside, _DEPTH), self.outside)

    @cached_property
    def outside(self) -> Predicate:
        """Return what is known of resources that belong to no record."""
        kind, keys = self.requester.kind, self.case(RecordPolicy("", "")).keys
        orphan = all_of(Not(Present(facts.PATIENT)), Not(Present(facts.SHARED)))
        open_to_all = all_of(orphan, one_of(facts.GOVERNANCE, ("directory", "knowledge")))
        own = self.requester.alone
        mine = all_of(orphan, one_of(facts.OWNER, own))
        acts = all_of(orphan, Has(facts.GOVERNANCE, "trace"), one_of(facts.AUTHORS, own))
        traces = Has(facts.GOVERNANCE, "trace") if kind is Kind.AUDITOR else NEVER
        masked = all_of(Has(facts.LABELS, facts.MASQUE_PS), negate(one_of(facts.AUTHORS, keys)))
        return any_of(all_of(any_of(open_to_all, mine, acts), negate(masked)), traces)

    def inside(self, policy: RecordPolicy) -> Predicate:
        """Return what is known in the record of `policy`, leaving out where what points leads."""
        case = self.case(policy)
        return all_of(any_of(*_spoken(case, "permit")), negate(any_of(*_spoken(case, "forbid"))))

    def decide(self, document: Mapping[str, Any]) -> Decision:
        """Decide one document from its facts, with the reasons."""
        return Decision(holds(self.known, document), self.explain(document))

    def explain(self, document: Mapping[str, Any]) -> tuple[Reason, ...]:
        """Return every rule that speaks of the document, strongest first."""
        return tuple(
            Reason(rule.id, rule.effect, rule.sources, policy.patient, rule.fr, rule.en)
            for policy in self.policies
            if policy.patient == document.get(facts.PATIENT)
            for rule in RULES
            if holds(rule.reading(self.case(policy)), document)
        )

    def rules_used(self) -> tuple[str, ...]:
        """Return the permitting rules that open something in the records at hand, for the log."""
        found = {
            rule.id
            for policy in self.policies
            for rule in RULES
            if rule.effect == "permit" and rule.reading(self.case(policy)) != NEVER
        }
        return tuple(rule.id for rule in RULES if rule.id in found)

    def case(self, policy: RecordPolicy) -> Case:
        """Return the caller's case in one record: their keys there, by their teams too."""
        found = self._cases.get(policy.patient)
        if found is None:
            found = self._cases[policy.patient] = Case(
                self.requester, policy, self.matrix, self.at, _keys(self.requester, policy, self.at)
            )
        return found


def _keys(requester: Requester, policy: RecordPolicy, at: int) -> frozenset[str]:
    own = requester.keys
    teams = {link.source for link in policy.links if link.key in own and link.period.covers(at)}
    return own | {f"team:{source}" for source in teams if source.startswith("CareTeam/")}


def _spoken(case: Case, effect: str) -> Iterable[Predicate]:
    return [rule.reading(case) for rule in RULES if rule.effect == effect]


def _through_targets(own: Predicate, outside: Predicate, depth: int) -> Predicate:
    """Let pointers be known only by a known target, `depth` steps deep."""
    pointer = one_of(facts.GOVERNANCE, _POINTERS)
    if own == NEVER:
        return NEVER
    if depth == 0:
        return all_of(own, negate(pointer))
    target = any_of(_through_targets(own, outside, depth - 1), outside)
    shown = any_of(Not(Present(facts.TARGETS)), Some(facts.TARGETS, target))
    within = any_of(Not(Present(facts.CONTEXT)), Some(facts.CONTEXT, target))
    return all_of(own, any_of(negate(pointer), all_of(shown, within)))


__all__ = ["Decision", "Reason", "Sight"]
