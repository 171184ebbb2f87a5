"""R4 http.html 3.1.0.2 to 3.1.0.8: what is done to one resource."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.support import resources as make
from tests.support.citing import http
from tests.support.people import a_doctor
from tests.support.replies import FHIR_JSON, Reply
from tests.support.world import World

Json = dict[str, Any]
SYSTEM = "urn:test:number"
OLD_META = {
    "versionId": "77",
    "lastUpdated": "2001-01-01T00:00:00Z",
    "source": "urn:test:source",
    "profile": ["https://example.org/StructureDefinition/kept"],
    "tag": [{"system": "urn:test", "code": "kept"}],
}


def numbered(number: str, **rest: Any) -> Json:
    identifier = [{"system": SYSTEM, "value": number}]
    return {"resourceType": "Patient", "identifier": identifier, **rest}


def search(number: str) -> str:
    return f"Patient?identifier={SYSTEM}|{number}"


def says_its_version(reply: Reply, number: int) -> None:
    """Check that headers and body tell of the version `number`, and when it was made."""
    meta = reply.json["meta"]
    assert (meta["versionId"], reply.headers["etag"]) == (str(number), f'W/"{number}"')
    when = parsedate_to_datetime(reply.headers["last-modified"])
    assert meta["lastUpdated"].startswith(when.strftime("%Y-%m-%dT%H:%M:%S"))


# read and vread ----------------------------------------------------------------------------------


@http("3.1.0.1.3-1", "3.1.0.2-1", "3.1.0.2-2", "3.1.0.5-1", "3.1.0.5-2")
def test_a_read_says_id_version_and_time(world: World) -> None:
    anna = world.patient()
    reply = world.trusted.get(f"Patient/{anna}")
    assert (reply.status, reply.json["id"]) == (200, anna)
    says_its_version(reply, 1)


@http("3.1.0.2-3")
def test_a_deleted_resource_is_gone_and_an_unknown_one_not_found(world: World) -> None:
    anna = world.patient()
    world.lacks(f"Patient/{anna}")
    gone, unknown = world.trusted.get(f"Patient/{anna}"), world.trusted.get("Patient/none")
    assert (gone.status, gone.issue["code"]) == (410, "deleted")
    assert (unknown.status, unknown.issue["code"]) == (404, "not-found")


@http("3.1.0.3-1", "3.1.0.3-2")
def test_a_vread_says_id_version_and_time(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    world.has(body | {"active": False})
    for number, active in ((1, True), (2, False)):
        reply = world.trusted.get(f"Patient/{body['id']}/_history/{number}")
        assert (reply.status, reply.json["id"], reply.json["active"]) == (200, body["id"], active)
        says_its_version(reply, number)


@http("3.1.0.3-3")
def test_the_version_of_a_deletion_is_gone(world: World) -> None:
    anna = world.patient()
    world.lacks(f"Patient/{anna}")
    reply = world.trusted.get(f"Patient/{anna}/_history/2")
    assert (reply.status, reply.issue["code"]) == (410, "deleted")


@http("3.1.0.3-4")
@pytest.mark.parametrize("version", ["2", "0", "x", "a" * 64])
def test_a_version_that_never_was_is_not_found(world: World, version: str) -> None:
    reply = world.trusted.get(f"Patient/{world.patient()}/_history/{version}")
    assert (reply.status, reply.issue["code"]) == (404, "not-found")


# update ------------------------------------------------------------------------------------------


@http("3.1.0.4-2", "3.1.0.4-3")
@pytest.mark.parametrize("given", [{}, {"id": "another"}])
def test_an_update_without_the_id_of_its_address_is_refused(world: World, given: Json) -> None:
    anna = world.patient()
    reply = world.trusted.send("PUT", f"Patient/{anna}", {"resourceType": "Patient"} | given)
    assert (reply.status, reply.issue["code"]) == (400, "invalid")
    assert reply.issue["expression"] == ["Patient.id"]
    assert world.trusted.get(f"Patient/{anna}").headers["etag"] == 'W/"1"'


@http("3.1.0.4-4", "3.1.0.4-5", "3.1.0.4-6", "3.1.0.8-3", "3.1.0.8-4", "3.1.0.8-5")
@pytest.mark.parametrize("verb", ["create", "update"])
def test_version_and_time_are_the_server_s_and_the_rest_of_meta_the_client_s(
    world: World, verb: str
) -> None:
    body = make.a_patient(meta=OLD_META)
    reply = world.trusted.post("Patient", body) if verb == "create" else world.trusted.put(body)
    assert reply.status == 201
    read = world.trusted.get(f"Patient/{reply.id}")
    says_its_version(read, 1)
    meta = read.json["meta"]
    assert not meta["lastUpdated"].startswith("2001")
    kept = {name: value for name, value in OLD_META.items() if name in ("source", "profile", "tag")}
    assert {name: meta[name] for name in kept} == kept


@http("3.1.0.4-8")
def test_an_update_answers_200_with_the_new_version_or_201(world: World) -> None:
    body = make.a_patient()
    created, updated = world.trusted.put(body), world.trusted.put(body)
    assert (created.status, updated.status) == (201, 200)
    says_its_version(created, 1)
    says_its_version(updated, 2)


@http("3.1.0.4-9")
def test_an_update_that_creates_says_where(world: World) -> None:
    body = make.a_patient()
    created, updated = world.trusted.put(body), world.trusted.put(body)
    assert created.headers["location"].endswith(f"/fhir/Patient/{body['id']}/_history/1")
    assert "location" not in updated.headers


@http("3.1.0.4-10")
def test_the_spaces_of_json_are_kept(world: World) -> None:
    anna = make.new_id()
    body = f'{{"resourceType":"Patient",\n\t"id" : "{anna}",  "active"  :  true}}'.encode()
    assert world.trusted.send("PUT", f"Patient/{anna}", body).status == 201
    assert b'"active"  :  true' in world.trusted.get(f"Patient/{anna}").body


@http("3.1.0.4.3-2")
def test_a_conditional_update_that_finds_nothing_creates_under_the_id_of_its_body(
    world: World,
) -> None:
    number, chosen = make.new_hex(), make.new_id()
    reply = world.trusted.send("PUT", search(number), numbered(number, id=chosen))
    assert (reply.status, reply.json["id"]) == (201, chosen)


@http("3.1.0.4.3-3")
@pytest.mark.parametrize("with_id", [False, True])
def test_a_conditional_update_changes_the_one_match_with_or_without_its_id(
    world: World, with_id: bool
) -> None:
    number = make.new_hex()
    there = world.trusted.post("Patient", numbered(number)).id
    rest = {"id": there} if with_id else {}
    reply = world.trusted.send("PUT", search(number), numbered(number, active=True, **rest))
    assert (reply.status, reply.json["id"], reply.json["active"]) == (200, there, True)


@http("3.1.0.4.3-6")
def test_a_conditional_update_gives_a_new_id_where_the_caller_may_choose_none(
    world: World,
) -> None:
    doctor = a_doctor()
    anna = world.patient(doctor)
    body = make.a_document(anna).by(doctor).json()
    sought = f"DocumentReference?identifier=urn:ietf:rfc:3986|urn:test:{body['id']}"
    reply = world.as_(doctor).send("PUT", sought, body)
    assert reply.status == 201
    assert reply.json["id"] != body["id"]


# versions ----------------------------------------------------------------------------------------


@http("3.1.0.5-3", "3.1.0.7-7")
def test_no_version_comes_back_when_a_resource_is_deleted_and_made_again(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    world.lacks(f"Patient/{body['id']}")
    again = world.trusted.put(body)
    assert again.status == 201
    says_its_version(again, 3)
    told = [one["response"]["etag"] for one in history_of(world, body["id"])]
    assert told == ['W/"3"', 'W/"2"', 'W/"1"']


def history_of(world: World, id_: str) -> list[Json]:
    return world.trusted.get(f"Patient/{id_}/_history").entries


# patch -------------------------------------------------------------------------------------------


@http("3.1.0.6-6")
@pytest.mark.parametrize(("matches", "status"), [(0, 404), (1, 200), (2, 412)])
def test_a_conditional_patch_needs_one_match(world: World, matches: int, status: int) -> None:
    number = make.new_hex()
    for _ in range(matches):
        world.trusted.post("Patient", numbered(number))
    reply = world.trusted.patch(search(number), {"op": "add", "path": "/active", "value": True})
    assert reply.status == status
    if status != 200:
        assert reply.issue["code"] == {404: "not-found", 412: "multiple-matches"}[status]


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">Lise, 1988</div>'
BIRTH = {"op": "replace", "path": "/birthDate", "value": "1989-03-05"}


def narrated(world: World, status: str) -> str:
    """Store a patient with a narrative; return the address."""
    return f"Patient/{world.patient(text={'status': status, 'div': DIV})}"


@http("3.1.0.6-7")
def test_a_generated_narrative_goes_when_a_patch_changes_what_it_tells(world: World) -> None:
    path = narrated(world, "generated")
    reply = world.trusted.patch(path, BIRTH)
    assert (reply.status, reply.json["birthDate"]) == (200, "1989-03-05")
    assert "text" not in reply.json


@http("3.1.0.6-7")
@pytest.mark.parametrize("status", ["additional", "extensions"])
def test_a_patch_that_contradicts_a_narrative_of_its_author_is_refused(
    world: World, status: str
) -> None:
    path = narrated(world, status)
    reply = world.trusted.patch(path, BIRTH)
    assert (reply.status, reply.issue["expression"]) == (422, ["Patient.text"])
    assert world.trusted.get(path).headers["etag"] == 'W/"1"'


@http("3.1.0.6-7")
@pytest.mark.parametrize("status", ["generated", "additional"])
def test_a_patch_may_rewrite_the_narrative_itself(world: World, status: str) -> None:
    path = narrated(world, status)
    told = {"op": "replace", "path": "/text/div", "value": DIV.replace("1988", "1989")}
    reply = world.trusted.patch(path, BIRTH, told)
    assert (reply.status, reply.json["text"]["div"]) == (200, told["value"])


@http("3.1.0.6-7")
@pytest.mark.parametrize("status", ["generated", "additional", "empty"])
def test_a_patch_of_labels_leaves_the_narrative(world: World, status: str) -> None:
    path = narrated(world, status)
    tag = {"op": "add", "path": "/meta/tag", "value": [{"system": "urn:test", "code": "x"}]}
    reply = world.trusted.patch(path, tag)
    assert (reply.status, reply.json["text"]["div"]) == (200, DIV)


# delete ------------------------------------------------------------------------------------------


@http("3.1.0.7-2", "3.1.0.7-3", "3.1.0.7-9")
def test_a_deletion_has_no_body_and_hides_from_reads_and_searches(world: World) -> None:
    number = make.new_hex()
    path = f"Patient/{world.trusted.post('Patient', numbered(number)).id}"
    deleted = world.trusted.delete(path)
    assert (deleted.status, deleted.body, deleted.headers["etag"]) == (204, b"", 'W/"2"')
    assert world.trusted.get(path).status == 410
    assert world.trusted.get(search(number)).total == 0


@http("3.1.0.7-4")
def test_deleting_twice_is_like_deleting_once(world: World) -> None:
    anna = world.patient()
    first, again = (world.trusted.delete(f"Patient/{anna}") for _ in range(2))
    assert (again.status, again.headers["etag"]) == (first.status, first.headers["etag"])
    assert len(history_of(world, anna)) == 2


@http("3.1.0.7-4")
def test_deleting_twice_tells_nothing_to_who_could_not_read_it(world: World) -> None:
    stranger, anna = a_doctor(), world.patient()
    hidden = make.a_document(anna)
    world.has(hidden)
    world.lacks(hidden.ref)
    one, other = (
        world.as_(stranger).delete(ref)
        for ref in (hidden.ref, f"DocumentReference/{make.new_id()}")
    )
    assert (one.status, one.issue["code"]) == (other.status, other.issue["code"])
    assert one.status == 404


# create ------------------------------------------------------------------------------------------


@http("3.1.0.8-2", "3.1.0.8-7", "3.1.0.8-8")
def test_a_create_makes_an_id_of_its_own_and_says_where(world: World) -> None:
    body = make.a_patient()
    reply = world.trusted.post("Patient", body)
    assert reply.status == 201
    assert reply.json["id"] != body["id"]
    assert reply.headers["location"].endswith(f"/fhir/Patient/{reply.json['id']}/_history/1")
    says_its_version(reply, 1)
    assert world.trusted.get(f"Patient/{body['id']}").status == 404


@http("3.1.0.8-1", "3.1.0.8-9")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"resourceType":"Patient",', 400, "structure"),
        (b"[]", 400, "structure"),
        (b"", 400, "structure"),
        (json.dumps({"resourceType": "Group"}).encode(), 400, "structure"),
        (json.dumps({"resourceType": "Patient", "nonsense": 1}).encode(), 422, "structure"),
        (json.dumps({"resourceType": "Patient", "gender": "x"}).encode(), 422, "code-invalid"),
    ],
)
def test_what_is_no_resource_is_400_and_what_breaks_a_rule_422(
    world: World, body: bytes, status: int, code: str
) -> None:
    reply = world.trusted.send("POST", "Patient", body, FHIR_JSON)
    assert (reply.status, reply.issue["code"]) == (status, code)


@http("3.1.0.8-10")
def test_a_create_of_what_is_no_type_is_not_found(world: World) -> None:
    reply = world.trusted.post("Wizard", {"resourceType": "Wizard"})
    assert (reply.status, reply.issue["code"]) == (404, "not-supported")
