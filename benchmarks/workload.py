"""The operations that are measured: their requests, and what a right answer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from benchmarks.dataset import Shape, document, document_id, post_bundle, scratch_names
from benchmarks.floors import CONSTANT
from benchmarks.load import Shot

PAGE: Final = 20
ENTRIES: Final = 20
_MOST: Final = 2000
"""Different requests of one kind; then they come round again."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the report: `floor` says that it is not the server's own."""

    name: str
    shots: tuple[Shot, ...]
    floor: bool = False


def operations(shape: Shape, bearer: str, attending: str) -> list[Operation]:
    """Return everything measured, floors first; `bearer` is the care team doctor's token."""
    draw = Random(20220103)
    names = shape.names()
    some = [
        (name, draw.randrange(shape.documents))
        for name in draw.choices(names, k=min(_MOST, shape.patients * shape.documents))
    ]
    patients = draw.sample(names, min(_MOST, len(names)))
    scratch = scratch_names()
    return [
        Operation("floor: constant", (_get("/constant", "", lambda body: body == CONSTANT),), True),
        Operation("floor: stored body", tuple(_get(*_stored(*each)) for each in some), True),
        Operation("read", tuple(_get(*_read(*each, bearer)) for each in some)),
        Operation(
            "search page of 20",
            tuple(_get(*_search(name, shape.documents, bearer)) for name in patients),
        ),
        Operation(
            "search, next page",
            tuple(_get(*_counted(name, shape.documents, attending)) for name in patients),
        ),
        Operation("create", tuple(_create(name, bearer) for name in scratch)),
        Operation("transaction of 20", tuple(_transaction(name, bearer) for name in scratch)),
    ]


Check = Callable[[bytes], bool]


def _stored(patient: str, number: int) -> tuple[str, str, Check]:
    name = document_id(patient, number)
    quoted = f'"{name}"'.encode()
    return f"/stored/{name}", "", lambda body: quoted in body


def _read(patient: str, number: int, bearer: str) -> tuple[str, str, Check]:
    name = document_id(patient, number)
    quoted = f'"{name}"'.encode()
    return f"/fhir/DocumentReference/{name}", bearer, lambda body: quoted in body


def _search(patient: str, documents: int, bearer: str) -> tuple[str, str, Check]:
    """Ask as the care team: a whole page, and never the masked document."""
    expected = min(PAGE, documents)
    masked = f'"{document_id(patient, documents)}"'.encode()
    total = f'"total":{documents}'.encode()

    def is_right(body: bytes) -> bool:
        return body.count(b'"fullUrl"') == expected and total in body[:99] and masked not in body

    return f"/fhir/DocumentReference?{_page(patient)}", bearer, is_right


def _counted(patient: str, documents: int, bearer: str) -> tuple[str, str, Check]:
    """Ask as the attending doctor, who sees one more: a next page, so the total is counted."""
    expected = min(PAGE, documents + 1)
    total = f'"total":{documents + 1}'.encode()

    def is_right(body: bytes) -> bool:
        return body.count(b'"fullUrl"') == expected and total in body[:99]

    return f"/fhir/DocumentReference?{_page(patient)}", bearer, is_right


def _page(patient: str) -> str:
    return f"patient=Patient/{patient}&_sort=-date&_count={PAGE}"


def _create(patient: str, bearer: str) -> Shot:
    body = msgspec.json.encode(_new(patient, 0))
    return _post("/fhir/DocumentReference", bearer, body, b"201", lambda got: b'"versionId"' in got)


def _transaction(patient: str, bearer: str) -> Shot:
    body = post_bundle([_new(patient, number) for number in range(ENTRIES)])
    return _post("/fhir", bearer, body, b"200", lambda got: got.count(b'"201 ') == ENTRIES)


def _new(patient: str, number: int) -> dict[str, object]:
    return {name: value for name, value in document(patient, number).items() if name != "id"}


def _get(path: str, bearer: str, is_right: Check) -> Shot:
    return Shot(f"GET {path} HTTP/1.1\r\n{_head(bearer)}\r\n".encode(), b"200", is_right)


def _post(path: str, bearer: str, body: bytes, status: bytes, is_right: Check) -> Shot:
    head = (
        f"POST {path} HTTP/1.1\r\n{_head(bearer)}Content-Type: application/fhir+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return Shot(head.encode() + body, status, is_right)


def _head(bearer: str) -> str:
    token = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    return f"Host: 127.0.0.1\r\nAccept: application/fhir+json\r\n{token}"
