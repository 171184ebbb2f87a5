"""L36: a pointer is not found by what is hidden, whatever stands beside it in the query."""

from __future__ import annotations

from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.world import World


def test_L36_a_pointer_is_not_found_by_what_is_hidden_among_other_values(world: World) -> None:
    """Alternatives are held to what the caller may know, one by one."""
    doctor, of = a_doctor(), world.patient()
    world.team(of, doctor)
    shown, hidden = (
        f"DocumentReference/{world.document(of, *labels)}" for labels in ((), ("MASQUE_PS",))
    )
    body = make.a_list(of, shown, hidden)
    world.has(body)
    caller = world.as_(doctor)
    assert caller.get(f"List?item={shown}").ids == [body["id"]]
    for other in ("DocumentReference/x", "Observation/x", f"{shown}/_history/1", "urn:x"):
        assert caller.get(f"List?item={hidden},{other}").ids == []
        assert caller.get(f"List?item={other},{shown}").ids == [body["id"]]
    assert caller.get(f"List?item={hidden}/_history/1").ids == []


def test_L36_a_pointer_is_not_found_by_the_logical_identifier_of_what_it_points_to(
    world: World,
) -> None:
    """An identifier does not say which of the things pointed to bears it."""
    doctor, of = a_doctor(), world.patient()
    world.team(of, doctor)
    shown, hidden = world.document(of), world.document(of, "MASQUE_PS")
    body = make.a_list(of, f"DocumentReference/{shown}", f"DocumentReference/{hidden}")
    body["entry"][1]["item"]["identifier"] = {"system": "urn:chu", "value": "42"}
    world.has(body)
    for value in ("42", "urn:chu%7C42", "urn:chu%7C", "43", "42,43"):
        reply = world.as_(doctor).get(f"List?item:identifier={value}")
        assert (reply.status, reply.issue["code"]) == (400, "not-supported")
        assert "may point to what is hidden" in reply.issue["diagnostics"]
    assert world.trusted.get(f"List?patient={of}&item:identifier=42").ids == [body["id"]]
    asked = f"List?patient={of}&patient:identifier=42"
    assert (world.as_(doctor).get(asked).status, world.as_(doctor).get(asked).ids) == (200, [])
