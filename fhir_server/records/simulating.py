"""What callers would know of a record if its Consents or masks were others, before they are stored.

A supposed Consent is read by the code that reads stored ones, into a policy that lives for one
question. What each caller would gain or lose is then the difference of two predicates, in queries;
only resources whose own facts would change are judged one by one. Told to who may ask (`asking`),
about resources that they may know, and by the Consents that they may know (L60).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.policy import ConsentPolicy, Provision, RecordPolicy
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps
from fhir_server.predicate import ALWAYS, Predicate, all_of, holds, negate, one_of
from fhir_server.records.asking import Asking, Subject
from fhir_server.records.compiled import compiled
from fhir_server.records.explaining import types_inside
from fhir_server.records.stored_sight import ACL, StoredSight
from fhir_server.records.supposing import supposed_rows
from fhir_server.records.trace import Touched
from fhir_server.records.view import unknown
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row

Json = Mapping[str, Any]
NAMELESS: Final = "supposed"
"""Id of a supposed Consent that has none; a number follows."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is supposed of a record: valid Consents, and references `Type/id`."""

    consents: Sequence[Json] = ()
    withdrawn: Sequence[str] = ()
    masked: Sequence[str] = ()
    unmasked: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a supposed Consent says: `effect` is `permit`, `deny`, or `none` for nothing."""

    id: str
    effect: str
    in_force: bool
    understood: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What one caller knows as things are and would know, in resources that the asker knows.

    `gained` and `lost` are references, some of those counted.
    """

    subject: Subject
    before: int
    after: int
    gained_count: int
    lost_count: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """An answer: as of `at` in microseconds, one difference for each caller."""

    at: int
    readings: tuple[Reading, ...]
    differences: tuple[Difference, ...]


def simulate(
    asking: Asking,
    patient: str,
    change: Change,
    subjects: Sequence[Subject],
    *,
    at: int | None = None,
    limit: int = 100,
    asked: str = "",
) -> Simulation:
    """Return what `change` would change in record `patient` for each of `subjects`.

    Of what is gained and lost, `limit` are named. Raises `NotFound` for what is not known, and
    `BadRequest` for a past instant: nothing that is stored now would have been there.
    """
    view = asking.view
    row = asking.row("Patient", patient)
    instant = view.at if at is None else at
    if instant < view.at:
        raise BadRequest("a simulation is about now or later; `$explain` tells the past")
    policy = asking.policy(patient)
    if policy is None:
        raise unknown("Patient", patient)
    rows = supposed_rows(view.context.store, _relabelled(asking, patient, change))
    supposed, readings = _supposed(asking, policy, change, instant)
    differences = (
        _Comparison(
            asking,
            patient,
            asking.sight(subject, policy, instant),
            asking.sight(subject, supposed, instant),
            rows,
        ).difference(subject, limit)
        for subject in subjects
    )
    found = Simulation(instant, readings, tuple(differences))
    touched = [Touched(row.ref, patient)]
    view.tracer.commit(view.tracer.entries("operation", touched, patient=patient, query=asked))
    return found


# what is supposed --------------------------------------------------------------------------------


def _relabelled(asking: Asking, patient: str, change: Change) -> dict[str, tuple[Row, bool]]:
    found: dict[str, tuple[Row, bool]] = {}
    for refs, hidden in ((change.masked, True), (change.unmasked, False)):
        for ref in refs:
            if ref in found:
                raise BadRequest(f"`{ref[:80]}` is to be changed twice", code="invalid")
            found[ref] = (_inside(asking, patient, ref), hidden)
    return found


def _inside(asking: Asking, patient: str, ref: str) -> Row:
    """Return a resource of the record; raise `NotFound`, the same for any other."""
    type_, _, id_ = ref.partition("/")
    row = asking.row(type_, id_)
    if row.acl.get(facts.PATIENT) != patient:
        raise unknown(type_, id_)
    return row


