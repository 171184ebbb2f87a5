"""From a caller and the records concerned to a `Sight`: which policies, in which version.

A compiled policy is kept in memory and used only while its version is still the stored one; the
version is read on every request, so no decision outlives it (L50).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import RecordPolicy, from_json
from fhir_server.consent.requester import Kind, Requester
from fhir_server.consent.rules import EXCLUDED
from fhir_server.predicate import NEVER, Has, Predicate, any_of, one_of
from fhir_server.store.mongo.store import MongoStore

_KEPT: Final = 4096
_OUTSIDE: Final = frozenset({Kind.TRUSTED_SYSTEM, Kind.AUDITOR, Kind.ADMINISTRATOR}) | EXCLUDED
"""Callers to whom no record's policy can open anything."""


class Sights:
    """Makes sights; one a process."""

    def __init__(self, store: MongoStore, matrix: Matrix) -> None:
        """Read policies from `store` and habilitations from `matrix`."""
        self._store = store
        self.matrix = matrix
        self._policies: OrderedDict[str, RecordPolicy] = OrderedDict()

    def of(self, requester: Requester, at: int, patients: Iterable[str] | None) -> Sight:
        """Return what `requester` may know at `at`, in `patients` or, for None, everywhere."""
        wanted = self._concerned(requester, patients)
        policies = self._load(wanted) if wanted != NEVER else ()
        return Sight(requester, self.matrix, at, policies)

    def _concerned(self, requester: Requester, patients: Iterable[str] | None) -> Predicate:
        """Return which policies may open something; fewer are read, never more are open."""
        if requester.kind in _OUTSIDE:
            return NEVER
        if patients is not None:
            return one_of("_id", patients)
        own = Has("_id", requester.patient) if requester.patient else NEVER
        if requester.kind in (Kind.PATIENT, Kind.REPRESENTATIVE):
            return own
        return any_of(one_of("keys", requester.keys), own)

    def _load(self, wanted: Predicate) -> tuple[RecordPolicy, ...]:
        versions = self._store.policy_versions(wanted)
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
            self._keep(loaded)
            kept |= loaded
        return tuple(kept[patient] for patient in sorted(kept))

    def _keep(self, loaded: dict[str, RecordPolicy]) -> None:
        self._policies.update(loaded)
        while len(self._policies) > _KEPT:
            self._policies.popitem(last=False)
