"""Contents too large to be held, and the files that they are in (ADR 0015)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.records.weight import HEAVIEST
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.large import CHUNKS, FILES, PIECE
from fhir_server.store.mongo.uploads import LARGEST_ROW
from tests.support.replies import Caller, Reply
from tests.support.world import World

PDF = "application/pdf"
SCAN = random.Random(15).randbytes(2 * PIECE + 1_000_001)  # three chunks, no multiple of three
LARGE = "x" * LARGEST_ROW  # base64 of something
HEAVY = "x" * (HEAVIEST // 12 * 4 + 4)  # two of them fit on a page, three don't
SUBSETTED = "SUBSETTED"


class Shelf:
    """The collections in which files lie."""

    def __init__(self, database: Any) -> None:
        self.files, self.chunks = database[FILES], database[CHUNKS]

    def __call__(self) -> tuple[int, int, int]:
        """Return how many files there are, how many of them pending, and how many chunks."""
        pending = self.files.count_documents({"pending": {"$exists": True}})
        return self.files.count_documents({}), pending, self.chunks.count_documents({})

    def lose_newest(self) -> None:
        """Lose the content of the file that was begun last."""
        [newest] = self.files.find().sort("uploadDate", -1).limit(1)
        assert self.chunks.delete_many({"files_id": newest["_id"]}).deleted_count


@pytest.fixture
def shelf(mongo_uri: str, module_database_name: str, world: World) -> Iterator[Shelf]:
    world.patient()
    with connect(mongo_uri) as client:
        yield Shelf(client[module_database_name])


@pytest.fixture
def unchanged(shelf: Shelf, world: World) -> Iterator[None]:
    """Nothing may be stored meanwhile, neither a file nor a resource."""
    before = shelf(), world.counts()
    yield
    assert (shelf(), world.counts()) == before


def deposit(by: Caller, content: bytes = SCAN, **headers: str) -> Reply:
    reply = by.send("POST", "Binary", content, PDF, **headers)
    assert reply.status == 201, reply.body
    return reply


def tags(resource: dict[str, Any]) -> list[str]:
    return [tag["code"] for tag in resource["meta"].get("tag", ())]


def native(by: Caller, id_: str, **headers: str) -> Reply:
    return by.get(f"Binary/{id_}", Accept=PDF, **headers)