def _supposed(
    asking: Asking, policy: RecordPolicy, change: Change, at: int
) -> tuple[RecordPolicy, tuple[Reading, ...]]:
    """Return what the record would say of itself, and how each supposed Consent is read."""
    view, patient = asking.view, policy.patient
    gone = {_inside(asking, patient, ref).id for ref in change.withdrawn}
    added = {}
    for number, resource in enumerate(change.consents, start=1):
        id_ = str(resource.get("id") or f"{NAMELESS}-{number}")
        body = dumps({**resource, "id": id_})
        added[id_] = Row("Consent", id_, 0, view.at, body, {facts.PATIENT: patient})
    source = _Supposed(view.context.store, frozenset(gone), added)
    found = compiled(view.context, source, patient) or policy
    besides = frozenset(f"Consent/{id_}" for id_ in added)
    found = asking.known_of(found, besides=besides)
    read = {consent.id: consent for consent in found.consents}
    return found, tuple(_reading(id_, read.get(id_), at) for id_ in added)


class _Supposed:
    """The present, but for some Consents: a `Source` of policies."""

    def __init__(self, store: MongoStore, gone: frozenset[str], added: Mapping[str, Row]) -> None:
        self.get = store.get
        self._store = store
        self._gone = gone
        self._added = added

    def find(self, type_: str, predicate: Predicate) -> list[Row]:
        found = self._store.find(type_, predicate)
        if type_ != "Consent":
            return found
        away = self._gone | self._added.keys()
        return [*(row for row in found if row.id not in away), *self._added.values()]


def _reading(id_: str, found: ConsentPolicy | None, at: int) -> Reading:
    if found is None:
        return Reading(id_, "none", in_force=False, understood=True)
    holds_now = found.in_force.covers(at) and found.root.period.covers(at)
    effect = "permit" if found.root.permits else "deny"
    return Reading(id_, effect, holds_now, all(one.exact for one in _provisions(found.root)))


def _provisions(provision: Provision) -> Iterator[Provision]:
    yield provision
    for inner in provision.nested:
        yield from _provisions(inner)


# what it changes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two sights of one caller, and the rows that would have other facts."""

    asking: Asking
    patient: str
    now: StoredSight
    then: StoredSight
    rows: Mapping[str, Row]

    def difference(self, subject: Subject, limit: int) -> Difference:
        types = types_inside(self.asking)
        before = sum(self._count(all_of(*self._seen(type_)), type_) for type_ in types)
        gained = _Names(limit)
        lost = _Names(limit)
        for type_ in types:
            self._compare(type_, gained, lost)
        after = before + gained.count - lost.count
        return Difference(
            subject,
            before,
            after,
            gained.count,
            lost.count,
            tuple(gained.refs),
            tuple(lost.refs),
        )

    def _seen(self, type_: str) -> tuple[Predicate, Predicate]:
        scope = self.asking.scope(type_, self.patient)
        return scope, self.now.stored(type_, self.patient)

    def _compare(self, type_: str, gained: _Names, lost: _Names) -> None:
        own = [row for row in self.rows.values() if row.type == type_]
        scope, now = self._seen(type_)
        then = self.then.stored(type_, self.patient)
        if now != then:
            rest = negate(one_of("_id", (row.id for row in own))) if own else ALWAYS
            self._name(type_, all_of(scope, rest, then, negate(now)), gained)
            self._name(type_, all_of(scope, rest, now, negate(then)), lost)
        for row in own:
            stored = self.asking.view.context.store.get(type_, row.id)
            if stored is None or not holds(scope, _facts(stored)):
                continue
            known = holds(now, _facts(stored)), holds(then, _facts(row))
            if known == (False, True):
                gained.add(row.ref)
            if known == (True, False):
                lost.add(row.ref)

    def _name(self, type_: str, asked: Predicate, names: _Names) -> None:
        """Count what `asked` finds, and name the first of it by id."""
        room = names.room
        found = self.asking.view.context.store.find(type_, asked, limit=room + 1)
        for row in found[:room]:
            names.add(row.ref)
        if len(found) > room:
            names.count += self._count(asked, type_) - room

    def _count(self, asked: Predicate, type_: str) -> int:
        return self.asking.view.context.store.count(type_, asked)


class _Names:
    """Counts references, and keeps the first `limit`."""

    def __init__(self, limit: int) -> None:
        self.refs: list[str] = []
        self.count = 0
        self._limit = limit

    @property
    def room(self) -> int:
        return max(self._limit - len(self.refs), 0)

    def add(self, ref: str) -> None:
        self.count += 1
        if self.room:
            self.refs.append(ref)


def _facts(row: Row) -> Json:
    return {ACL: row.acl, "_id": row.id}
