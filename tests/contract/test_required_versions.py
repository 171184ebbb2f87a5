"""`require_if_match`: no change of what exists without saying which version is changed (428)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import JSON_PATCH, Caller, Json, Reply, differ, entry
from tests.support.world import World

INACTIVE = {"op": "replace", "path": "/active", "value": False}


@pytest.fixture(scope="module")
def strict(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server that wants every change to name its version."""
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, module_database_name)
        yield World(store, tmp_path_factory.mktemp("home"), require_if_match="on")


def stored(world: World) -> Json:
    """Store a patient, a new one: that needs no version."""
    body = make.a_patient()
    assert world.trusted.put(body).status == 201
    return body


def by(body: Json) -> str:
    return f"Patient?identifier={make.INS}|{body['identifier'][0]['value']}"


Change = Callable[[Caller, Json, dict[str, str]], Reply]
CHANGES: dict[str, Change] = {
    "update": lambda c, b, h: c.put(b | {"active": False}, **h),
    "patch": lambda c, b, h: c.patch(f"Patient/{b['id']}", INACTIVE, **h),
    "delete": lambda c, b, h: c.delete(f"Patient/{b['id']}", **h),
    "conditional update": lambda c, b, h: c.send("PUT", by(b), b | {"active": False}, **h),
    "conditional patch": lambda c, b, h: c.patch(by(b), INACTIVE, **h),
    "conditional delete": lambda c, b, h: c.delete(by(b), **h),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_without_a_version_is_told_to_send_one(strict: World, change: Change) -> None:
    body = stored(strict)
    reply = change(strict.trusted, body, {})
    assert (reply.status, reply.issue["code"]) == (428, "required")
    assert "send its ETag in `If-Match`" in reply.issue["diagnostics"]
    after = strict.trusted.get(f"Patient/{body['id']}")
    assert (after.headers["etag"], after.json["active"]) == ('W/"1"', True)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_version_it_names_passes(strict: World, change: Change) -> None:
    body = stored(strict)
    assert change(strict.trusted, body, {"If_Match": 'W/"1"'}).status in (200, 204)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_another_version_than_it_names_fails(strict: World, change: Change) -> None:
    reply = change(strict.trusted, stored(strict), {"If_Match": 'W/"7"'})
    assert (reply.status, reply.issue["code"]) == (412, "conflict")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_without_the_setting_no_version_is_needed(world: World, change: Change) -> None:
    body = make.a_patient()
    world.has(body)
    assert change(world.trusted, body, {}).status in (200, 204)


def entries(body: Json, **more: Any) -> dict[str, Json]:
    return {
        "PUT": entry("PUT", f"Patient/{body['id']}", body | {"active": False}, **more),
        "PUT?": entry("PUT", by(body), body | {"active": False}, **more),
        "PATCH": entry("PATCH", f"Patient/{body['id']}", patch_body(), **more),
        "DELETE": entry("DELETE", f"Patient/{body['id']}", **more),
    }


def patch_body() -> Json:
    return {"resourceType": "Binary", "contentType": JSON_PATCH,
            "data": "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9hY3RpdmUiLCJ2YWx1ZSI6ZmFsc2V9XQ=="}  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "PUT?", "PATCH", "DELETE"])
def test_an_entry_of_a_transaction_needs_a_version_and_fails_all_of_it(
    strict: World, method: str
) -> None:
    body, other = stored(strict), make.a_patient()
    created = entry("PUT", f"Patient/{other['id']}", other)
    reply = strict.trusted.transact(created, entries(body)[method])
    assert (reply.status, reply.issue["code"]) == (428, "required")
    assert "`ifMatch`" in reply.issue["diagnostics"]
    assert reply.issue["expression"] == ["Bundle.entry[1]"]
    assert strict.trusted.get(f"Patient/{other['id']}").status == 404
    passed = strict.trusted.transact(created, entries(body, ifMatch='W/"1"')[method])
    assert passed.status == 200


@pytest.mark.parametrize("method", ["PUT", "PUT?", "PATCH", "DELETE"])
def test_an_entry_of_a_batch_needs_a_version_for_itself(strict: World, method: str) -> None:
    given = entries(stored(strict), ifMatch='W/"1"')[method]
    reply = strict.trusted.transact(entries(stored(strict))[method], given, kind="batch")
    first, second = (one["response"] for one in reply.entries)
    assert first["status"] == "428"
    assert first["outcome"]["issue"][0]["code"] == "required"
    assert second["status"][:3] in ("200", "204")


def test_what_is_created_needs_no_version(strict: World) -> None:
    first, second = make.a_patient(), make.a_patient()
    assert strict.trusted.post("Patient", first).status == 201
    assert strict.trusted.send("PUT", by(second), second).status == 201


def test_an_operation_takes_no_version(strict: World) -> None:
    body = stored(strict)
    meta = {"tag": [{"system": "urn:x", "code": "a"}]}
    given = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}
    assert strict.trusted.post(f"Patient/{body['id']}/$meta-add", given).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("tag", ["", 'W/"1"', 'W/"7"'])
def test_l23_what_is_hidden_needs_no_version_as_what_is_not_there(
    strict: World, method: str, tag: str
) -> None:
    doctor = a_doctor()
    anna = make.a_patient()
    strict.trusted.put(anna)
    strict.trusted.put(make.a_care_team(anna["id"], doctor))
    masked = make.a_document(anna["id"]).labelled("MASQUE_PS")
    strict.trusted.put(masked.json())
    ids = [masked.ref.partition("/")[2], make.new_id()]
    headers = {"If_Match": tag} if tag else {}
    caller = strict.as_(doctor)
    replies = []
    for id_ in ids:
        body: object = masked.json() | {"id": id_} if method == "PUT" else None
        body = [INACTIVE] if method == "PATCH" else body
        type_ = JSON_PATCH if method == "PATCH" else "application/fhir+json"
        replies.append(caller.send(method, f"DocumentReference/{id_}", body, type_, **headers))
    assert differ(replies, *ids) == ""
    assert replies[0].status == 404


def test_l25_a_condition_that_a_hidden_document_meets_is_one_that_nothing_meets(
    strict: World,
) -> None:
    doctor = a_doctor()
    anna = make.a_patient()
    strict.trusted.put(anna)
    strict.trusted.put(make.a_care_team(anna["id"], doctor))
    masked = make.a_document(anna["id"]).labelled("MASQUE_PS")
    strict.trusted.put(masked.json())
    hidden, absent = masked.ref.partition("/")[2], make.new_id()
    caller = strict.as_(doctor)
    replies = [caller.delete(f"DocumentReference?_id={id_}") for id_ in (hidden, absent)]
    assert differ(replies, hidden, absent) == ""
    assert replies[0].status == 404
