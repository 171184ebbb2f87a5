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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fhir_server.consent import facts
from fhir_server.consent.emergency import KINDS, Emergency, emergency
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import RecordPolicy
from fhir_server.consent.requester import Kind, Requester
from fhir_server.consent.rules import RULES, Case, Rule
from fhir_server.consent.ruleset import ORIGINAL, RuleSet
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
    joined,
    negate,
    one_of,
    prepared,
)

Test = Callable[[Mapping[str, Any]], bool]
_POINTERS = ("pointer", "binary")
_TEAMS = ("CareTeam/", "Group/", "PractitionerRole/")
"""What a Consent may name for all who belong to it, or while they do."""
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
    rule_set: RuleSet = ORIGINAL
    _cases: dict[str, Case] = field(default_factory=dict, init=False, repr=False, compare=False)
    _read: dict[str, Sequence[tuple[Rule, Predicate]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _speaking: dict[str, Sequence[tuple[Rule, Test]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def known(self) -> Predicate:
        """Return the one predicate that every query of this caller carries."""
        if self.requester.kind is Kind.TRUSTED_SYSTEM:
            return ALWAYS
        if self.requester.kind in self.rule_set.excluded:
            return NEVER
        own = any_of(
            *(all_of(one_of(facts.PATIENT, ids), reading) for reading, ids in self.alike.items())
        )
        return any_of(_through_targets(own, self.outside, _DEPTH), self.outside)

    @property
    def records(self) -> Iterable[str]:
        """Return the ids of the records at hand, opened or not."""
        return (policy.patient for policy in self.policies)

    @cached_property
    def alike(self) -> Mapping[Predicate, Sequence[str]]:
        """Return the records by what is known inside them: those that come out alike together."""
        groups: dict[Predicate, list[str]] = {}
        for policy in self.policies:
            groups.setdefault(self.inside(policy), []).append(policy.patient)
        return groups

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
        readings = self._readings(policy)
        permitted = joined(reading for rule, reading in readings if rule.effect == "permit")
        forbidden = joined(reading for rule, reading in readings if rule.effect == "forbid")
        return all_of(permitted, negate(forbidden))

    def opening(self, policy: RecordPolicy) -> frozenset[str]:
        """Return the ids of the permitting rules that open something in the record."""
        return frozenset(r.id for r, _ in self._readings(policy) if r.effect == "permit")

    @cached_property
    def permits(self) -> Test:
        """Tell of one document's facts whether it is known: `known`, prepared to be asked often."""
        return prepared(self.known)

    def decide(self, document: Mapping[str, Any]) -> Decision:
        """Decide one document from its facts, with the reasons."""
        return Decision(self.permits(document), self.explain(document))

    def explain(self, document: Mapping[str, Any]) -> tuple[Reason, ...]:
        """Return every rule that speaks of the document, strongest first."""
        return tuple(
            Reason(rule.id, rule.effect, rule.sources, policy.patient, rule.fr, rule.en)
            for policy in self.policies
            if policy.patient == document.get(facts.PATIENT)
            for rule, speaks in self._speaking_in(policy)
            if speaks(document)
        )

    def rules_used(self) -> tuple[str, ...]:
        """Return the permitting rules that open something in the records at hand, for the log."""
        found = {id_ for policy in self.policies for id_ in self.opening(policy)}
        return tuple(rule.id for rule in RULES if rule.id in found)

    def rules_in(self, patient: str) -> tuple[str, ...]:
        """Return the permitting rules that open something in the record of `patient`."""
        policy = self.policy(patient)
        found = self.opening(policy) if policy is not None else frozenset()
        return tuple(rule.id for rule in RULES if rule.id in found)

    def policy(self, patient: str) -> RecordPolicy | None:
        """Return the policy of a record at hand."""
        return self._by_patient.get(patient)

    @cached_property
    def _by_patient(self) -> Mapping[str, RecordPolicy]:
        return {policy.patient: policy for policy in self.policies}

    @cached_property
    def emergencies(self) -> Mapping[str, Emergency]:
        """Return the emergencies in which the caller asks, by record (R68)."""
        if self.requester.kind not in KINDS:
            return {}
        own = self.requester.patient
        asked = (one for one in self.policies if one.sessions or one.patient == own)
        found = ((policy.patient, emergency(self.case(policy))) for policy in asked)
        return {patient: one for patient, one in found if one is not None}

    def _readings(self, policy: RecordPolicy) -> Sequence[tuple[Rule, Predicate]]:
        """Return the rules that speak of something in the record, each with what it speaks of."""
        found = self._read.get(policy.patient)
        if found is None:
            case = self.case(policy)
            read = ((rule, joined([rule.reading(case)])) for rule in RULES)
            found = self._read[policy.patient] = [each for each in read if each[1] != NEVER]
        return found

    def _speaking_in(self, policy: RecordPolicy) -> Sequence[tuple[Rule, Test]]:
        """Return the same, prepared to be asked often."""
        found = self._speaking.get(policy.patient)
        if found is None:
            found = [(rule, prepared(reading)) for rule, reading in self._readings(policy)]
            self._speaking[policy.patient] = found
        return found

    def case(self, policy: RecordPolicy) -> Case:
        """Return the caller's case in one record: their keys there, by their teams too."""
        found = self._cases.get(policy.patient)
        if found is None:
            keys = _keys(self.requester, policy, self.at)
            found = self._cases[policy.patient] = Case(
                self.requester, policy, self.matrix, self.at, keys, self.rule_set
            )
        return found


def _keys(requester: Requester, policy: RecordPolicy, at: int) -> frozenset[str]:
    own = requester.keys
    teams = {link.source for link in policy.links if link.key in own and link.period.covers(at)}
    return own | {f"team:{source}" for source in teams if source.startswith(_TEAMS)}


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
