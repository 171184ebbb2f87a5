"""The engine and the push-down on a real MongoDB agree with the plain reading of the rules.

`PROVE_TRIPLES`, or ten times `PROVE_N`, sets how many (caller, records, document) triples are tried; each world is drawn
from its seed, which the failure shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from pymongo.collection import Collection

from fhir_server.consent.engine import Sight
from fhir_server.predicate import under
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.query import to_query
from tests.oracle.consent import Oracle
from tests.oracle.records import MATRIX, NOW
from tests.oracle.worlds import a_document, a_requester, records

pytestmark = pytest.mark.proof

N = int(os.environ.get("PROVE_N", "0"))
TRIPLES = int(os.environ.get("PROVE_TRIPLES") or max(6000, 10 * N))
DOCUMENTS, CALLERS = 50, 10
PUSHED = max(TRIPLES // (DOCUMENTS * CALLERS), 4)


@pytest.fixture
def collection(mongo_uri: str, database_name: str) -> Iterator[Collection[dict[str, Any]]]:
    with connect(mongo_uri) as client:
        yield client[database_name]["worlds"]


def world(seed: int) -> tuple[list[dict[str, Any]], list[tuple[Sight, Oracle]]]:
    random = Random(seed)
    documents = [a_document(random) for _ in range(DOCUMENTS)]
    callers = []
    for _ in range(CALLERS):
        requester, known = a_requester(random), records(random)
        oracle = Oracle(requester, known, MATRIX.readable, MATRIX.rows, NOW)
        callers.append((Sight(requester, MATRIX, NOW, known), oracle))
    return documents, callers


def test_the_engine_decides_as_the_rules_read_plainly() -> None:
    for seed in range(max(TRIPLES // (DOCUMENTS * CALLERS), 4)):
        documents, callers = world(seed)
        for sight, oracle in callers:
            for document in documents:
                decided = sight.decide(document).permit
                assert decided == oracle.may_know(document), (seed, sight.requester, document)


def test_the_query_finds_exactly_what_the_rules_let_the_caller_know(
    collection: Collection[dict[str, Any]],
) -> None:
    for seed in range(PUSHED):
        documents, callers = world(seed)
        collection.delete_many({})
        collection.insert_many([{"_id": n, "acl": facts} for n, facts in enumerate(documents)])
        for sight, oracle in callers:
            found = {row["_id"] for row in collection.find(to_query(under("acl", sight.known)))}
            wanted = {n for n, facts in enumerate(documents) if oracle.may_know(facts)}
            assert found == wanted, (seed, sight.requester)


def test_the_worlds_are_neither_all_open_nor_all_closed() -> None:
    opened = tried = 0
    for seed in range(12):
        documents, callers = world(seed)
        for sight, oracle in callers:
            if sight.requester.kind not in ("trusted-system", "patient", "representative"):
                tried += len(documents)
                opened += sum(map(oracle.may_know, documents))
    assert 0.1 < opened / tried < 0.7
