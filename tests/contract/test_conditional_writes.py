"""Conditional interactions: https://hl7.org/fhir/R4/http.html#cond-update and its neighbours."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital
from tests.support.replies import entry
from tests.support.world import World

SYSTEM = "urn:test:number"


def numbered(number: str, **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": SYSTEM, "value": number}],
        **rest,
    }


def search(number: str) -> str:
    return f"Patient?identifier={SYSTEM}|{number}"


def test_a_conditional_update_creates_then_updates_then_refuses_to_choose(world: World) -> None:
    number = make.new_hex()
    first = world.trusted.send("PUT", search(number), numbered(number))
    again = world.trusted.send("PUT", search(number), numbered(number, gender="other"))
    assert (first.status, again.status) == (201, 200)
    assert again.id == first.id
    assert again.headers["etag"] == 'W/"2"'
    world.trusted.post("Patient", numbered(number))
    several = world.trusted.send("PUT", search(number), numbered(number))
    assert (several.status, several.issue["code"]) == (412, "multiple-matches")


def test_a_conditional_update_refuses_another_id_than_the_match_s(world: World) -> None:
    number = make.new_hex()
    world.trusted.post("Patient", numbered(number))
    reply = world.trusted.send("PUT", search(number), numbered(number, id="other"))
    assert (reply.status, reply.issue["expression"]) == (400, ["Patient.id"])


def test_a_conditional_delete_takes_all_that_match_or_says_that_nothing_does(world: World) -> None:
    number = make.new_hex()
    for _ in range(3):
        world.trusted.post("Patient", numbered(number))
    assert world.trusted.delete(search(number)).status == 204
    assert world.trusted.get(search(number)).total == 0
    assert world.trusted.delete(search(number)).status == 404


def test_a_conditional_delete_that_meets_one_foreign_document_deletes_none(world: World) -> None:
    """R83: only the author deletes; all or nothing."""
    author, colleague = a_doctor(), a_doctor()
    anna = world.patient()
    world.team(anna, author, colleague)
    mine = make.a_document(anna).by(author)
    assert world.as_(author).post("DocumentReference", mine.json()).status == 201
    other = world.as_(colleague).post("DocumentReference", make.a_document(anna).json())
    reply = world.as_(author).delete(f"DocumentReference?patient={anna}")
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")
    assert world.trusted.get(f"DocumentReference?patient={anna}").total == 2
    assert other.status == 201


def test_a_condition_without_criteria_is_refused(world: World) -> None:
    for reply in (
        world.trusted.delete("Patient"),
        world.trusted.send("PUT", "Patient", numbered("1")),
        world.trusted.delete("Patient?_count=1"),
        world.trusted.patch("Patient", {"op": "remove", "path": "/name"}),
    ):
        assert (reply.status, reply.issue["code"]) == (400, "invalid")


def test_what_the_caller_may_not_know_matches_no_condition(world: World) -> None:
    """L24, L25: a hidden match is no match."""
    stranger = a_doctor()
    anna = world.patient()
    hidden = world.document(anna)
    sought = f"DocumentReference?_id={hidden}"
    absent = f"DocumentReference?_id={make.new_hex()}"
    for method, body in (("DELETE", None), ("PUT", make.a_document(anna).json() | {"id": hidden})):
        one, other = (world.as_(stranger).send(method, url, body) for url in (sought, absent))
        assert one.status == other.status
    assert world.trusted.get(f"DocumentReference/{hidden}").headers["etag"] == 'W/"1"'


def test_sixty_four_conditional_creates_at_once_make_one_resource(world: World) -> None:
    number = make.new_hex()

    def create(_: int) -> int:
        return world.trusted.post(
            "Patient", numbered(number), If_None_Exist=f"identifier={SYSTEM}|{number}"
        ).status

    with ThreadPoolExecutor(16) as pool:
        told = Counter(pool.map(create, range(64)))
    assert told == {201: 1, 200: 63}
    assert world.trusted.get(search(number)).total == 1


def test_conditional_creates_in_transactions_at_once_make_one_resource(world: World) -> None:
    number = make.new_hex()
    urn = make.a_urn()
    bundle = [
        {**entry("POST", "Patient", numbered(number), ifNoneExist=search(number)), "fullUrl": urn},
        entry("POST", "Observation", make.an_observation("x") | {"subject": {"reference": urn}}),
    ]

    def deposit(_: int) -> int:
        return world.trusted.transact(*bundle).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(deposit, range(16))) == {200}
    found = world.trusted.get(search(number))
    assert found.total == 1
    assert world.trusted.get(f"Observation?patient={found.ids[0]}&_summary=count").total == 16


def test_of_updates_at_once_under_one_version_exactly_one_passes(world: World) -> None:
    body = make.a_patient()
    world.has(body)

    def update(_: int) -> int:
        return world.trusted.put(body, If_Match='W/"1"').status

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(update, range(32))) == {200: 1, 412: 31}


def test_conditional_entries_of_a_transaction_find_update_and_delete(world: World) -> None:
    kept, gone = make.new_hex(), make.new_hex()
    for number in (kept, gone):
        world.trusted.post("Patient", numbered(number))
    reply = world.trusted.transact(
        entry("PUT", search(kept), numbered(kept, gender="female")),
        entry("DELETE", search(gone)),
        entry("PUT", search(make.new_hex()), numbered(make.new_hex())),
    )
    assert [one["response"]["status"][:3] for one in reply.entries] == ["200", "204", "201"]
    assert world.trusted.get(search(kept)).entries[0]["resource"]["gender"] == "female"
    assert world.trusted.get(search(gone)).total == 0


def test_two_creations_on_one_condition_are_refused_unless_it_is_met(world: World) -> None:
    number = make.new_hex()
    twice = [entry("POST", "Patient", numbered(number), ifNoneExist=search(number)[8:])] * 2
    reply = world.trusted.transact(*twice)
    assert (reply.status, reply.issue["code"]) == (400, "invalid")
    assert "0 and 1" in reply.issue["diagnostics"]
    assert world.trusted.get(search(number)).total == 0
    world.trusted.post("Patient", numbered(number))
    reply = world.trusted.transact(*twice)
    assert [one["response"]["status"] for one in reply.entries] == ["200 OK", "200 OK"]


def test_any_version_will_do_for_an_if_match_that_says_so(world: World) -> None:
    """RFC 9110, section 13.1.1."""
    anna = world.patient()
    body = make.a_patient() | {"id": anna}
    assert world.trusted.put(body, If_Match="*").status == 200
    reply = world.trusted.put(make.a_patient() | {"id": make.new_id()}, If_Match="*")
    assert (reply.status, reply.issue["code"]) == (412, "conflict")


def test_a_transaction_may_delete_what_is_deleted_already(world: World) -> None:
    anna, bruno = world.patient(), world.patient()
    world.lacks(f"Patient/{anna}")
    reply = world.trusted.transact(
        entry("DELETE", f"Patient/{anna}"), entry("DELETE", f"Patient/{bruno}")
    )
    assert [one["response"]["status"][:3] for one in reply.entries] == ["204", "204"]
    assert world.trusted.get(f"Patient/{bruno}").status == 410


def test_a_writer_who_may_not_read_can_change_what_they_deposited(world: World) -> None:
    """R22: feeding and correcting one's own need no authorisation to read."""
    hospital = a_hospital()
    anna = world.patient()
    document = make.a_document(anna)
    made = world.as_(hospital).post("DocumentReference", document.json())
    sought = f"DocumentReference?identifier=urn:oid:2.25.{document.number}"
    reply = world.as_(hospital).patch(
        sought, {"op": "replace", "path": "/status", "value": "superseded"}
    )
    assert reply.status == 200
    assert reply.json["resourceType"] == "OperationOutcome"
    assert world.as_(hospital).get(f"DocumentReference/{made.id}").status == 404


