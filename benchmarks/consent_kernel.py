"""What consent costs in the process alone: compiling a policy, making a sight, deciding documents.

Microseconds of CPU, the best of several repeats, like the cost of validation (`costs.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from benchmarks.consent_records import name_of
from benchmarks.resources import CARE_TEAM
from fhir_server.consent.policy import from_json
from fhir_server.predicate import Has, Predicate
from fhir_server.records.policies import PolicyCompiler
from fhir_server.records.rulesets import shipped_matrix
from fhir_server.records.stored_sight import ACL, StoredSight
from fhir_server.search.types import Locale
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import PolicyRow, Row

_REPEATS: Final = 15
_TYPE: Final = "DocumentReference"


@dataclass
class _Bodies:
    """The resources that a policy is made of, in memory: what `PolicyCompiler` asks of a `Unit`."""

    rows: dict[str, list[Row]]
    put: list[PolicyRow] = field(default_factory=list)

    def get(self, type_: str, id_: str) -> Row | None:
        return next((row for row in self.rows.get(type_, ()) if row.id == id_), None)

    def find(self, type_: str, _: Predicate) -> list[Row]:
        return self.rows.get(type_, [])

    def put_policy(self, policy: PolicyRow, *, is_new: bool = False) -> None:
        assert not is_new
        self.put = [policy]

    def share(self, refs: Iterable[str]) -> None:
        self.shared = set(refs)


@dataclass(frozen=True, slots=True)
class KernelCost:
    """Of a record with `consents`: microseconds to compile, to make a sight, to decide."""

    consents: int
    compiling: float
    seeing: float
    deciding: float
    explaining: float


def kernel_cost(store: MongoStore, consents: int, at: int) -> KernelCost:
    """Measure the kernel on the stored record with so many Consents."""
    patient = name_of(consents)
    mine = Has("acl.patient", patient)
    found = {type_: store.find(type_, mine) for type_ in ("Patient", "CareTeam", "Consent")}
    doctors = {"Practitioner": store.find("Practitioner", Has("acl.governance", "directory"))}
    bodies = _Bodies(found | doctors)
    compiler = PolicyCompiler(Locale())
    unit = cast(Unit, bodies)
    compiling = _best(lambda: compiler.compile(unit, patient), 1)
    body = bodies.put[0].body
    matrix = shipped_matrix()

    def see() -> StoredSight:
        sight = StoredSight(CARE_TEAM, matrix, at, (from_json(patient, "", body),))
        sight.shows(_TYPE, patient)
        return sight

    seeing = _best(see, 1)
    sight = see()
    documents: list[dict[str, Any]] = [dict(row.acl) for row in store.find(_TYPE, mine)]
    stored = [{ACL: document} for document in documents]
    shows = sight.shows(_TYPE, patient)
    known = [shows(document) for document in stored]
    assert known == [sight.decide(document).permit for document in documents]
    assert known.count(False) == 1, "the masked document alone is hidden"
    return KernelCost(
        consents,
        compiling,
        seeing,
        _best(lambda: [shows(document) for document in stored], len(stored)),
        _best(lambda: [sight.decide(document) for document in documents], len(documents)),
    )


def _best(work: Callable[[], object], items: int) -> float:
    """Return the microseconds of CPU of one of `items`, in the best of several repeats."""
    best = float("inf")
    for _ in range(_REPEATS):
        began = time.thread_time_ns()
        work()
        best = min(best, time.thread_time_ns() - began)
    return best / items / 1000
