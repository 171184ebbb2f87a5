"""A bounded model, the whole of it: every caller, record and document that a small world can hold.

Kinds and purposes, links, sets of at most two Consents of a finite list, closure; labels, types,
authorship and age of documents. For each (caller, record, document) three readings agree: the
engine's predicate, the same as a query on a real MongoDB, and the naive evaluator. A predicate
that comes again is not read again: what it says of a document hangs on nothing else.

With `PROVE_N`, all of it; else one Consent at most, where there is no link or one of the team.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import pytest
from pymongo.collection import Collection

from fhir_server.consent.engine import Sight
from fhir_server.consent.policy import Link, Period, Provision, RecordPolicy
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.predicate import Predicate, holds, under
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.query import to_query
from tests.oracle.consent import Oracle
from tests.oracle.records import (
    ANNA,
    BIOLOGY,
    DAY,
    DOCTOR,
    FINESS,
    HOSPITAL,
    MATRIX,
    NOW,
    OTHER_RPPS,
    PRESCRIPTION,
    RPPS,
    a_consent,
    a_document,
    a_pointer,
    attending,
    deny,
    in_team,
    permit,
)

IS_WHOLE = "PROVE_N" in os.environ
PAST, FUTURE = Period(end=NOW), Period(start=NOW + 1)
OTHER = f"rpps:{OTHER_RPPS}"
ME = (DOCTOR, f"finess:{FINESS}", f"representative:{ANNA}", f"patient:{ANNA}")

PERSON = Requester(Kind.PROFESSIONAL, rpps=RPPS, profession="G15_10", organization=FINESS)
ABOUT = replace(PERSON, patient=ANNA)
CALLERS = (
    PERSON,
    replace(PERSON, profession="G15_21"),
    replace(PERSON, profession="G15_99"),
    *(replace(PERSON, purpose=purpose) for purpose in Purpose),
    *(replace(ABOUT, purpose=purpose, reason="coma") for purpose in Purpose),
    replace(ABOUT, purpose=Purpose.BREAK_GLASS),
    replace(ABOUT, purpose=Purpose.REGULATION, profession="G15_21"),
    replace(ABOUT, kind=Kind.SAMU_REGULATOR, purpose=Purpose.REGULATION, profession=""),
    replace(ABOUT, kind=Kind.SAMU_REGULATOR, purpose=Purpose.BREAK_GLASS, reason="coma"),
    replace(ABOUT, kind=Kind.SAMU_REGULATOR, patient="bruno", purpose=Purpose.REGULATION),
    *(
        Requester(kind, purpose, organization=FINESS, patient=ANNA, reason="coma")
        for kind in (Kind.ESTABLISHMENT_SOFTWARE, Kind.REFERENCED_SERVICE)
        for purpose in (Purpose.FEED, Purpose.BREAK_GLASS, Purpose.TREATMENT)
    ),
    *(
        Requester(kind, Purpose.PATIENT_REQUEST, patient=of)
        for kind in (Kind.PATIENT, Kind.REPRESENTATIVE)
        for of in (ANNA, "bruno", "")
    ),
    *(
        replace(ABOUT, kind=kind, reason="coma")
        for kind in Kind
        if kind not in (Kind.PROFESSIONAL, Kind.SAMU_REGULATOR, Kind.PATIENT, Kind.REPRESENTATIVE)
    ),
)
LINKS: tuple[tuple[Link, ...], ...] = (
    (),
    (attending(),),
    (attending(OTHER),),
    (attending(period=PAST),),
    (in_team(),),
    (in_team(OTHER),),
    (in_team(period=FUTURE),),
    (in_team(f"finess:{FINESS}"),),
)
ROOTS: tuple[Provision, ...] = (
    permit(DOCTOR),
    permit(OTHER),
    permit(),
    permit(f"finess:{FINESS}"),
    permit("team:CareTeam/t"),
    permit(DOCTOR, codes=(BIOLOGY,)),
    permit(DOCTOR, purposes=("TREAT",)),
    permit(DOCTOR, period=PAST),
    permit(DOCTOR, actions=("collect",)),
    permit(DOCTOR, authored_by=(OTHER,), nested=(deny(labels=("V",)),)),
    permit(DOCTOR, codes=(HOSPITAL,), nested=(permit(codes=(PRESCRIPTION,)),)),
    replace(permit(DOCTOR), exact=False),
    deny(DOCTOR),
    deny(OTHER),
    deny(),
    deny(purposes=("BTG",)),
    deny(purposes=("ETREAT",)),
    deny(purposes=("TREAT",)),
    deny(DOCTOR, period=FUTURE),
    deny(DOCTOR, actions=("access",), codes=(BIOLOGY,)),
    deny(nested=(permit(DOCTOR, nested=(deny(codes=(BIOLOGY,)),)),)),
    replace(deny(codes=("x",), period=PAST), exact=False),
    deny(f"finess:{FINESS}", instances=("DocumentReference/d",)),
)
CONSENTS = (
    *(a_consent(root, id_=f"c{at}") for at, root in enumerate(ROOTS)),
    a_consent(permit(DOCTOR), PAST, "past"),
    a_consent(permit(DOCTOR), FUTURE, "future"),
    a_consent(deny(DOCTOR), PAST, "past-deny"),
)
LABELS = ("V", "MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")
AGES = (NOW - 30 * DAY, NOW - 30 * DAY + 1)
PAPERS = [
    a_document(types=list(types), labels=["N", *labels], authors=[author], deposited=age)
    for types, count, author in product(
        ((BIOLOGY,), (HOSPITAL,), (PRESCRIPTION, HOSPITAL), ("x",)), range(3), (OTHER, DOCTOR)
    )
    for labels in combinations(LABELS, count)
    for age in (AGES if "INVISIBLE_PATIENT" in labels else AGES[:1])
]
DOCUMENTS: list[dict[str, Any]] = [
    *PAPERS,
    *(
        a_document(governance=kind, types=None, labels=["N", *labels], authors=[author])
        for kind in ("patient", "careteam", "policy", "trace", "restricted")
        for labels in ((), ("MASQUE_PS",))
        for author in (OTHER, *ME)
    ),
    *(
        a_document(governance=kind, patient=None, types=None, authors=[key], owner=key, **more)
        for kind in ("directory", "knowledge", "restricted", "trace", "record")
        for key in (OTHER, *ME)
        for more in ({}, {"shared": True}, {"labels": ["MASQUE_PS"]})
    ),
    *(a_pointer(paper) for paper in PAPERS[::37]),
    *(a_pointer(a_pointer(paper)) for paper in PAPERS[::53]),
    a_pointer(a_pointer(a_pointer(PAPERS[0]))),
    a_pointer({"ref": "DocumentReference/gone"}),
    a_pointer(),
]


def policies() -> Iterator[RecordPolicy]:
    """Yield every record of the model."""
    for closed, links, count in product((False, True), LINKS, range(3)):
        few = count == 0 or (count == 1 and links in (LINKS[0], LINKS[4]))
        if few or (IS_WHOLE and (count < 2 or not closed)):
            for consents in combinations(CONSENTS, count):
                yield RecordPolicy(ANNA, "1", closed, links, consents)


@pytest.fixture
def found(mongo_uri: str, database_name: str) -> Iterator[Callable[[Predicate], frozenset[int]]]:
    """Give what a predicate finds in a real MongoDB, asked once."""
    answers: dict[Predicate, frozenset[int]] = {}

    def ask(collection: Collection[dict[str, Any]], predicate: Predicate) -> frozenset[int]:
        if predicate not in answers:
            query = to_query(under("acl", predicate))
            answers[predicate] = frozenset(row["_id"] for row in collection.find(query, {"_id": 1}))
        return answers[predicate]

    with connect(mongo_uri) as client:
        collection = client[database_name]["bounded"]
        collection.insert_many([{"_id": n, "acl": facts} for n, facts in enumerate(DOCUMENTS)])
        yield lambda predicate: ask(collection, predicate)


@pytest.mark.proof
def test_three_readings_agree_on_the_whole_of_a_bounded_model(
    found: Callable[[Predicate], frozenset[int]], record_property: Callable[[str, object], None]
) -> None:
    decided: dict[Predicate, frozenset[int]] = {}
    triples = 0
    for policy in policies():
        for caller in CALLERS:
            sight = Sight(caller, MATRIX, NOW, (policy,))
            oracle = Oracle(caller, (policy,), MATRIX.readable, MATRIX.rows, NOW)
            known = sight.known
            if known not in decided:
                decided[known] = frozenset(
                    n for n, facts in enumerate(DOCUMENTS) if holds(known, facts)
                )
            plainly = frozenset(n for n, facts in enumerate(DOCUMENTS) if oracle.may_know(facts))
            assert decided[known] == plainly, differing(decided[known] ^ plainly, caller, policy)
            assert found(known) == plainly, differing(found(known) ^ plainly, caller, policy)
            triples += len(DOCUMENTS)
    record_property(
        "proof", f"bounded model: {triples} triples, {len(decided)} different predicates"
    )
    assert triples > 400_000


def differing(documents: frozenset[int], caller: Requester, policy: RecordPolicy) -> str:
    """Say of what two readings differ, for whom."""
    return f"{[DOCUMENTS[n] for n in sorted(documents)[:3]]}\n{caller}\n{policy}"


def test_the_bounded_model_has_its_open_and_its_closed_sides() -> None:
    """No caller of the model sees all, and of who needs a link some see something."""
    opened = set()
    for consents in ((), (CONSENTS[0],)):
        policy = RecordPolicy(ANNA, "1", False, (), consents)
        for at, caller in enumerate(CALLERS):
            known = Sight(caller, MATRIX, NOW, (policy,)).known
            inside = [n for n, facts in enumerate(PAPERS) if holds(known, facts)]
            assert len(inside) < len(PAPERS) or caller.kind is Kind.TRUSTED_SYSTEM
            if inside:
                opened.add((len(consents), at))
    assert {at for n, at in opened if n == 0} < {at for n, at in opened if n == 1}
