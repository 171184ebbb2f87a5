"""A resource that is too large for a row is like any other (ADR 0015)."""

from __future__ import annotations

import json
import random
from base64 import b64decode, b64encode
from typing import Any

from fhir_server.http.body import LARGEST_HELD
from tests.contract.shelf import HEAVY, LARGE, PDF, SCAN, Shelf, deposit
from tests.contract.shelf import shelf as shelf
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import entry
from tests.support.world import World

# Any resource over what a row holds


def a_large_document(of: str, data: str = LARGE, **rest: Any) -> dict[str, Any]:
    return make.a_document(of).json() | holding(data) | rest


def holding(data: str) -> dict[str, Any]:
    return {"content": [{"attachment": {"contentType": PDF, "data": data}}]}


def held_by(document: dict[str, Any]) -> str:
    return str(document["content"][0]["attachment"]["data"])


def test_a_resource_too_large_for_a_row_is_stored_to_the_byte(world: World, shelf: Shelf) -> None:
    files = shelf()[0]
    body = (
        b'{ "resourceType" : "DocumentReference",  "status":"current",\n "content":[{"attachment"'
    )
    body += (
        b':{"contentType":"image/tiff","data":"'
        + b64encode(SCAN * 3)
        + b'"}}], "subject":{"reference":"Patient/'
    )
    body += world.patient().encode() + b'"} }'
    made = world.trusted.send("POST", "DocumentReference", body)
    assert made.status == 201
    assert (shelf()[0], shelf()[1]) == (files + 1, 0)
    read = world.trusted.get(f"DocumentReference/{made.id}")
    assert read.body == made.body
    place = body.index(b",")
    assert read.body.startswith(body[:place])
    assert read.body.endswith(body[place:])


def test_a_json_binary_of_twenty_megabytes_is_stored(world: World) -> None:
    """Before, 413: a row holds 16 MB."""
    content = random.Random(1).randbytes(14 * 1024 * 1024)
    body = make.a_binary(content)
    assert world.trusted.put(body).status == 201
    assert b64decode(world.trusted.get(f"Binary/{body['id']}").json["data"]) == content
    part = world.trusted.get(f"Binary/{body['id']}", Accept="text/plain", Range="bytes=-9")
    assert (part.status, part.body) == (206, content[-9:])