def test_a_write_that_takes_no_parameters_refuses_them_and_does_nothing(world: World) -> None:
    """L56: a condition in the wrong place must not turn into an unconditional write."""
    number, anna = make.new_hex(), world.patient()
    for reply in (
        world.trusted.post(f"Patient?identifier={SYSTEM}|{number}", numbered(number)),
        world.trusted.send("PUT", f"Patient/{anna}?x=1", make.a_patient() | {"id": anna}),
        world.trusted.delete(f"Patient/{anna}?x=1"),
    ):
        assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    assert world.trusted.get(search(number)).total == 0
    assert world.trusted.get(f"Patient/{anna}").headers["etag"] == 'W/"1"'


def test_a_match_that_a_conditional_create_tells_of_is_in_the_access_log(world: World) -> None:
    """R71: `Location` of what was there before is a disclosure like any other."""
    doctor = a_doctor()
    anna = world.patient(doctor)
    document = make.a_document(anna)
    world.has(document)
    condition = f"identifier=urn:oid:2.25.{document.number}"
    alone = {"If_None_Exist": condition, "X_Request_Id": "met-alone"}
    reply = world.as_(doctor).post("DocumentReference", make.a_document(anna).json(), **alone)
    assert (reply.status, reply.id) == (200, document.ref.partition("/")[2])
    found = entry("POST", "DocumentReference", make.a_document(anna).json(), ifNoneExist=condition)
    assert world.as_(doctor).transact(found).entries[0]["response"]["status"] == "200 OK"
    traces = [str(one) for one in world.traces(of=anna) if document.ref in str(one)]
    assert sum("search-type" in one for one in traces) == 2
    assert any("met-alone" in one for one in traces)
