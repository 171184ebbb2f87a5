"""What the facts of a record would be if some of its resources were masked, or no longer were.

Nothing is stored. What a mask changes elsewhere is followed as a write would follow it
(`effects`): documents that a masked one replaces take its labels, and what points carries the facts
of its targets, two steps deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Has, any_of, one_of
from fhir_server.records.chains import LONGEST_CHAIN, effective_labels
from fhir_server.records.facts import OWN, REPLACES, as_target
from fhir_server.records.governance import POINTERS, governance
from fhir_server.records.stored_sight import ACL
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row

Json = dict[str, Any]
MOST: Final = 1000
"""Resources whose facts one question may change."""
_STEPS: Final = 2
"""How deep what points carries the facts of its targets."""


def supposed_rows(store: MongoStore, masked: Mapping[str, tuple[Row, bool]]) -> dict[str, Row]:
    """Return the rows that would have other facts, with those, by `Type/id`.

    `masked` are the rows to change and whether each would be masked. Raises `BadRequest` over
    `MOST`.
    """
    labelled = {ref: _labelled(row, hidden) for ref, (row, hidden) in masked.items()}
    changed = {
        row.ref: row
        for row in _documents(store, labelled)
        if row.acl[facts.LABELS] != _now(row, masked, store)
    }
    changed |= {
        ref: row
        for ref, row in labelled.items()
        if row.type != "DocumentReference" and row.acl != masked[ref][0].acl
    }
    found, step = dict(changed), changed
    for _ in range(_STEPS):
        step = {row.ref: row for row in _pointing(store, step, found)}
        found |= step
        if len(found) > MOST:
            raise BadRequest(f"more than {MOST} resources would change", code="too-costly")
    return found


def _labelled(row: Row, hidden: bool) -> Row:
    """Return `row` with, or without, the label that masks it among its own."""
    own = set(row.acl.get(OWN, ())) - {facts.MASQUE_PS}
    own |= {facts.MASQUE_PS} if hidden else set()
    acl = {**row.acl, OWN: sorted(own)}
    if row.type != "DocumentReference":
        acl[facts.LABELS] = acl[OWN]
    return replace(row, acl=acl)


def _documents(store: MongoStore, labelled: Mapping[str, Row]) -> Iterator[Row]:
    """Yield the documents of `labelled`, and those they replace, with the labels in force."""

    def replacing(ref: str) -> list[Row]:
        newer = store.find("DocumentReference", Has("idx.relatesto", ref))
        return [labelled.get(row.ref, row) for row in newer]

    waiting = [row for row in labelled.values() if row.type == "DocumentReference"]
    seen: set[str] = set()
    for _ in range(LONGEST_CHAIN):
        older: list[str] = []
        for row in waiting:
            seen.add(row.ref)
            labels = effective_labels(row.ref, dict(row.acl), replacing)
            yield replace(row, acl={**row.acl, facts.LABELS: labels})
            older += (ref for ref in row.acl.get(REPLACES, ()) if ref not in seen)
        found = (store.get(*ref.split("/", 1)) for ref in dict.fromkeys(older))
        waiting = [labelled.get(row.ref, row) for row in found if row is not None]
        if not waiting:
            return


def _now(row: Row, masked: Mapping[str, tuple[Row, bool]], store: MongoStore) -> Any:
    stored = masked[row.ref][0] if row.ref in masked else store.get(row.type, row.id)
    return stored.acl[facts.LABELS] if stored is not None else None


def _pointing(
    store: MongoStore, step: Mapping[str, Row], found: Mapping[str, Row]
) -> Iterator[Row]:
    """Yield what points to `step`, with the facts that it would carry of it."""
    places = (facts.TARGETS, facts.CONTEXT)
    for type_ in store.types() if step else ():
        if governance()[type_].kind not in POINTERS:
            continue
        points = any_of(*(one_of(f"{ACL}.{place}.{facts.REF}", step) for place in places))
        for stored in store.find(type_, points, limit=MOST + 1):
            row = found.get(stored.ref, stored)
            carried = {
                place: list(_carried(row.acl[place], step)) for place in places if place in row.acl
            }
            yield replace(row, acl={**row.acl, **carried})


def _carried(targets: Iterable[Json], step: Mapping[str, Row]) -> Iterator[Json]:
    for target in targets:
        row = step.get(target[facts.REF])
        yield as_target(row) if row is not None else target
