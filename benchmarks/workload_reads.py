"""The operations that read: their requests, and what a right answer is."""

from __future__ import annotations

from random import Random
from typing import Final

from benchmarks.dataset import VERSIONS, Shape, long_lived_ids
from benchmarks.load import Shot
from benchmarks.messages import Check, get, post
from benchmarks.operation import FEW, STORED, STORED_PAGE, Callers, Operation, in_turn
from benchmarks.resources import batch_of_reads, document_id

SEED: Final = 20220103
PAGE: Final = 20
_MOST: Final = 2000
"""Different requests of one kind; then they come round again."""


def reads(shape: Shape, callers: Callers) -> list[Operation]:
    """Return them; most are asked by the doctor of the care team."""
    draw = Random(SEED)
    drawn = draw_documents(draw, shape)
    patients = draw.sample(shape.names(), min(_MOST, shape.patients))
    batches = [draw.choices(drawn, k=FEW) for _ in range(min(_MOST // FEW, shape.patients))]
    team, pages = callers.care_team, range(len(patients))
    first = [_search(patients[n], shape.documents, team) for n in pages]
    counted = [_counted(patients[n], shape.documents, callers.attending) for n in pages]
    chained = [_chained(patients[n], shape.documents, team) for n in pages]
    return [
        Operation("read", in_turn([_read(*each, team) for each in drawn]), STORED),
        Operation("history", in_turn([_history(id_, team) for id_ in long_lived_ids()]), STORED),
        Operation("search page of 20", in_turn(first), STORED_PAGE),
        Operation("search, next page", in_turn(counted), STORED_PAGE),
        Operation("search, patient.identifier", in_turn(chained), STORED_PAGE),
        Operation(
            "batch of 20 reads", in_turn([_batch(each, team) for each in batches]), STORED, weight=5
        ),
    ]


def draw_documents(draw: Random, shape: Shape) -> list[tuple[str, int]]:
    """Return readable documents, by patient and number, that are asked for one after another."""
    count = min(_MOST, shape.patients * shape.documents)
    return [
        (name, draw.randrange(shape.documents)) for name in draw.choices(shape.names(), k=count)
    ]


def _read(patient: str, number: int, bearer: str) -> Shot:
    name = document_id(patient, number)
    quoted = f'"{name}"'.encode()
    return get(f"/fhir/DocumentReference/{name}", bearer, lambda body: quoted in body)


def _history(id_: str, bearer: str) -> Shot:
    versions = [f'"versionId":"{number + 1}"'.encode() for number in range(VERSIONS)]
    total = f'"total":{VERSIONS}'.encode()

    def is_right(body: bytes) -> bool:
        return total in body[:99] and all(body.count(version) == 1 for version in versions)

    return get(f"/fhir/DocumentReference/{id_}/_history", bearer, is_right)


def _batch(documents: list[tuple[str, int]], bearer: str) -> Shot:
    names = [document_id(*each) for each in documents]
    quoted = [f'"id":"{name}"'.encode() for name in names]

    def is_right(body: bytes) -> bool:
        return body.count(b'"200 OK"') == len(names) and all(each in body for each in quoted)

    bundle = batch_of_reads([f"DocumentReference/{name}" for name in names])
    return post("/fhir", bearer, bundle, b"200", is_right)


def _search(patient: str, documents: int, bearer: str) -> Shot:
    """Ask as the care team: a whole page, and never the masked document."""
    return _page(f"patient=Patient/{patient}", bearer, _without_masked(patient, documents))


def _chained(patient: str, documents: int, bearer: str) -> Shot:
    """Ask for the same, by the number that the patient bears."""
    asked = f"patient.identifier=urn:bench:patient%7C{patient}"
    return _page(asked, bearer, _without_masked(patient, documents))


def _without_masked(patient: str, documents: int) -> Check:
    expected = min(PAGE, documents)
    masked = f'"{document_id(patient, documents)}"'.encode()
    total = f'"total":{documents}'.encode()

    def is_right(body: bytes) -> bool:
        return body.count(b'"fullUrl"') == expected and total in body[:99] and masked not in body

    return is_right


def _counted(patient: str, documents: int, bearer: str) -> Shot:
    """Ask as the attending doctor, who sees one more: a next page, so the total is counted."""
    expected = min(PAGE, documents + 1)
    total = f'"total":{documents + 1}'.encode()

    def is_right(body: bytes) -> bool:
        return body.count(b'"fullUrl"') == expected and total in body[:99]

    return _page(f"patient=Patient/{patient}", bearer, is_right)


def _page(asked: str, bearer: str, is_right: Check) -> Shot:
    query = f"{asked}&_sort=-date&_count={PAGE}"
    return get(f"/fhir/DocumentReference?{query}", bearer, is_right)
