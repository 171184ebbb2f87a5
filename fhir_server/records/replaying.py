"""Decide again what a receipt says was decided, from the stored history.

Everything is taken as it stood at the instant of the receipt: the versions of the resources and
their facts, what the record said of itself, and what the asker could know. The rules are those of
this server: that they are others than those of the receipt is a difference too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fhir_server.consent import facts
from fhir_server.consent.explaining import explain
from fhir_server.predicate import holds
from fhir_server.records.asking import Asking, Subject
from fhir_server.records.past import Past
from fhir_server.records.stored_sight import ACL, StoredSight
from fhir_server.records.trace import Touched
from fhir_server.records.view import View
from fhir_server.store.rows import Row

What = Literal["rules", "consents", "version", "verdict", "reasons"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of one resource, `Type/id` in a version, and the rules that spoke."""

    ref: str
    version: int
    known: bool
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What a receipt says: `at` and `state` are its two instants, in microseconds."""

    subject: Subject
    record: str
    at: int
    state: int
    rules: str
    consents: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What comes out otherwise: of which resource (empty for all), what was told, what is found."""

    what: What
    ref: str
    told: str
    found: str


def replay(view: View, asker: View, decided: Decided) -> tuple[Otherwise, ...]:
    """Return what comes out otherwise than `decided` says; nothing when it is the same.

    `view` is that of who replays, for the log; `asker` that of who was answered, at the instant of
    `decided.state`.
    """
    past = Past(view.context, decided.state)
    found = tuple(_differences(_Then(asker, past), past, decided))
    touched = [Touched(one.ref, decided.record) for one in decided.verdicts]
    tracer = view.tracer
    tracer.commit(tracer.entries("operation", touched, patient=decided.record, query="replay"))
    return found


class _Then(Asking):
    """A question of the past, by what its asker could know then."""

    def __init__(self, view: View, past: Past) -> None:
        super().__init__(view)
        self._past = past
        self._own: dict[str, StoredSight] = {}

    def own(self, patient: str) -> StoredSight:
        if patient not in self._own:
            policy = self._past.policy(patient) if patient else None
            sights = self.view.context.sights
            self._own[patient] = sights.supposed(self.view.requester, self.view.at, policy)
        return self._own[patient]

    def knows(self, row: Row) -> bool:
        patient = row.acl.get(facts.PATIENT, "")
        known = self.own(patient).stored(row.type, patient)
        return self.of_everything or holds(known, {ACL: row.acl, "_id": row.id})

    def version_then(self, ref: str, past: Past) -> Row | None:
        type_, _, id_ = ref.partition("/")
        then = past.facts(type_, id_)
        return then if then is not None and self.knows(then) else None


def _differences(asking: _Then, past: Past, decided: Decided) -> Iterator[Otherwise]:
    rules = asking.view.context.sights.rules_hash
    if rules != decided.rules:
        yield Otherwise("rules", "", decided.rules[:16], rules[:16])
    policy = asking.policy(decided.record, past)
    found = () if policy is None else policy.consents
    consents = sorted(f"Consent/{one.id}/_history/{one.version}" for one in found)
    if consents != sorted(decided.consents):
        yield Otherwise("consents", "", " ".join(decided.consents), " ".join(consents))
    sight = asking.sight(decided.subject, policy, decided.at)
    for one in decided.verdicts:
        row = asking.version_then(one.ref, past)
        if row is None or row.version != one.version:
            version = "" if row is None else str(row.version)
            yield Otherwise("version", one.ref, str(one.version), version)
            continue
        again = explain(sight, row.acl)
        spoken = tuple(rule.rule for rule in again.rules)
        if again.known != one.known:
            yield Otherwise("verdict", one.ref, _word(one.known), _word(again.known))
        if spoken != one.rules:
            yield Otherwise("reasons", one.ref, " ".join(one.rules), " ".join(spoken))


def _word(known: bool) -> str:
    return "known" if known else "unknown"