def test_every_read_of_a_large_resource_brings_it_whole(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient(doctor)
    body = a_large_document(anna)
    ref = f"DocumentReference/{body['id']}"
    world.has(body)
    world.has(make.a_list(anna, ref))
    who = world.as_(doctor)
    shown = who.get(ref).json
    assert held_by(shown) == LARGE
    assert who.get(f"{ref}/_history/1").json == shown
    for path in (
        f"DocumentReference?patient={anna}",
        f"List?patient={anna}&_include=List:item",
        f"{ref}/_history",
        f"Patient/{anna}/$everything",
    ):
        found = [one["resource"] for one in who.get(path).entries]
        assert shown in found, path


def test_versions_of_a_large_resource_are_read_each(world: World) -> None:
    body = a_large_document(world.patient())
    written = [LARGE, "AAAA", LARGE + "AAAA"]
    for data in written:
        world.has(body | holding(data))
    ref = f"DocumentReference/{body['id']}"
    found = [held_by(world.trusted.get(f"{ref}/_history/{n}").json) for n in (1, 2, 3)]
    assert found == written
    history = world.trusted.get(f"{ref}/_history").entries
    assert [held_by(one["resource"]) for one in history] == written[::-1]


def test_a_large_resource_is_patched_masked_and_deleted_like_any_other(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    body = a_large_document(anna)
    ref = f"DocumentReference/{body['id']}"
    world.has(body)
    change = {"op": "add", "path": "/docStatus", "value": "final"}
    assert world.trusted.patch(ref, change).json["docStatus"] == "final"
    assert held_by(world.as_(doctor).get(ref).json) == LARGE
    world.has(body | {"securityLabel": [make.label("MASQUE_PS")]})
    assert world.as_(doctor).get(ref).status == 404
    assert world.as_(doctor).get(f"{ref}/_history/1").status == 404
    world.lacks(ref)
    assert world.trusted.get(ref).status == 410


def test_what_the_law_of_a_record_says_is_read_from_a_file_too(world: World) -> None:
    """A Patient with a photo over the size of a row."""
    doctor = a_doctor()
    photo = [{"contentType": "image/png", "data": b64encode(SCAN * 3).decode()}]
    anna = world.patient(doctor, photo=photo)
    document = world.document(anna)
    assert world.as_(doctor).get(f"Patient/{anna}").json["photo"] == photo
    assert world.as_(doctor).get(f"DocumentReference/{document}").status == 200


def test_a_transaction_stores_several_large_resources_or_none(world: World, shelf: Shelf) -> None:
    anna = world.patient()
    files, _, chunks = shelf()
    good, bad = a_large_document(anna), a_large_document(anna, status="tree")
    one = entry("POST", "DocumentReference", good)
    clash = entry("PUT", "Patient/p", make.a_patient(id="p"), ifMatch='W/"7"')
    for second in (entry("POST", "DocumentReference", bad), clash):
        assert world.trusted.transact(one, second).status in (412, 422)
        assert shelf() == (files, 0, chunks)
    both = entry("POST", "DocumentReference", a_large_document(anna))
    assert world.trusted.transact(one, both).status == 200
    assert shelf()[:2] == (files + 2, 0)


def test_a_page_ends_early_when_what_is_on_it_is_heavy(world: World) -> None:
    anna = world.patient()
    made = {world.has(a_large_document(anna, HEAVY)) for _ in range(3)}
    for path in (
        f"DocumentReference?patient={anna}",
        f"Patient/{anna}/$everything?_type=DocumentReference",
    ):
        pages = world.trusted.walk(path)
        assert [len(page.entries) for page in pages] == [2, 1]
        assert {id_ for page in pages for id_ in page.ids} == made
        assert {page.total for page in pages} == {3}


def test_a_history_ends_a_page_early_when_what_is_on_it_is_heavy(world: World) -> None:
    body = a_large_document(world.patient())
    for letter in "abc":
        world.has(body | holding(HEAVY + letter * 4))
    pages = world.trusted.walk(f"DocumentReference/{body['id']}/_history")
    assert [len(page.entries) for page in pages] == [2, 1]
    found = [held_by(one["resource"])[-1] for page in pages for one in page.entries]
    assert found == list("cba")


def test_what_is_included_and_too_heavy_is_refused(world: World) -> None:
    anna = world.patient()
    refs = [f"DocumentReference/{world.has(a_large_document(anna, HEAVY))}" for _ in range(3)]
    world.has(make.a_list(anna, *refs))
    reply = world.trusted.get(f"List?patient={anna}&_include=List:item")
    assert (reply.status, reply.issue["code"]) == (400, "too-costly")


def test_what_may_not_be_known_is_not_read_from_its_file(world: World, shelf: Shelf) -> None:
    """L34: the row decides, so a file that is broken shows nothing of itself."""
    anna = world.patient()
    body = a_large_document(anna)
    world.has(body)
    shelf.lose_newest()
    ref = f"DocumentReference/{body['id']}"
    stranger = world.as_(a_doctor())
    assert stranger.get(ref).status == 404
    assert stranger.get("DocumentReference").total == 0
    assert world.trusted.get(ref).status == 503
    assert world.trusted.get(f"DocumentReference?patient={anna}").status == 503
    assert world.trusted.get(f"DocumentReference?patient={anna}&_summary=count").total == 1


def test_validating_a_large_resource_stores_nothing(world: World, shelf: Shelf) -> None:
    before = shelf()
    body = a_large_document(world.patient())
    reply = world.trusted.post(f"DocumentReference/{body['id']}/$validate?mode=update", body)
    assert reply.json["resourceType"] == "OperationOutcome"
    assert shelf() == before


def test_the_place_of_data_is_last_and_json_stays_whole(world: World) -> None:
    made = deposit(world.trusted, b"\xff" * (LARGEST_HELD + 1))
    raw = world.trusted.get(f"Binary/{made.id}").body
    assert list(json.loads(raw))[-1] == "data"
