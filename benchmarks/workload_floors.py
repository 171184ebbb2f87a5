"""The requests to the floors (`floors.py`): the same bodies as the server's own get."""

from __future__ import annotations

from random import Random

import msgspec

from benchmarks import floors as served
from benchmarks.dataset import Shape, scratch_names
from benchmarks.load import Shot
from benchmarks.messages import get, post
from benchmarks.operation import (
    CONSTANT,
    FEW,
    INSERT,
    MANY,
    STORED,
    STORED_PAGE,
    Operation,
    in_turn,
    insert_of,
)
from benchmarks.resources import document_id, new_document, new_documents
from benchmarks.workload_reads import PAGE, SEED, draw_documents

MOST_CONNECTIONS = 2
"""Of what carries `MANY` entries: more at once only wait for each other."""


def floors(shape: Shape) -> list[Operation]:
    """Return the floors; each is its own floor."""
    drawn = draw_documents(Random(SEED), shape)
    names = scratch_names()
    few = in_turn([_together(name, FEW) for name in names])
    many = in_turn([_together(name, MANY) for name in names[:MOST_CONNECTIONS]])
    constant = get("/constant", "", lambda body: body == served.CONSTANT)
    return [
        Operation(CONSTANT, in_turn([constant]), CONSTANT),
        Operation(STORED, in_turn([_stored(*each) for each in drawn]), STORED),
        Operation(STORED_PAGE, in_turn([_page(*each, shape) for each in drawn]), STORED_PAGE),
        Operation(INSERT, in_turn([_inserted(name) for name in names]), INSERT),
        Operation(insert_of(FEW), few, insert_of(FEW), weight=FEW),
        Operation(insert_of(MANY), many, insert_of(MANY), MOST_CONNECTIONS, weight=MANY),
    ]


def _stored(patient: str, number: int) -> Shot:
    name = document_id(patient, number)
    quoted = f'"{name}"'.encode()
    return get(f"/stored/{name}", "", lambda body: quoted in body)


def _page(patient: str, _: int, shape: Shape) -> Shot:
    """Ask for the newest documents of a record, whoever may know them."""
    expected = min(PAGE, shape.documents + 1)
    return get(f"/page/{patient}", "", lambda body: body.count(b'"resourceType"') >= expected)


def _inserted(patient: str) -> Shot:
    body = msgspec.json.encode(new_document(patient, 0))
    return post("/inserted", "", body, b"201", lambda got: got == body)


def _together(patient: str, entries: int) -> Shot:
    told = str(entries).encode()
    body = new_documents(patient, entries)
    return post("/inserted-together", "", body, b"200", lambda got: got == told)
