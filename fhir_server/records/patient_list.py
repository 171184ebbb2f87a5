"""What a professional may know of all their patients at once, kept while nothing of it changes.

1. Who changes a record's policy marks, in the same transaction, the caller keys that the policy
   named and those that it names (`Unit.put_policy`).
2. A request reads the marks of its caller's keys: a few small documents, however many patients.
3. The marks are those of the last time: no policy that names the caller changed since, so what was
   read in them holds, until a period of one begins or ends.
4. They are others: the versions are read, then the policies of another version, and only these
   records are read anew.

INVARIANT: no version is older than the marks that it is kept under (`PolicyReads.naming`). What
changes in between has other marks, so it is read again by the next request (L50).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from fhir_server.consent import facts
from fhir_server.consent.emergency import Emergency
from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import FOREVER, RecordPolicy, from_json
from fhir_server.consent.requester import Requester
from fhir_server.consent.rules import RULES
from fhir_server.consent.ruleset import RuleSet
from fhir_server.predicate import NEVER, Has, Predicate
from fhir_server.predicate.given import given
from fhir_server.records.stored_sight import StoredSight
from fhir_server.store.mongo.policy_reads import Marks
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import PolicyRow
from fhir_server.store.together import Together

Bounds = Callable[[Iterable[RecordPolicy], int], tuple[int, int]]

MOST_RECORDS: Final = 50_000
"""Records of all lists that one process keeps, and the lists themselves: some 20 MB."""
LONG: Final = 1000
"""Records of a list in which nobody is told a total that they did not ask for."""
_LOCKS: Final = 16


@dataclass(frozen=True, slots=True)
class Reading:
    """What one caller knows inside one record, and the instants at which it is the same."""

    version: str
    inside: Predicate
    rules: frozenset[str]
    emergency: Emergency | None
    since: int
    until: int


@dataclass(frozen=True)
class ListSight(StoredSight):
    """A sight over every record that names the caller, without their policies: read before.

    It gives no reasons (`explain`): whoever asks for these asks about one record.
    """

    readings: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def records(self) -> Iterable[str]:
        """Return the ids of the records at hand, opened or not."""
        return self.readings

    @cached_property
    def is_long_list(self) -> bool:
        """Tell whether over `LONG` records open, their Patient at least.

        INVARIANT: whether a total stands in an answer depends on nothing that the caller may not
        know, so records that name them and stay closed do not count.
        """
        opened = (
            len(patients)
            for inside, patients in self.alike.items()
            if given(inside, facts.GOVERNANCE, "patient") != NEVER
        )
        return sum(opened) > LONG

    @cached_property
    def alike(self) -> Mapping[Predicate, Sequence[str]]:
        """Return the records by what is known inside them: those that come out alike together.

        `readings` that are alike share one object, so that none of them is compared here.
        """
        groups: dict[int, tuple[Predicate, list[str]]] = {}
        for patient, reading in self.readings.items():
            groups.setdefault(id(reading.inside), (reading.inside, []))[1].append(patient)
        return dict(groups.values())

    def rules_in(self, patient: str) -> tuple[str, ...]:
        """Return the permitting rules that open something in the record of `patient`."""
        reading = self.readings.get(patient)
        return tuple(rule.id for rule in RULES if reading is not None and rule.id in reading.rules)

    @cached_property
    def emergencies(self) -> Mapping[str, Emergency]:
        """Return the emergencies in which the caller asks, by record (R68)."""
        found = ((patient, one.emergency) for patient, one in self.readings.items())
        return {patient: one for patient, one in found if one is not None}

    def _in_record(self, patient: str) -> Predicate:
        reading = self.readings.get(patient)
        return reading.inside if reading is not None else NEVER

    @cached_property
    def _rules_used(self) -> tuple[str, ...]:
        found: frozenset[str] = frozenset().union(*{one.rules for one in self.readings.values()})
        return tuple(rule.id for rule in RULES if rule.id in found)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A list, the marks it was read under, and the version of the record the request is about."""

    marks: Marks
    own: str
    sight: ListSight
    since: int
    until: int

    @property
    def weight(self) -> int:
        """Return its records, and one for the list: an empty one is kept too."""
        return 1 + len(self.sight.readings)

    def holds(self, marks: Marks, own: str, at: int) -> bool:
        return self.marks == marks and self.own == own and self.since <= at < self.until


