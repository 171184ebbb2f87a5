"""What only points, what belongs to no record, and traces (R72, L34, L36; convention 7)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.oracle.records import (
    ANNA,
    DOCTOR,
    FINESS,
    HOSPITAL_KEY,
    OTHER_RPPS,
    RPPS,
    a_doctor,
    a_document,
    a_holder,
    a_pointer,
    a_record,
    attending,
    in_team,
    knows,
    masked,
    sight,
)

TEAM = a_record(links=(in_team(),))


def outside(governance: str, **rest: Any) -> dict[str, Any]:
    """Facts of something that belongs to no record."""
    return a_document(**({"patient": None, "governance": governance, "types": None} | rest))


# pointers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("governance", ["pointer", "binary"])
def test_what_points_is_known_by_one_known_target(governance: str) -> None:
    """L36, L34: rights are the union of those of the targets."""
    assert knows(a_doctor(), TEAM, a_pointer(masked(), a_document(), governance=governance))
    assert not knows(a_doctor(), TEAM, a_pointer(masked(), masked(), governance=governance))


def test_what_points_to_nothing_is_known_like_the_rest_of_its_record() -> None:
    assert knows(a_doctor(), TEAM, a_pointer(targets=None))
    assert not knows(a_doctor(), a_record(), a_pointer(targets=None))


def test_a_known_target_opens_no_pointer_of_a_closed_record() -> None:
    pointer = a_pointer(a_document(), patient="bruno")
    assert not sight(a_doctor(), TEAM, a_record(patient="bruno")).decide(pointer).permit


def test_a_target_in_a_record_that_is_unknown_opens_nothing() -> None:
    """L63: every hop is decided under the target's own record."""
    assert not knows(a_doctor(), TEAM, a_pointer(a_document(patient="bruno")))


def test_a_deleted_target_opens_nothing() -> None:
    assert not knows(a_doctor(), TEAM, a_pointer({"ref": "DocumentReference/gone"}))


def test_a_pointer_is_seen_through_a_pointer_two_steps_deep() -> None:
    """A List of a folder of documents."""
    assert knows(a_doctor(), TEAM, a_pointer(a_pointer(a_document())))
    assert not knows(a_doctor(), TEAM, a_pointer(a_pointer(masked())))
    assert not knows(a_doctor(), TEAM, a_pointer(a_pointer(a_pointer(a_document()))))


def test_a_mask_on_the_pointer_hides_it_whatever_it_points_to() -> None:
    assert not knows(a_doctor(), TEAM, a_pointer(a_document(), labels=["MASQUE_PS"]))


def test_the_holder_follows_pointers_under_their_own_rules() -> None:
    """R49: what is to be announced is not told by a List either."""
    soon = a_document(labels=["INVISIBLE_PATIENT"], deposited=2**62)
    assert not knows(a_holder(), a_record(), a_pointer(soon))
    assert knows(a_holder(), a_record(), a_pointer(soon, masked()))


def test_a_binary_is_known_by_its_security_context_as_well() -> None:
    """Convention 7: rights come from the referrers and from `securityContext`."""
    for hidden in (masked(), {"ref": "DocumentReference/gone"}):
        binary = a_pointer(a_document(), governance="binary", context=[hidden])
        assert not knows(a_doctor(), TEAM, binary)
    assert knows(
        a_doctor(), TEAM, a_pointer(governance="binary", targets=None, context=[a_document()])
    )
    assert not knows(
        a_doctor(), TEAM, a_pointer(masked(), governance="binary", context=[a_document()])
    )


# outside every record -------------------------------------------------------------------------------


@pytest.mark.parametrize("governance", ["directory", "knowledge"])
def test_directories_and_knowledge_are_open_to_every_identified_caller(governance: str) -> None:
    for caller in (a_doctor(), a_holder(), Requester(Kind.ADMINISTRATOR)):
        assert sight(caller).decide(outside(governance)).permit


@pytest.mark.parametrize("governance", ["restricted", "record", "pointer", "binary", "policy"])
def test_an_orphan_is_its_depositors_alone(governance: str) -> None:
    """L34: an unreferenced Binary is its owner's."""
    orphan = outside(governance, owner=DOCTOR)
    assert sight(a_doctor()).decide(orphan).permit
    assert not sight(a_doctor(rpps=OTHER_RPPS)).decide(orphan).permit
    assert not sight(a_holder(), a_record()).decide(orphan).permit


def test_a_record_resource_is_never_reached_from_outside() -> None:
    """Owning it does not help: its record decides."""
    for governance in ("directory", "knowledge", "record"):
        document = a_document(governance=governance, owner=DOCTOR, authors=[DOCTOR])
        assert not knows(a_doctor(), a_record(), document)


def test_what_belongs_to_several_records_is_known_to_nobody() -> None:
    """L63."""
    for governance in ("record", "directory", "pointer"):
        shared = outside(governance, shared=True, owner=DOCTOR, authors=[DOCTOR])
        assert not knows(a_doctor(), TEAM, shared)
        assert not knows(a_holder(), a_record(), shared)


def test_a_masked_directory_entry_is_its_authors_alone() -> None:
    entry = outside("directory", labels=["MASQUE_PS"], authors=[DOCTOR])
    assert sight(a_doctor()).decide(entry).permit
    assert not sight(a_doctor(rpps=OTHER_RPPS)).decide(entry).permit


# traces ---------------------------------------------------------------------------------------------


def test_a_professional_reads_the_trace_of_their_own_acts() -> None:
    """R72: with or without a link to the record."""
    mine = a_document(governance="trace", types=None, authors=[DOCTOR])
    assert knows(a_doctor(), a_record(), mine)
    assert not knows(a_doctor(rpps=OTHER_RPPS), a_record(), mine)


def test_the_acts_of_a_structure_are_not_those_of_its_professionals() -> None:
    """R72: own acts."""
    act = a_document(governance="trace", types=None, authors=[HOSPITAL_KEY])
    assert not knows(a_doctor(organization=FINESS), a_record(), act)
    software = Requester(Kind.ESTABLISHMENT_SOFTWARE, organization=FINESS)
    assert knows(software, a_record(), act)


def test_a_member_of_the_care_team_reads_no_trace_of_others() -> None:
    """R72."""
    assert not knows(a_doctor(), TEAM, a_document(governance="trace", types=None))


def test_the_attending_doctor_and_the_holder_read_every_trace() -> None:
    """R72."""
    trace = a_document(governance="trace", types=None)
    assert knows(a_doctor(), a_record(links=(attending(),)), trace)
    assert knows(a_holder(), a_record(), trace)


def test_an_auditor_reads_traces_and_nothing_else_of_a_record() -> None:
    """Contract, faults and limits 1."""
    auditor = Requester(Kind.AUDITOR, Purpose.ADMINISTRATION, rpps=RPPS, patient=ANNA)
    for trace in (a_document(governance="trace"), outside("trace"), outside("trace", shared=True)):
        assert sight(auditor, TEAM).decide(trace).permit
    for governance in ("record", "patient", "policy", "pointer"):
        assert not sight(auditor, TEAM).decide(a_document(governance=governance)).permit


def test_an_administrator_reads_no_trace() -> None:
    administrator = Requester(Kind.ADMINISTRATOR, Purpose.ADMINISTRATION, rpps=RPPS)
    assert not sight(administrator).decide(outside("trace")).permit


def test_an_act_outside_every_record_is_traced_to_who_did_it() -> None:
    act = outside("trace", authors=[DOCTOR], owner="kind:server")
    assert sight(a_doctor()).decide(act).permit
    assert not sight(a_doctor(rpps=OTHER_RPPS)).decide(act).permit
