"""An explanation says what decided: no more, no less, whatever the world."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.consent.engine import Sight
from fhir_server.consent.explaining import BESIDE_THE_TABLE, Explanation, explain
from fhir_server.consent.grounds import ByConsent
from fhir_server.consent.policy import Provision, RecordPolicy
from fhir_server.consent.rules import RULES
from tests.oracle import worlds
from tests.oracle.records import MATRIX, NOW

SEEDS = st.integers(0, 2**32)
Document = dict[str, Any]


def world(seed: int) -> tuple[Sight, list[Document]]:
    random = Random(seed)
    requester, records = worlds.a_requester(random), worlds.records(random)
    documents = [worlds.a_document(random) for _ in range(20)]
    return Sight(requester, MATRIX, NOW, records), documents


def named(found: Explanation) -> set[str]:
    """Return the ids of the Consents that an explanation rests on."""
    return {
        ground.consent.split("/")[1]
        for one in found.rules
        for ground in one.grounds
        if isinstance(ground, ByConsent)
    }


def without(sight: Sight, patient: str, *ids: str) -> Sight:
    """Return `sight` as if these Consents of a record had never been."""
    policies = tuple(
        replace(policy, consents=tuple(c for c in policy.consents if c.id not in ids))
        if policy.patient == patient
        else policy
        for policy in sight.policies
    )
    return Sight(sight.requester, sight.matrix, sight.at, policies)


def record_of(sight: Sight, document: Document) -> RecordPolicy | None:
    found = (one for one in sight.policies if one.patient == document.get("patient"))
    return next(found, None)


@given(SEEDS)
def test_a_document_is_known_when_something_permits_and_nothing_forbids(seed: int) -> None:
    sight, documents = world(seed)
    for document in documents:
        found = explain(sight, document)
        effects = {one.effect for one in found.rules}
        assert found.known == sight.decide(document).permit == (effects == {"permit"})


@given(SEEDS)
def test_only_what_points_is_hidden_by_what_it_points_to(seed: int) -> None:
    sight, documents = world(seed)
    for document in documents:
        if any(one.rule == "points-to-hidden" for one in explain(sight, document).rules):
            assert document["governance"] in ("pointer", "binary")


@given(SEEDS)
def test_the_rules_come_in_their_order_each_once(seed: int) -> None:
    sight, documents = world(seed)
    order = [one.rule for one in BESIDE_THE_TABLE] + [rule.id for rule in RULES]
    for document in documents:
        places = [order.index(one.rule) for one in explain(sight, document).rules]
        assert places == sorted(set(places))


@given(SEEDS)
def test_a_consent_that_is_not_named_changes_nothing(seed: int) -> None:
    """Of what points, a Consent may also speak by way of a target, which has its own explanation."""
    sight, documents = world(seed)
    for document in documents:
        record, found = record_of(sight, document), explain(sight, document)
        if record is None or document["governance"] in ("pointer", "binary"):
            continue
        unnamed = {consent.id for consent in record.consents} - named(found)
        assert explain(without(sight, record.patient, *unnamed), document) == found


@given(SEEDS)
def test_without_the_consents_that_it_names_a_rule_does_not_speak(seed: int) -> None:
    sight, documents = world(seed)
    for document in documents:
        record, found = record_of(sight, document), explain(sight, document)
        resting = {
            one.rule for one in found.rules if any(isinstance(g, ByConsent) for g in one.grounds)
        }
        if record is None or not resting:
            continue
        left = explain(without(sight, record.patient, *named(found)), document)
        assert not resting & {one.rule for one in left.rules}


@given(SEEDS)
def test_the_provision_named_is_there_and_permits_or_denies_as_the_rule_does(seed: int) -> None:
    sight, documents = world(seed)
    for document in documents:
        record = record_of(sight, document)
        for one in explain(sight, document).rules:
            for ground in one.grounds:
                if isinstance(ground, ByConsent) and record is not None:
                    id_ = ground.consent.split("/")[1]
                    (root,) = [c.root for c in record.consents if c.id == id_]
                    provision = at(root, ground.provision)
                    assert provision.permits == (one.effect == "permit")
                    assert provision.exact == ground.understood


def at(root: Provision, path: str) -> Provision:
    for index in re.findall(r"\[(\d+)\]", path):
        root = root.nested[int(index)]
    return root
