"""The past is put together from the history: now, it is what is stored; then, what was."""

from __future__ import annotations

from fhir_server.app import open_records
from fhir_server.consent.policy import RecordPolicy
from fhir_server.predicate import ALWAYS
from fhir_server.records.context import Context
from fhir_server.records.past import Past
from fhir_server.settings import Settings
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital
from tests.support.world import World


def context(world: World) -> Context:
    return open_records(Settings(auth="off"), store=world.store).context


def past(world: World) -> Past:
    return Past(context(world), int(world.now * 1_000_000))


def without_version(policy: RecordPolicy | None) -> object:
    return policy and (policy.closed, policy.links, policy.consents)


def furnished(world: World) -> str:
    """Make a record with everything that facts of one resource take from others."""
    doctor = a_doctor()
    patient = world.patient(doctor)
    world.team(patient, doctor, a_hospital())
    world.consent(patient, "permit", a_doctor())
    binary = world.has(make.a_binary())
    old = world.has(make.a_document(patient).attached(f"Binary/{binary}"))
    new = make.a_document(patient).replacing(f"DocumentReference/{old}").masked()
    world.has(new)
    folder = world.has(make.a_list(patient, new.ref, f"DocumentReference/{old}"))
    world.has(make.a_list(patient, f"List/{folder}"))
    world.has(make.a_provenance(patient, f"DocumentReference/{old}"))
    return patient


def test_the_present_is_put_together_as_it_is_stored(world: World) -> None:
    furnished(world)
    now, seen = past(world), 0
    for type_ in world.store.types():
        for row in world.store.find(type_, ALWAYS):
            found = now.facts(type_, row.id)
            assert found is not None
            assert (found.version, dict(found.acl)) == (row.version, dict(row.acl)), row.ref
            seen += 1
    assert seen > 10


def test_what_a_record_says_of_itself_is_what_was_compiled(world: World) -> None:
    patient = furnished(world)
    now = past(world)
    stored = context(world).sights.stored_policy(patient)
    assert without_version(now.policy(patient)) == without_version(stored)


def test_what_changed_since_is_as_it_was(world: World) -> None:
    patient = furnished(world)
    document = world.document(patient)
    then = past(world)
    before = then.facts("DocumentReference", document), then.policy(patient)
    with world.later(seconds=5):
        world.has(make.a_document(patient).but(id=document).masked())
        world.consent(patient, "deny", a_doctor())
        world.has(make.a_patient(id=patient, active=False))
        again = Past(context(world), then.at)
        row, was = again.facts("DocumentReference", document), before[0]
        assert row is not None
        assert was is not None
        assert (row.version, row.raw, row.acl) == (was.version, was.raw, was.acl)
        assert again.policy(patient) == before[1]
        later = past(world).policy(patient)
        assert later is not None
        assert (later.closed, len(later.consents)) == (True, 2)


def test_what_was_deleted_was_there(world: World) -> None:
    patient = world.patient()
    document = world.document(patient)
    then = past(world)
    with world.later(seconds=5):
        world.lacks(f"DocumentReference/{document}")
        assert past(world).facts("DocumentReference", document) is None
        row = then.facts("DocumentReference", document)
        assert row is not None
        assert row.version == 1
