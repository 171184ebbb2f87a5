"""Why one caller knows each resource of a record, or does not, told to who may ask (`asking`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from fhir_server.consent import facts
from fhir_server.consent.explaining import Explanation, explain
from fhir_server.fhir.errors import Unprocessable
from fhir_server.predicate import After, Predicate, all_of, one_of
from fhir_server.records.asking import Asking, Subject
from fhir_server.records.governance import governance
from fhir_server.records.past import Past
from fhir_server.records.stored_sight import StoredSight
from fhir_server.records.trace import Touched
from fhir_server.records.weight import fitting
from fhir_server.store.rows import Row

_INSIDE: Final = frozenset({"patient", "record", "pointer", "binary", "policy", "careteam"})
"""Governances of what a record holds; the access log has rules and searches of its own."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One resource in the version that was judged, and why it is known or not."""

    ref: str
    version: int
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Question:
    """About whom, and when: `at` in microseconds, None for now. `asked` is told to the log."""

    subject: Subject
    at: int | None = None
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which resources of a record: all when both are empty. `refs` are ids by type."""

    types: Sequence[str] = ()
    refs: Mapping[str, frozenset[str]] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered: some resources of one record (`patient`, empty for none), as of `at`.

    `total` resources are asked about and `known` of them are known, both None where that is not
    counted: for one resource, and in the past. `last` is the `(type, id)` after which the next
    page begins. `consents` are those that the record consists of, `Consent/id/_history/version`,
    and `state` is the instant at which everything was read.
    """

    patient: str
    at: int
    state: int
    consents: tuple[str, ...]
    resources: tuple[Explained, ...]
    total: int | None = None
    known: int | None = None
    last: tuple[str, str] | None = None


def then(asking: Asking, at: int | None) -> Past | None:
    """Return the past when `at` lies there; the future is judged by what is stored now."""
    return Past(asking.view.context, at) if at is not None and at < asking.view.at else None


def explain_resource(asking: Asking, question: Question, type_: str, id_: str) -> Page:
    """Explain one resource. Raises `NotFound`, the same for hidden and absent."""
    if governance()[type_].kind == "trace":
        raise Unprocessable(
            "the access log is not explained; ask about the resources that it names",
            code="not-supported",
        )
    past = then(asking, question.at)
    row = asking.row(type_, id_) if past is None else asking.row_then(type_, id_, past)
    patient = row.acl.get(facts.PATIENT, "")
    judged = _Judged.of(asking, question, patient, past)
    _trace(asking, question, patient, [row])
    return judged.page([row])


def explain_record(
    asking: Asking,
    question: Question,
    patient: str,
    wanted: Wanted,
    *,
    count: int,
    after: tuple[str, str] | None = None,
) -> Page:
    """Explain `count` resources of record `patient`, by type and id, beyond `after`.

    Raises `NotFound` unless the question may be about the Patient.
    """
    asking.row("Patient", patient)
    past = then(asking, question.at)
    judged = _Judged.of(asking, question, patient, past)
    rows: list[Row] = []
    for type_ in types_inside(asking, wanted.types):
        if after is not None and type_ < after[0]:
            continue
        scope = _scope(asking, type_, patient, wanted)
        if after is not None and type_ == after[0]:
            scope = all_of(scope, After("_id", after[1]))
        rows += asking.view.context.store.find(type_, scope, limit=count + 1 - len(rows))
        if len(rows) > count:
            break
    kept = fitting(rows, count)
    more, rows = len(rows) > kept, rows[:kept]
    last = (rows[-1].type, rows[-1].id) if more else None
    shown = rows if past is None else _as_they_were(asking, rows, past)
    _trace(asking, question, patient, shown)
    total, known = (None, None) if past else _counts(asking, patient, wanted, judged.sight)
    return replace(judged.page(shown), total=total, known=known, last=last)


def types_inside(asking: Asking, wanted: Sequence[str] = ()) -> list[str]:
    """Return the stored types of what a record holds; those of `wanted` alone, if any are."""
    stored = asking.view.context.store.types()
    return [
        type_
        for type_ in stored
        if governance()[type_].kind in _INSIDE and (not wanted or type_ in wanted)
    ]


def _scope(asking: Asking, type_: str, patient: str, wanted: Wanted) -> Predicate:
    scope = asking.scope(type_, patient)
    if wanted.refs is None:
        return scope
    return all_of(scope, one_of("_id", wanted.refs.get(type_, ())))


def _as_they_were(asking: Asking, rows: Sequence[Row], past: Past) -> list[Row]:
    """Return the versions of that instant; of what was not there yet, none."""
    found = (asking.version_then(row.ref, past) for row in rows)
    return [row for row in found if row is not None]


@dataclass(frozen=True, slots=True)
class _Judged:
    """What all resources of one answer are judged by."""

    patient: str
    sight: StoredSight
    state: int
    consents: tuple[str, ...]

    @classmethod
    def of(cls, asking: Asking, question: Question, patient: str, past: Past | None) -> Self:
        policy = asking.policy(patient, past)
        at = asking.view.at if question.at is None else question.at
        consents = () if policy is None else policy.consents
        return cls(
            patient,
            asking.sight(question.subject, policy, at),
            asking.view.at if past is None else past.at,
            tuple(sorted(f"Consent/{one.id}/_history/{one.version}" for one in consents)),
        )

    def page(self, rows: Sequence[Row]) -> Page:
        found = (Explained(row.ref, row.version, explain(self.sight, row.acl)) for row in rows)
        return Page(self.patient, self.sight.at, self.state, self.consents, tuple(found))


def _counts(asking: Asking, patient: str, wanted: Wanted, sight: StoredSight) -> tuple[int, int]:
    """Count what is asked about, and what of it the subject knows: each by queries alone."""
    store = asking.view.context.store
    total = known = 0
    for type_ in types_inside(asking, wanted.types):
        scope = _scope(asking, type_, patient, wanted)
        total += store.count(type_, scope)
        known += store.count(type_, all_of(scope, sight.stored(type_, patient)))
    return total, known


def _trace(asking: Asking, question: Question, patient: str, rows: Sequence[Row]) -> None:
    tracer = asking.view.tracer
    touched = [Touched(row.ref, row.acl.get(facts.PATIENT, "")) for row in rows]
    tracer.commit(tracer.entries("operation", touched, patient=patient, query=question.asked))
