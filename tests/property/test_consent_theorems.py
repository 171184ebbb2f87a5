"""What holds of every record, caller and document, whatever the Consents say."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.consent.engine import Sight
from fhir_server.consent.policy import (
    ConsentPolicy,
    Period,
    Provision,
    RecordPolicy,
    Session,
)
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.rules import EXCLUDED, PROFESSIONAL
from fhir_server.predicate import NEVER
from tests.oracle import fhir_consents, worlds
from tests.oracle.records import MATRIX, NOW

pytestmark = pytest.mark.proof

SEEDS = st.integers(0, 2**32)
Document = dict[str, Any]


class World:
    """Everything that one seed draws: a caller, records, and a few dozen documents."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.requester = worlds.a_requester(self.random)
        self.records = worlds.records(self.random)
        self.documents = [worlds.a_document(self.random) for _ in range(30)]

    def a_professional(self) -> Requester:
        kind = self.random.choice(sorted(PROFESSIONAL))
        rpps = self.random.choice(worlds.RPPS)
        return replace(self.requester, kind=kind, rpps=rpps)

    def known(
        self, requester: Requester | None = None, records: tuple[RecordPolicy, ...] | None = None
    ) -> set[int]:
        """Return which documents the caller may know."""
        chosen = self.records if records is None else records
        sight = Sight(requester or self.requester, MATRIX, NOW, chosen)
        return {n for n, document in enumerate(self.documents) if sight.decide(document).permit}

    def with_consent(
        self, root: Provision, *, in_force: Period | None = None
    ) -> tuple[RecordPolicy, ...]:
        """Return the records, each with one more Consent."""
        added = ConsentPolicy("added", 1, in_force or Period(), root)
        return tuple(replace(r, consents=(*r.consents, added)) for r in self.records)


def in_record(document: Document) -> bool:
    return "patient" in document


@given(SEEDS)
def test_a_deny_only_removes(seed: int) -> None:
    world = World(seed)
    root = replace(worlds.a_provision(world.random, 3), permits=False)
    assert world.known(records=world.with_consent(root)) <= world.known()


@given(SEEDS)
def test_a_permit_only_adds(seed: int) -> None:
    """One that names nobody opens nothing; what is denied inside it holds for everybody."""
    world = World(seed)
    root = replace(worlds.a_provision(world.random, 3), permits=True)
    root = root if root.names_actor else replace(root, nested=())
    assert world.known(records=world.with_consent(root)) >= world.known()


@given(SEEDS)
def test_a_block_beats_every_permit(seed: int) -> None:
    """R24: directly or by structure, with any link or Consent."""
    world = World(seed)
    caller = world.a_professional()
    block = Provision(permits=False, actors=(f"rpps:{caller.rpps}",), names_actor=True)
    left = world.known(caller, world.with_consent(block))
    assert not any(in_record(world.documents[n]) for n in left)


@given(SEEDS)
def test_an_emergency_never_opens_a_record_to_whom_it_blocks(seed: int) -> None:
    """R24, R67: break-glass and regulation, whatever else is permitted."""
    world = World(seed)
    purpose = world.random.choice((Purpose.BREAK_GLASS, Purpose.REGULATION))
    caller = replace(world.a_professional(), purpose=purpose, reason="coma", patient="anna")
    block = Provision(permits=False, actors=(f"rpps:{caller.rpps}",), names_actor=True)
    left = world.known(caller, world.with_consent(block))
    assert not any(in_record(world.documents[n]) for n in left)


@given(SEEDS, st.sampled_from((Period(end=NOW), Period(start=NOW + 1))))
def test_a_consent_that_is_over_or_not_begun_changes_nothing(seed: int, period: Period) -> None:
    """L53: whatever it says, whomever it names."""
    world = World(seed)
    root = worlds.a_provision(world.random, 3)
    assert world.known(records=world.with_consent(root, in_force=period)) == world.known()


