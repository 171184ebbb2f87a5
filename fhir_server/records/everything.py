"""The whole of one record, as one requester may see it, in pages by type and id.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.consent import facts
from fhir_server.definitions import compartment
from fhir_server.predicate import After, Has, Predicate, all_of, one_of
from fhir_server.records.care import care_within
from fhir_server.records.governance import governance
from fhir_server.records.seeing import ACL
from fhir_server.records.stored_sight import StoredSight
from fhir_server.records.trace import Touched
from fhir_server.records.view import View
from fhir_server.records.weight import check_included, fitting
from fhir_server.store.rows import Row

_AROUND: Final = frozenset({"directory", "knowledge"})
"""What a record refers to and does not hold: who, where, with which product."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a record; instants are in microseconds, None for any.

    `types` are all of the compartment when empty, `since` bounds changes, `start` and `end` care.
    """

    types: tuple[str, ...] = ()
    since: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """One page; `last` is the `(type, id)` after which the next one begins."""

    rows: tuple[Row, ...]
    referenced: tuple[Row, ...]
    total: int
    last: tuple[str, str] | None


def everything(
    view: View, patient: str, wanted: Wanted, *, count: int, after: tuple[str, str] | None
) -> Gathered:
    """Return one page of what the requester may know of record `patient`.

    Raises `NotFound` unless they may know the Patient itself.
    """
    view.read("Patient", patient, interaction="operation")
    sight = view.seeing.sight((patient,))
    types = [type_ for type_ in _types(view, wanted.types) if after is None or type_ >= after[0]]
    rows: list[Row] = []
    for type_ in types:
        asked = _asked(view, type_, patient, wanted, sight)
        if after is not None and type_ == after[0]:
            asked = all_of(asked, After("_id", after[1]))
        missing = count + 1 - len(rows)
        rows += view.context.store.find(type_, asked, limit=missing, indexed=True)
        if len(rows) > count:
            break
    kept = fitting(rows, count)
    more, rows = len(rows) > kept, rows[:kept]
    total = len(rows) if not more and after is None else _count(view, patient, wanted, sight)
    referenced = list(_referenced(view, rows, sight))
    check_included(referenced)
    _trace(view, patient, [*rows, *referenced])
    last = (rows[-1].type, rows[-1].id) if more else None
    return Gathered(tuple(map(view.shown, rows)), tuple(map(view.shown, referenced)), total, last)


def _types(view: View, wanted: Sequence[str]) -> list[str]:
    """Return the stored types of the compartment; the traces only when they are asked for."""
    inside = {"Patient", *compartment("Patient")}
    stored = inside.intersection(view.context.store.types())
    usual = {type_ for type_ in stored if governance()[type_].kind != "trace"}
    return sorted(stored.intersection(wanted) if wanted else usual)


def _asked(view: View, type_: str, patient: str, wanted: Wanted, sight: StoredSight) -> Predicate:
    parts = [Has(f"{ACL}.{facts.PATIENT}", patient), view.seeing.known(type_, sight)]
    if wanted.since is not None:
        parts.append(After("updated", wanted.since, inclusive=True))
    return all_of(*parts, care_within(type_, wanted.start, wanted.end))


def _count(view: View, patient: str, wanted: Wanted, sight: StoredSight) -> int:
    return sum(
        view.context.store.count(type_, _asked(view, type_, patient, wanted, sight))
        for type_ in _types(view, wanted.types)
    )


def _referenced(view: View, rows: Sequence[Row], sight: StoredSight) -> Iterator[Row]:
    """Yield the people, places and products that the rows name, each once."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        for values in row.idx.values():
            for value in values if isinstance(values, list) else ():
                type_, slash, id_ = value.partition("/") if isinstance(value, str) else ("", "", "")
                known = governance().get(type_)
                if slash and known is not None and known.kind in _AROUND:
                    wanted.setdefault(type_, set()).add(id_)
    for type_, ids in sorted(wanted.items()):
        known_to = view.seeing.known(type_, sight)
        yield from view.context.store.find(type_, all_of(one_of("_id", ids), known_to))


def _trace(view: View, patient: str, rows: Sequence[Row]) -> None:
    touched = [Touched(row.ref, row.acl.get(facts.PATIENT, "")) for row in rows]
    view.tracer.commit(view.tracer.entries("operation", touched, patient=patient))
