"""From a caller and the records concerned to a `Sight`: which policies, in which version.

A compiled policy is kept in memory and used only while its version is still the stored one; the
version is read on every request, so no decision outlives it (L50). So is a sight, on the same
condition, and only until the next instant at which a period of its policies begins or ends. What
is seen of every record that names a caller is kept by `patient_list.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import FOREVER, Period, Provision, RecordPolicy, from_json
from fhir_server.consent.requester import Kind, Requester
from fhir_server.consent.rules import RULES
from fhir_server.consent.ruleset import ORIGINAL, RuleSet, rule_set_hash
from fhir_server.predicate import one_of
from fhir_server.records.patient_list import PatientLists
from fhir_server.records.stored_sight import SharedSight, StoredSight
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.together import Together

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_KEPT: Final = 4096
_KEPT_SIGHTS: Final = 2048
_OUTSIDE: Final = frozenset({Kind.TRUSTED_SYSTEM, Kind.AUDITOR, Kind.ADMINISTRATOR})
"""Callers, beside those of no right at all, to whom no record's policy can open anything."""
AGEING: Final = frozenset({Kind.PATIENT, Kind.REPRESENTATIVE})
"""Callers whose rules count days from a deposit (R51): theirs is a sight of one instant."""
_FEW: Final = 4
"""Records of a sight that is kept; one over many is large, and of little use again."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A sight, and the instants at which it is the same: from `since`, before `until`."""

    sight: StoredSight
    since: int
    until: int


class Sights:
    """Makes sights; one a process."""

    def __init__(self, store: MongoStore, matrix: Matrix, rule_set: RuleSet = ORIGINAL) -> None:
        """Read policies from `store`, habilitations from `matrix`, the rules by `rule_set`."""
        self._store = store
        self.matrix = matrix
        self.rule_set = rule_set
        self._outside = _OUTSIDE | rule_set.excluded
        self._asked: Together[str, dict[str, str]] = Together(
            lambda patients: store.policy_versions(one_of("_id", patients), limit=len(patients))
        )
        self._policies: OrderedDict[str, RecordPolicy] = OrderedDict()
        self._sights: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lists = PatientLists(store, matrix, rule_set, unchanged)

    def of(self, requester: Requester, at: int, patients: Iterable[str] | None) -> StoredSight:
        """Return what `requester` may know at `at`, in `patients` or, for None, everywhere."""
        if patients is None and requester.kind not in self._outside | AGEING:
            return self._lists.of(requester, at)
        policies = self._load(self._versions(requester, patients))
        if requester.kind in AGEING or len(policies) > _FEW:
            return StoredSight(requester, self.matrix, at, policies, self.rule_set)
        return self._same(requester, at, policies)

    @property
    def rules_hash(self) -> str:
        """Return the hash of all that a decision rests on beside the record, for receipts."""
        return rule_set_hash(self.rule_set, self.matrix, RULES)

    def supposed(
        self,
        requester: Requester,
        at: int,
        policy: RecordPolicy | None,
        shared: StoredSight | None = None,
    ) -> StoredSight:
        """Return what `requester` would know at `at` if a record said `policy` of itself.

        With `shared`, if there were only what that sight knows. By it questions about others are
        answered, and no request of theirs.
        """
        policies = () if policy is None else (policy,)
        if shared is None:
            return StoredSight(requester, self.matrix, at, policies, self.rule_set)
        return SharedSight(requester, self.matrix, at, policies, self.rule_set, other=shared)

    def stored_policy(self, patient: str) -> RecordPolicy | None:
        """Return what record `patient` says of itself now; None when there is no such record."""
        found = self._load(self._store.policy_versions(one_of("_id", (patient,))))
        return found[0] if found else None

    def _same(
        self, requester: Requester, at: int, policies: tuple[RecordPolicy, ...]
    ) -> StoredSight:
        """Return the sight kept for the same caller and policies, if `at` changes nothing in it."""
        key = (requester, *((policy.patient, policy.version) for policy in policies))
        kept = self._sights.get(key)
        if kept is None or not kept.since <= at < kept.until:
            since, until = unchanged(policies, at)
            kept = _Kept(
                StoredSight(requester, self.matrix, at, policies, self.rule_set), since, until
            )
            _put(self._sights, {key: kept}, _KEPT_SIGHTS)
        return kept.sight

    def _versions(self, requester: Requester, patients: Iterable[str] | None) -> dict[str, str]:
        """Return which policies may open something; fewer are read, never more are open."""
        if requester.kind in self._outside:
            return {}
        own = [requester.patient] if requester.patient else []
        wanted = own if patients is None else tuple(patients)
        found = self._asked.do(wanted) if wanted else {}
        return {patient: found[patient] for patient in wanted if patient in found}

    def _load(self, versions: dict[str, str]) -> tuple[RecordPolicy, ...]:
        kept = {
            patient: policy
            for patient, version in versions.items()
            if (policy := self._policies.get(patient)) is not None and policy.version == version
        }
        stale = versions.keys() - kept.keys()
        if stale:
            loaded = {
                row.patient: from_json(row.patient, row.version, row.body)
                for row in self._store.policies(one_of("_id", stale))
            }
            _put(self._policies, loaded, _KEPT)
            kept |= loaded
        return tuple(kept[patient] for patient in sorted(kept))


def unchanged(policies: Iterable[RecordPolicy], at: int) -> tuple[int, int]:
    """Return the longest interval around `at` in which no period begins or ends."""
    bounds = {bound for policy in policies for bound in _bounds(policy)}
    since = max((bound for bound in bounds if bound <= at), default=-FOREVER)
    return since, min((bound for bound in bounds if bound > at), default=FOREVER)


def _bounds(policy: RecordPolicy) -> Iterator[int]:
    periods = [link.period for link in policy.links]
    periods += [session.period for session in policy.sessions]
    for consent in policy.consents:
        periods += [consent.in_force, *_periods(consent.root)]
    for period in periods:
        yield from (period.start, period.end)


def _periods(provision: Provision) -> Iterator[Period]:
    yield provision.period
    for inner in provision.nested:
        yield from _periods(inner)


def _put(kept: OrderedDict[_Key, _Value], new: dict[_Key, _Value], most: int) -> None:
    """Add `new`, and forget what came first beyond `most`; threads may do so at once."""
    kept.update(new)
    while len(kept) > most:
        with suppress(KeyError):
            kept.popitem(last=False)
