"""What is kept of a professional's whole list is what their policies say now, on every worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from fhir_server.consent.engine import Sight
from fhir_server.consent.policy import RecordPolicy, as_json, from_json
from fhir_server.consent.requester import Kind, Requester
from fhir_server.predicate import ALWAYS, holds
from fhir_server.records.patient_list import ListSight
from fhir_server.records.sights import Sights
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import PolicyRow
from tests.oracle import records as oracle
from tests.oracle.records import DAY, MATRIX, NOW
from tests.oracle.worlds import PATIENTS, RPPS, a_document, a_record, a_requester

RECORDS = (*PATIENTS, "chloe", "denis", "elise", "farid")
LISTED = (Kind.PROFESSIONAL, Kind.SAMU_REGULATOR, Kind.REFERENCED_SERVICE)
DOCTOR = Requester(Kind.PROFESSIONAL, rpps=RPPS[0], profession="G15_10")
KEY = f"rpps:{DOCTOR.rpps}"
WORLDS = 12
STEPS = 12


@pytest.fixture
def store(mongo_uri: str, database_name: str) -> Iterator[MongoStore]:
    with connect(mongo_uri) as client:
        made = MongoStore(client, database_name)
        made.prepare()
        yield made


def changed(store: MongoStore, random: Random) -> None:
    """Give some records another policy, all in one transaction; now and then take it away."""

    def work(unit: Unit) -> None:
        for patient in sorted(random.sample(RECORDS, random.randint(1, 2))):
            if random.random() < 0.2:
                unit.drop_policy(patient)
                continue
            policy = a_record(random, patient)
            keys = tuple(sorted(policy.keys()))
            unit.put_policy(PolicyRow(patient, "", as_json(policy), keys))

    store.transact(work)


def put(store: MongoStore, *rows: PolicyRow) -> None:
    def work(unit: Unit) -> None:
        for row in rows:
            unit.put_policy(row)

    store.transact(work)


def a_row(patient: str, *, is_open: bool) -> PolicyRow:
    """Return a policy that names the doctor, and opens the record or is closed."""
    links = (oracle.in_team(KEY),)
    body = as_json(RecordPolicy(patient, "", closed=not is_open, links=links))
    return PolicyRow(patient, "", body, (KEY,))


def stored(store: MongoStore) -> tuple[RecordPolicy, ...]:
    """Return every policy, whomever it names."""
    rows = store.policies(ALWAYS)
    return tuple(from_json(row.patient, row.version, row.body) for row in rows)


def naming(caller: Requester, policies: tuple[RecordPolicy, ...]) -> tuple[RecordPolicy, ...]:
    """Return the policies that make up the list of `caller`, as all of them are read."""
    return tuple(
        policy
        for policy in policies
        if policy.keys() & caller.keys or policy.patient == caller.patient
    )


def a_professional(random: Random) -> Requester:
    while True:
        found = a_requester(random)
        if found.kind in LISTED:
            return found


def documents(random: Random) -> list[dict[str, Any]]:
    found = [a_document(random) for _ in range(30)]
    for document in found:
        if "patient" in document:
            document["patient"] = random.choice(RECORDS)
    return found


def test_a_list_knows_what_a_sight_of_all_policies_knows_after_every_change(
    store: MongoStore,
) -> None:
    known = 0
    for seed in range(WORLDS):
        random = Random(seed)
        workers = [Sights(store, MATRIX), Sights(store, MATRIX)]
        callers = [a_professional(random) for _ in range(4)]
        at = NOW - 10 * DAY
        for _ in range(STEPS):
            changed(store, random)
            at += random.choice((0, 0, 1, 5 * DAY))
            policies, facts = stored(store), documents(random)
            for caller in callers:
                plain = Sight(caller, MATRIX, at, naming(caller, policies))
                # One worker was asked a change ago, the other now and then.
                for worker in workers if random.random() < 0.3 else workers[:1]:
                    found = worker.of(caller, at, None)
                    for document in facts:
                        wanted = holds(plain.known, document)
                        assert holds(found.known, document) == wanted, (seed, caller, document)
                        known += wanted
                    assert found.rules_used() == plain.rules_used(), (seed, caller)
    assert known > WORLDS


def test_nothing_is_read_again_while_no_policy_changes(store: MongoStore) -> None:
    random = Random(1)
    for _ in range(5):
        changed(store, random)
    sights, later = Sights(store, MATRIX), NOW + 20 * DAY
    first = sights.of(DOCTOR, later, None)
    assert isinstance(first, ListSight)
    assert sights.of(DOCTOR, later + 1, None) is first
    put(store, PolicyRow("gaelle", "", as_json(RecordPolicy("gaelle", ""))))
    assert sights.of(DOCTOR, later + 2, None) is first


def test_one_record_that_is_taken_out_of_a_list_is_closed(store: MongoStore) -> None:
    """Both the keys that a policy named before and those that it names now are told."""
    random, sights = Random(2), Sights(store, MATRIX)
    bodies = {patient: as_json(a_record(random, patient)) for patient in RECORDS}
    put(store, *(PolicyRow(patient, "", body, (KEY,)) for patient, body in bodies.items()))
    assert sorted(sights.of(DOCTOR, NOW, None).records) == sorted(RECORDS)
    put(store, PolicyRow("anna", "", as_json(RecordPolicy("anna", ""))))
    assert "anna" not in sights.of(DOCTOR, NOW, None).records
    store.transact(lambda unit: unit.drop_policy("bruno"))
    assert sorted(sights.of(DOCTOR, NOW, None).records) == ["chloe", "denis", "elise", "farid"]


def test_a_change_is_seen_at_once_while_others_read_the_same_list(store: MongoStore) -> None:
    random, sights, stop = Random(3), Sights(store, MATRIX), threading.Event()
    opened = set(RECORDS)
    put(store, *(a_row(patient, is_open=True) for patient in RECORDS))

    def read() -> int:
        times = 0
        while not stop.is_set():
            sights.of(DOCTOR, NOW, None)
            times += 1
        return times

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        try:
            for _ in range(60):
                patient = random.choice(RECORDS)
                opened ^= {patient}
                put(store, a_row(patient, is_open=patient in opened))
                known = sights.of(DOCTOR, NOW, None).permits
                seen = {one for one in RECORDS if known(oracle.a_document(patient=one))}
                assert seen == opened
        finally:
            stop.set()
        assert all(reader.result(30) for reader in readers)
