"""The operations that write: their requests, and what a right answer is.

What is changed or deleted was written by the attending doctor, who therefore may. One document is
never in two requests at a time: what is measured is the cost of a write, not of a conflict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import msgspec

from benchmarks.dataset import CHANGED, scratch_names
from benchmarks.load import Shot
from benchmarks.messages import JSON_PATCH, message, post
from benchmarks.operation import (
    FEW,
    INSERT,
    MANY,
    Callers,
    Operation,
    in_turn,
    insert_of,
)
from benchmarks.resources import (
    Json,
    document,
    document_id,
    new_document,
    new_documents,
    patient_resource,
    with_doctor,
)
from benchmarks.stock import Stock
from benchmarks.workload_floors import MOST_CONNECTIONS

_MOST_MEETING = 8
"""Connections whose writes meet on one doctor: with more, some would be answered 503."""


def writes(callers: Callers, stock: Stock) -> list[Operation]:
    """Return them; `stock` is what there is to delete."""
    names, changing = scratch_names(), _Changing()
    team, author = callers.care_team, callers.attending
    few = in_turn([_transaction(name, FEW, team) for name in names])
    many = in_turn([_transaction(name, MANY, team) for name in names[:MOST_CONNECTIONS]])
    patients = [patient_resource(name) for name in names]
    alone = in_turn([_create_patient(each, callers.trusted) for each in patients])
    shared = in_turn([_create_patient(with_doctor(each), callers.trusted) for each in patients])
    return [
        Operation("create Patient", alone, INSERT),
        Operation("create Patient, same GP", shared, INSERT, _MOST_MEETING),
        Operation(
            "create DocumentReference", in_turn([_create(name, team) for name in names]), INSERT
        ),
        Operation("update, If-Match", partial(changing.updates, author), INSERT),
        Operation("JSON patch", partial(changing.patches, author), INSERT),
        Operation("delete", partial(_deletions, stock, author), INSERT),
        Operation(f"transaction of {FEW}", few, insert_of(FEW), weight=FEW // 2),
        Operation(f"transaction of {MANY}", many, insert_of(MANY), MOST_CONNECTIONS, weight=MANY),
    ]


@dataclass(slots=True)
class _Document:
    """A document that is changed again and again; `version` is the current one."""

    patient: str
    number: int
    version: int = 1

    @property
    def path(self) -> str:
        return f"/fhir/DocumentReference/{document_id(self.patient, self.number)}"

    @property
    def description(self) -> str:
        """Say what the next version says."""
        return f"Document fictif numéro {self.number}, version {self.version + 1}."

    def is_next(self, body: bytes) -> bool:
        version = f'"versionId":"{self.version + 1}"'.encode()
        return version in body and self.description.encode() in body


class _Changing:
    """The documents that are changed; those in flight are not among the `_free`."""

    def __init__(self) -> None:
        names = scratch_names()
        self._free = deque(_Document(name, n) for n in range(CHANGED) for name in names)

    def updates(self, bearer: str) -> Iterator[Shot]:
        while self._free:
            taken = self._free.popleft()
            told = {"description": taken.description}
            body = msgspec.json.encode(document(taken.patient, taken.number) | told)
            request = message("PUT", taken.path, bearer, body, if_match=taken.version)
            yield Shot(request, b"200", taken.is_next, partial(self._changed, taken))

    def patches(self, bearer: str) -> Iterator[Shot]:
        while self._free:
            taken = self._free.popleft()
            operation = {"op": "replace", "path": "/description", "value": taken.description}
            body = msgspec.json.encode([operation])
            request = message("PATCH", taken.path, bearer, body, content_type=JSON_PATCH)
            yield Shot(request, b"200", taken.is_next, partial(self._changed, taken))

    def _changed(self, taken: _Document) -> None:
        taken.version += 1
        self._free.append(taken)


def _deletions(stock: Stock, bearer: str) -> Iterator[Shot]:
    stock.fill()
    while (id_ := stock.take()) is not None:
        request = message("DELETE", f"/fhir/DocumentReference/{id_}", bearer)
        yield Shot(request, b"204", lambda body: not body)


def _create(patient: str, bearer: str) -> Shot:
    body = msgspec.json.encode(new_document(patient, 0))
    return post("/fhir/DocumentReference", bearer, body, b"201", _is_first_version)


def _create_patient(patient: Json, bearer: str) -> Shot:
    body = msgspec.json.encode(patient)
    return post("/fhir/Patient", bearer, body, b"201", _is_first_version)


def _is_first_version(body: bytes) -> bool:
    return b'"versionId":"1"' in body


def _transaction(patient: str, entries: int, bearer: str) -> Shot:
    body = new_documents(patient, entries)
    return post("/fhir", bearer, body, b"200", lambda got: got.count(b'"201 ') == entries)