@given(SEEDS, st.sampled_from((Period(end=NOW), Period(start=NOW + 1))))
def test_a_provision_that_is_over_or_not_begun_grants_nothing(seed: int, period: Period) -> None:
    """L53: the period of the root holds for what is nested in it."""
    world = World(seed)
    root = replace(worlds.a_provision(world.random, 3), permits=True, period=period)
    assert world.known(records=world.with_consent(root)) == world.known()


@given(
    SEEDS, st.sampled_from(("draft", "proposed", "rejected", "inactive", "entered-in-error", None))
)
def test_a_consent_that_is_not_active_says_nothing(seed: int, status: str | None) -> None:
    """L53: whatever it holds, to any depth."""
    consent = fhir_consents.a_consent(a_fhir_provision(Random(seed), 3), status=status)
    assert fhir_consents.read(consent) is None
    assert fhir_consents.read(consent | {"status": "active"}) is not None


def a_fhir_provision(random: Random, depth: int) -> dict[str, Any]:
    nested = [a_fhir_provision(random, depth - 1) for _ in range(random.randrange(3))]
    type_ = random.choice(("permit", "deny"))
    return fhir_consents.a_provision(type_, provision=nested if depth > 1 and nested else None)


@given(SEEDS)
def test_closing_a_record_removes_and_leaves_professionals_nothing(seed: int) -> None:
    """R7, convention 3."""
    world = World(seed)
    closed = tuple(replace(record, closed=True) for record in world.records)
    assert world.known(records=closed) <= world.known()
    left = world.known(world.a_professional(), closed)
    assert not any(in_record(world.documents[n]) for n in left)


@given(SEEDS)
def test_an_emergency_never_shows_what_is_masked(seed: int) -> None:
    """R70, but to the author and the attending doctor (R44)."""
    world = World(seed)
    purpose = world.random.choice((Purpose.BREAK_GLASS, Purpose.REGULATION))
    caller = replace(world.a_professional(), purpose=purpose, reason="coma", patient="anna")
    records = tuple(
        replace(r, links=tuple(link for link in r.links if link.via != "attending"))
        for r in world.records
    )
    for n in world.known(caller, records):
        document = world.documents[n]
        if in_record(document) and "MASQUE_PS" in document["labels"]:
            assert caller.keys & set(document["authors"])


def with_sessions(records: tuple[RecordPolicy, ...], *keys: str) -> tuple[RecordPolicy, ...]:
    """Return the records, each opened in an emergency by `keys`, for ever."""
    opened = tuple(Session(key, "", "Task/s", "coma", Period()) for key in keys)
    return tuple(replace(record, sessions=opened) for record in records)


@given(SEEDS)
def test_an_open_session_never_shows_what_is_masked(seed: int) -> None:
    """R70: nor does it lift a block (R24), or open a closed record."""
    world = World(seed)
    caller = replace(world.a_professional(), kind=Kind.PROFESSIONAL)
    key = f"rpps:{caller.rpps}"
    records = tuple(
        replace(r, links=tuple(link for link in r.links if link.via != "attending"))
        for r in world.records
    )
    opened = with_sessions(records, key)
    for n in world.known(caller, opened) - world.known(caller, with_sessions(records)):
        document = world.documents[n]
        assert "MASQUE_PS" not in document["labels"] or caller.keys & {*document["authors"]}
    block = ConsentPolicy("b", 1, Period(), Provision(False, actors=(key,), names_actor=True))
    for shut in (
        tuple(replace(r, consents=(*r.consents, block)) for r in opened),
        tuple(replace(r, closed=True) for r in opened),
    ):
        assert not any(in_record(world.documents[n]) for n in world.known(caller, shut))


@given(SEEDS)
def test_a_session_is_its_openers_alone_and_takes_nothing(seed: int) -> None:
    """L61: what another opened opens nothing to the caller; one's own only adds."""
    world = World(seed)
    caller = replace(world.a_professional(), kind=Kind.PROFESSIONAL)
    others = [f"rpps:{number}" for number in worlds.RPPS if number != caller.rpps]
    without = world.known(caller, with_sessions(world.records))
    assert world.known(caller, with_sessions(world.records, *others)) == without
    assert world.known(caller, with_sessions(world.records, f"rpps:{caller.rpps}")) >= without


