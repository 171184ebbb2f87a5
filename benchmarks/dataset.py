"""Generate the records that are measured: one by the server's own transactions, then its copies.

Every patient has the same two doctors: one of the care team, who asks, and the attending one. A
record holds `documents` that both may read, and one more that the patient masked: the doctor of the
care team must never meet it, which is what the answers are checked for.

What is written to are patients of their own, so that what is searched stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from benchmarks.resources import Json, directory, document, document_id, put_bundle, record
from fhir_server.app import open_records
from fhir_server.consent.requester import TRUSTED
from fhir_server.interactions.exchange import Exchange
from fhir_server.interactions.transaction import transaction
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore

SCRATCH: Final = 64
CHANGED: Final = 8
"""Documents of each scratch patient that are updated and patched."""
LONG_LIVED: Final = CHANGED
"""Number of the document of each scratch patient whose history is read."""
VERSIONS: Final = 5
STOCK_SUFFIX: Final = "-s0000000"
"""Ends the id of the document whose copies are deleted (`stock.py`)."""
_GROUP: Final = 64
_OF_PATIENT: Final = {
    "Patient": "_id",
    "CareTeam": "acl.patient",
    "DocumentReference": "acl.patient",
    "DocumentReference.history": "acl.patient",
    "record_policy": "_id",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape:
    """How many patients, and how many readable documents each has."""

    patients: int = 1000
    documents: int = 20

    def names(self) -> list[str]:
        """Return the logical ids of the patients that are read and searched."""
        return [f"bench-{number:05d}" for number in range(self.patients)]


def scratch_names() -> list[str]:
    """Return the logical ids of the patients that are written to."""
    return [f"scratch-{number:03d}" for number in range(SCRATCH)]


def load(settings: Settings, shape: Shape, progress: Callable[[int, int], None]) -> None:
    """Write one record through the server's transactions, then copies of what that stored.

    A copy differs from its original in the patient's id alone, which is as long, so the bytes that
    MongoDB keeps are right with one replaced by the other. Tell `progress` (done, all).
    """
    with connect(settings.mongodb_uri or "") as client:
        records = open_records(settings, store=MongoStore(client, settings.database))
        for resources in (
            directory(),
            *_groups(record(shape.names()[0], shape.documents)),
            *_scratch(scratch_names()[0]),
        ):
            view = records.as_seen_by(TRUSTED, request_id="bench-load")
            transaction(Exchange(view, settings.fhir_url), put_bundle(resources))
        database = client[settings.database]
        _copy(database, shape.names(), progress)
        _copy(database, scratch_names(), lambda _, __: None)


def _scratch(patient: str) -> Iterator[list[Json]]:
    """Yield what one scratch patient is made of, a transaction each."""
    stock = document(patient, LONG_LIVED + 1) | {"id": patient + STOCK_SUFFIX}
    changed = [document(patient, number) for number in range(CHANGED)]
    yield [*record(patient, 0), *changed, stock]
    for version in range(VERSIONS):
        told = {"description": f"Document fictif, version {version + 1}."}
        yield [document(patient, LONG_LIVED) | told]


def long_lived_ids() -> list[str]:
    """Return the ids of the documents that have `VERSIONS` versions."""
    return [document_id(name, LONG_LIVED) for name in scratch_names()]


def _copy(database: Database[Json], names: list[str], progress: Callable[[int, int], None]) -> None:
    """Copy the record of the first of `names` for each of the others."""
    originals = _stored_of(database, names[0])
    done = 1
    for some in _groups(names[1:]):
        for collection, documents in originals.items():
            database[collection].insert_many(copies(documents, names[0], some))
        done += len(some)
        progress(done, len(names))


def _stored_of(database: Database[Json], patient: str) -> dict[str, list[bytes]]:
    """Return what is stored of one record, as BSON, by collection."""
    return {
        name: documents
        for name, path in _OF_PATIENT.items()
        if (documents := [bson.encode(found) for found in database[name].find({path: patient})])
    }


def copies(documents: list[bytes], original: str, names: list[str]) -> list[RawBSONDocument]:
    """Return `documents`, encoded, with each of `names` in the place of `original`."""
    if any(len(name) != len(original) for name in names):
        raise ValueError("a copy's id must be as long as the original's")
    return [
        RawBSONDocument(document.replace(original.encode(), name.encode()))
        for name in names
        for document in documents
    ]


def _groups(items: list[T]) -> Iterator[list[T]]:
    left = iter(items)
    while group := list(islice(left, _GROUP)):
        yield group