class PatientLists:
    """The lists of the callers of one process."""

    def __init__(
        self, store: MongoStore, matrix: Matrix, rule_set: RuleSet, bounds: Bounds
    ) -> None:
        """Read from `store`; `bounds` tells around an instant when policies stay the same."""
        self._store = store
        self._matrix = matrix
        self._rule_set = rule_set
        self._bounds = bounds
        self._asked: Together[str, Marks] = Together(store.policy_marks)
        self._kept: OrderedDict[Requester, _Kept] = OrderedDict()
        self._weight = 0
        self._keeping = threading.Lock()
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def of(self, requester: Requester, at: int) -> ListSight:
        """Return what `requester` may know at `at` in every record whose policy names them."""
        kept = self._kept.get(requester)
        if kept is None or not kept.holds(*self._state(requester), at):
            # One request reads the list, and others of the same caller wait for it.
            with self._locks[hash(requester) % _LOCKS]:
                kept = self._kept.get(requester)
                if kept is None or not kept.holds(*self._state(requester), at):
                    kept = self._read(requester, at, kept)
                    self._keep(requester, kept)
        with self._keeping, suppress(KeyError):
            self._kept.move_to_end(requester)
        return kept.sight

    def _state(self, requester: Requester) -> tuple[Marks, str]:
        """Return what a kept list depends on: marks, and the version of the record named."""
        keys, own = sorted(requester.keys), requester.patient
        found = self._asked.do(keys) if keys else {}
        versions = self._store.policy_versions(Has("_id", own)) if own else {}
        return {key: found[key] for key in keys}, versions.get(own, "")

    def _read(self, requester: Requester, at: int, before: _Kept | None) -> _Kept:
        """Read the list anew, where it is not what was `before`."""
        known = {
            patient: reading
            for patient, reading in (before.sight.readings if before else {}).items()
            if reading.since <= at < reading.until
        }
        alike = {reading.inside: reading.inside for reading in known.values()}
        fresh: dict[str, Reading] = {}

        def read(row: PolicyRow) -> None:
            policy = from_json(row.patient, row.version, row.body)
            sight = Sight(requester, self._matrix, at, (policy,), self._rule_set)
            inside = sight.inside(policy)
            fresh[row.patient] = Reading(
                row.version,
                alike.setdefault(inside, inside),
                sight.opening(policy),
                sight.emergencies.get(row.patient),
                *self._bounds((policy,), at),
            )

        versions = {patient: reading.version for patient, reading in known.items()}
        found = self._store.policies_naming(
            sorted(requester.keys), requester.patient, versions, read
        )
        # A policy that was taken away while this was read is in neither part: its record is closed.
        readings = fresh | {
            patient: known[patient]
            for patient, version in found.versions.items()
            if versions.get(patient) == version
        }
        return _Kept(
            found.marks,
            found.versions.get(requester.patient, ""),
            ListSight(requester, self._matrix, at, rule_set=self._rule_set, readings=readings),
            max((one.since for one in readings.values()), default=-FOREVER),
            min((one.until for one in readings.values()), default=FOREVER),
        )

    def _keep(self, requester: Requester, kept: _Kept) -> None:
        """Keep a list, and forget those of the callers who asked the longest time ago."""
        with self._keeping:
            if (before := self._kept.pop(requester, None)) is not None:
                self._weight -= before.weight
            self._kept[requester] = kept
            self._weight += kept.weight
            while self._weight > MOST_RECORDS and len(self._kept) > 1:
                _, forgotten = self._kept.popitem(last=False)
                self._weight -= forgotten.weight
