"""A sight may be kept, and its predicate settled by type and record, without changing an answer."""

from __future__ import annotations

from random import Random

from fhir_server.consent.engine import Sight
from fhir_server.predicate import holds
from fhir_server.records.governance import governance
from fhir_server.records.sights import AGEING, unchanged
from fhir_server.records.stored_sight import ACL, StoredSight
from tests.oracle.records import DAY, MATRIX, NOW
from tests.oracle.worlds import a_document, a_requester, records

TYPE_OF = {row.kind: type_ for type_, row in governance().items()}
WORLDS = 150


def test_what_is_asked_of_one_type_and_record_is_what_the_whole_sight_answers() -> None:
    for seed in range(WORLDS):
        random = Random(seed)
        requester, known = a_requester(random), records(random)
        whole, stored = (
            Sight(requester, MATRIX, NOW, known),
            StoredSight(requester, MATRIX, NOW, known),
        )
        for _ in range(40):
            document = a_document(random)
            type_ = TYPE_OF[document["governance"]]
            wanted = holds(whole.known, document)
            patient = document.get("patient", "")
            assert holds(stored.stored(type_), {ACL: document}) == wanted, (seed, document)
            assert holds(stored.stored(type_, patient), {ACL: document}) == wanted, (seed, document)


def test_a_row_whose_facts_contradict_its_type_is_known_to_nobody_but_the_trusted_system() -> None:
    for seed in range(WORLDS):
        random = Random(seed)
        requester, known = a_requester(random), records(random)
        stored = StoredSight(requester, MATRIX, NOW, known)
        document = a_document(random)
        other = "Practitioner" if document["governance"] != "directory" else "Patient"
        trusted = requester.kind == "trusted-system"
        assert holds(stored.stored(other), {ACL: document}) == trusted, (seed, document)


def test_a_sight_does_not_change_between_the_bounds_of_its_policies() -> None:
    apart = 0
    for seed in range(WORLDS):
        random = Random(seed)
        requester, known = a_requester(random), records(random)
        if requester.kind in AGEING:
            continue
        then = NOW + random.choice((-5 * DAY, 5 * DAY, 0))
        now = Sight(requester, MATRIX, then, known)
        since, until = unchanged(known, then)
        assert since <= then < until
        for at in {since, (since + then) // 2, (then + until) // 2, until - 1} - {then}:
            apart += 1
            later = Sight(requester, MATRIX, at, known)
            assert later.known == now.known, (seed, at)
            assert later.rules_used() == now.rules_used(), (seed, at)
    assert apart > WORLDS
