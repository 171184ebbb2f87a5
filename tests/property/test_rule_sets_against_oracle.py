"""Under any rule set, the engine and the query on a real MongoDB agree with the plain reading."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from pymongo.collection import Collection

from fhir_server.consent.engine import Sight
from fhir_server.consent.requester import Kind
from fhir_server.consent.ruleset import RuleSet
from fhir_server.predicate import holds, under
from fhir_server.records.stored_sight import ACL, StoredSight
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.query import to_query
from tests.oracle.consent import Oracle
from tests.oracle.records import NOW
from tests.oracle.rulesets import (
    OSTEOPATH,
    WIDER_MATRIX,
    a_concerned_requester,
    a_rule_set,
    concerned_records,
)
from tests.oracle.worlds import a_document

pytestmark = pytest.mark.proof

N = int(os.environ.get("PROVE_N", "0"))
TRIPLES = int(os.environ.get("PROVE_TRIPLES") or max(9000, 10 * N))
DOCUMENTS, CALLERS = 40, 15
WORLDS = max(TRIPLES // (DOCUMENTS * CALLERS), 4)

World = tuple[list[dict[str, Any]], list[tuple[Sight, Oracle]]]


@pytest.fixture
def collection(mongo_uri: str, database_name: str) -> Iterator[Collection[dict[str, Any]]]:
    with connect(mongo_uri) as client:
        yield client[database_name]["worlds"]


def world(seed: int) -> World:
    random = Random(seed)
    documents = [a_document(random) for _ in range(DOCUMENTS)]
    callers: list[tuple[Sight, Oracle]] = []
    for _ in range(CALLERS):
        law, who = a_rule_set(random), a_concerned_requester(random)
        known = concerned_records(random)
        oracle = Oracle(who, known, WIDER_MATRIX.readable, WIDER_MATRIX.rows, NOW, law)
        callers.append((StoredSight(who, WIDER_MATRIX, NOW, known, law), oracle))
    return documents, callers


def test_the_engine_decides_as_the_rules_read_plainly_under_any_rule_set() -> None:
    for seed in range(WORLDS):
        documents, callers = world(seed)
        for sight, oracle in callers:
            for document in documents:
                decided = sight.decide(document).permit
                told = (seed, sight.requester, sight.rule_set, document)
                assert decided == oracle.may_know(document), told


def test_the_query_finds_what_the_rules_let_the_caller_know_under_any_rule_set(
    collection: Collection[dict[str, Any]],
) -> None:
    for seed in range(min(WORLDS, 200)):
        documents, callers = world(seed)
        collection.delete_many({})
        collection.insert_many([{"_id": n, ACL: facts} for n, facts in enumerate(documents)])
        for sight, oracle in callers:
            found = {row["_id"] for row in collection.find(to_query(under(ACL, sight.known)))}
            wanted = {n for n, facts in enumerate(documents) if oracle.may_know(facts)}
            assert found == wanted, (seed, sight.requester, sight.rule_set)


@pytest.mark.parametrize("member", ["occupational_medicine", "representation", "role_professions"])
def test_what_a_rule_set_opens_is_opened_in_some_world(member: str) -> None:
    """The comparison above would prove nothing of a member that never had its say."""
    narrow = RuleSet(representation="minors-and-measures")
    wide = {"occupational_medicine": "express-consent", "representation": "token"}
    concerned = 0
    for seed in range(40):
        documents, callers = world(seed)
        for sight, _ in callers:
            value: Any = wide.get(member, True)
            wider = RuleSet(**{"representation": narrow.representation, member: value})
            laws = (narrow, wider)
            before, after = (
                Sight(sight.requester, WIDER_MATRIX, NOW, sight.policies, law).known for law in laws
            )
            for document in documents:
                assert holds(after, document) or not holds(before, document)
                concerned += holds(after, document) and not holds(before, document)
    assert concerned > 0


def test_the_kinds_and_professions_that_rule_sets_speak_of_are_drawn() -> None:
    callers = [sight.requester for seed in range(20) for sight, _ in world(seed)[1]]
    kinds = {one.kind for one in callers}
    assert {Kind.OCCUPATIONAL_MEDICINE, Kind.REPRESENTATIVE} <= kinds
    assert OSTEOPATH in {one.profession for one in callers}
