"""The searches whose growth is measured, and what a right answer is.

What each finds is as much in every size: only what is searched in grows.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final
from urllib.parse import quote

from benchmarks.dataset import Shape
from benchmarks.load import Shot
from benchmarks.messages import get
from benchmarks.operation import STORED, Callers, Operation, in_turn
from benchmarks.resources import document, document_id

SEED: Final = 20220103
_MOST: Final = 500
"""Different records asked for; fewer where there are fewer."""
BIOLOGY: Final = "11502-2"


def searches(shape: Shape, callers: Callers) -> list[Operation]:
    """Return them: by record as the doctor of the care team, across records as the system."""
    names = Random(SEED).sample(shape.names(), min(_MOST, shape.patients))
    own, all_ = callers.care_team, callers.trusted
    typed = sum(_code(number) == BIOLOGY for number in range(shape.documents))

    def planned(name: str, shot: Callable[[str], Shot]) -> Operation:
        return Operation(name, in_turn([shot(patient) for patient in names]), STORED)

    def page(query: str, found: int, bearer: str) -> Callable[[str], Shot]:
        def shot(patient: str) -> Shot:
            masked = f'"{document_id(patient, shape.documents)}"'.encode()
            return _search(query.format(patient=patient), bearer, found, masked)

        return shot

    return [
        planned(
            "by patient, newest first",
            page("patient=Patient/{patient}&_sort=-date", shape.documents, own),
        ),
        planned(
            "by patient and type, newest first",
            page(f"patient={{patient}}&type={LOINC}|{BIOLOGY}&_sort=-date", typed, own),
        ),
        planned(
            "by patient and date",
            page("patient={patient}&date=ge2010&_sort=-date", shape.documents, own),
        ),
        planned(
            "patient.identifier, newest first",
            page(
                "patient.identifier=urn:bench:patient|{patient}&_sort=-date", shape.documents, own
            ),
        ),
        planned(
            "identifier and date, all records",
            page(f"identifier={URI}|urn:bench:{{patient}}:3&date=ge2010", 1, all_),
        ),
    ]


LOINC: Final = "http://loinc.org"
URI: Final = "urn:ietf:rfc:3986"


def _code(number: int) -> str:
    return str(document("", number)["type"]["coding"][0]["code"])


def _search(query: str, bearer: str, found: int, masked: bytes) -> Shot:
    """Ask for a page that holds all that is found, and never the masked document."""
    total = f'"total":{found}'.encode()

    def is_right(body: bytes) -> bool:
        return body.count(b'"fullUrl"') == found and total in body[:99] and masked not in body

    address = f"/fhir/DocumentReference?{quote(query, safe='=&|:/')}&_count=20"
    return get(address, bearer, is_right)