@given(SEEDS)
def test_an_opposition_ends_a_session_and_nothing_else(seed: int) -> None:
    """R65: whoever treats goes on as if the glass had never been broken."""
    world = World(seed)
    caller = replace(world.a_professional(), kind=Kind.PROFESSIONAL, purpose=Purpose.TREATMENT)
    opposed = world.with_consent(Provision(permits=False, purposes=("BTG",)))
    opened = with_sessions(opposed, f"rpps:{caller.rpps}")
    assert world.known(caller, opened) == world.known(caller, with_sessions(world.records))


@given(SEEDS)
def test_a_document_that_is_not_understood_as_permitted_is_not_known(seed: int) -> None:
    """Design, section 3: making any provision inexact never widens."""
    world = World(seed)

    def blurred(provision: Provision) -> Provision:
        exact = provision.exact and world.random.random() < 0.6
        return replace(provision, exact=exact, nested=tuple(map(blurred, provision.nested)))

    records = tuple(
        replace(r, consents=tuple(replace(c, root=blurred(c.root)) for c in r.consents))
        for r in world.records
    )
    assert world.known(records=records) <= world.known()


@given(SEEDS)
def test_the_order_of_consents_and_links_does_not_matter(seed: int) -> None:
    world = World(seed)
    turned = tuple(
        replace(r, consents=r.consents[::-1], links=r.links[::-1]) for r in world.records[::-1]
    )
    assert world.known(records=turned) == world.known()


@given(SEEDS)
def test_another_record_changes_nothing_in_this_one(seed: int) -> None:
    """L63; the policies at hand are no part of the answer but for their own record."""
    world = World(seed)
    for record in world.records:
        alone = world.known(records=(record,))
        flat = {
            n
            for n, document in enumerate(world.documents)
            if document.get("patient") == record.patient
            and not {"targets", "context"} & document.keys()
        }
        assert alone & flat == world.known() & flat


@given(SEEDS)
def test_a_decision_is_about_its_document_alone(seed: int) -> None:
    """Adding or removing a document changes no other decision."""
    world = World(seed)
    sight = Sight(world.requester, MATRIX, NOW, world.records)
    together = [sight.decide(document).permit for document in world.documents]
    fresh = [
        Sight(world.requester, MATRIX, NOW, world.records).decide(document).permit
        for document in reversed(world.documents)
    ]
    assert together == fresh[::-1]


@given(SEEDS)
def test_the_reasons_agree_with_the_decision(seed: int) -> None:
    """Known if and only if some rule permits and none forbids; pointers ask their targets too."""
    world = World(seed)
    if world.requester.kind in (Kind.TRUSTED_SYSTEM, *EXCLUDED):
        return
    sight = Sight(world.requester, MATRIX, NOW, world.records)
    loaded = {record.patient for record in world.records}
    for document in world.documents:
        if document["governance"] in ("record", "patient") and document.get("patient") in loaded:
            decided = sight.decide(document)
            effects = {reason.effect for reason in decided.reasons}
            assert decided.permit == (effects == {"permit"})


@given(SEEDS)
def test_an_excluded_kind_knows_nothing_at_all(seed: int) -> None:
    """R32 to R35."""
    world = World(seed)
    for kind in EXCLUDED:
        caller = replace(world.requester, kind=kind)
        assert Sight(caller, MATRIX, NOW, world.records).known == NEVER


@given(SEEDS)
def test_a_caller_without_links_consents_or_emergency_knows_no_record(seed: int) -> None:
    """Default deny: but for the trace of one's own acts (R72)."""
    world = World(seed)
    caller = replace(world.a_professional(), purpose=Purpose.TREATMENT)
    bare = tuple(replace(r, links=(), consents=(), sessions=()) for r in world.records)
    for n in world.known(caller, bare):
        assert not in_record(world.documents[n]) or world.documents[n]["governance"] == "trace"
