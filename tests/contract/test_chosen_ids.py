"""Who may create by PUT, under each value of `update_create`; L26: no answer tells a taken id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.consent.requester import Requester
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient
from tests.support.replies import Caller, Json, Reply, entry, told_apart
from tests.support.world import World

DOC = "DocumentReference"


@pytest.fixture(scope="module")
def worlds(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Give servers with each policy on one database."""
    home = tmp_path_factory.mktemp("home")
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, module_database_name)
        yield {policy: World(store, home, update_create=policy) for policy in POLICIES}


POLICIES = ("trusted", "own", "off")


def own_id(who: Requester) -> str:
    prefix = f"rpps-{who.rpps}" if who.rpps else f"finess-{who.organization}"
    return f"{prefix}-{make.new_id()}"


def put(caller: Caller, patient: str, id_: str) -> Reply:
    return caller.put(make.a_document(patient).but(id=id_).json())


def in_bundle(caller: Caller, patient: str, id_: str, kind: str) -> Reply:
    body = make.a_document(patient).but(id=id_).json()
    return caller.transact(entry("PUT", f"{DOC}/{id_}", body), kind=kind)


@pytest.mark.parametrize(("policy", "status"), [("trusted", 201), ("own", 201), ("off", 404)])
def test_the_trusted_system_creates_by_put_unless_that_is_off(
    worlds: Any, policy: str, status: int
) -> None:
    world = worlds[policy]
    assert world.trusted.put(make.a_patient()).status == status
    body = make.a_patient()
    reply = world.trusted.transact(entry("PUT", f"Patient/{body['id']}", body))
    assert reply.status == (200 if status == 201 else 404)


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_there_is_updated_whoever_may_create_by_put(worlds: Any, policy: str) -> None:
    body = make.a_patient()
    worlds["trusted"].has(body)
    assert worlds[policy].trusted.put(body).status == 200


@pytest.mark.parametrize(("policy", "updates"), [("trusted", True), ("own", True), ("off", False)])
def test_the_statement_says_whether_put_creates(worlds: Any, policy: str, updates: bool) -> None:
    [rest] = worlds[policy].trusted.get("metadata").json["rest"]
    assert {one["updateCreate"] for one in rest["resource"]} == {updates}


@pytest.mark.parametrize("form", ["single", "batch", "transaction"])
@pytest.mark.parametrize("who", [a_doctor(), a_hospital()], ids=["professional", "software"])
def test_under_own_a_caller_creates_under_ids_that_begin_with_their_number(
    worlds: Any, who: Requester, form: str
) -> None:
    anna, id_ = worlds["trusted"].patient(), own_id(who)
    caller = worlds["own"].as_(who)

    def sent() -> str:
        if form == "single":
            return str(put(caller, anna, id_).status)
        told: str = in_bundle(caller, anna, id_, form).entries[0]["response"]["status"]
        return told[:3]

    assert sent() == "201"
    stored = worlds["trusted"].trusted.get(f"{DOC}/{id_}")
    assert (stored.status, stored.headers["etag"]) == (200, 'W/"1"')
    assert sent() == "200"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("form", ["single", "batch", "transaction"])
def test_l26_an_id_that_is_not_the_caller_s_is_refused_alike_taken_or_free(
    worlds: Any, policy: str, form: str
) -> None:
    world, who, other = worlds[policy], a_doctor(), a_doctor()
    anna = worlds["trusted"].patient()
    taken = [own_id(other), make.new_id(), f"rpps-{who.rpps}"]
    for id_ in taken:
        worlds["trusted"].document(anna, id=id_)
    free = [own_id(other), make.new_id(), f"finess-{who.rpps}-{make.new_id()}"]
    caller = world.as_(who)
    replies = [
        put(caller, anna, id_) if form == "single" else in_bundle(caller, anna, id_, form)
        for id_ in (*taken, *free)
    ]
    for reply, id_ in zip(replies, (*taken, *free), strict=True):
        status = 404 if form != "batch" else 200
        assert (reply.status, b"404" in reply.body or form != "batch") == (status, True)
        twin = put(caller, anna, "x" * len(id_)) if form == "single" else None
        if twin is not None:
            assert told_apart(reply, twin, id_, "x" * len(id_)) == ""


def test_under_own_who_has_no_number_chooses_no_id(worlds: Any) -> None:
    anna = worlds["trusted"].patient()
    holder = worlds["own"].as_(the_patient(anna))
    for id_ in (f"patient-{anna}-1", f"rpps--{anna}", make.new_id()):
        assert put(holder, anna, id_).status == 404


def test_under_own_the_right_to_create_is_asked_all_the_same(worlds: Any) -> None:
    doctor = a_doctor()
    body = make.a_patient(id=own_id(doctor))
    reply = worlds["own"].as_(doctor).put(body)
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")


def conditional(caller: Caller, body: Json, form: str) -> tuple[str, str]:
    """Update under a condition that nothing meets; return status and id."""
    path = f"{DOC}?identifier=urn:oid:2.25.{int(body['id'].encode().hex(), 16)}"
    if form == "single":
        reply = caller.send("PUT", path, body)
        return str(reply.status), reply.id
    reply = caller.transact(entry("PUT", path, body), kind=form)
    response = reply.entries[0]["response"]
    return response["status"][:3], response["location"].split("/")[-3]


@pytest.mark.parametrize("form", ["single", "batch", "transaction"])
def test_a_conditional_update_creates_under_the_id_of_its_body_where_that_may_be_chosen(
    worlds: Any, form: str
) -> None:
    anna, doctor = worlds["trusted"].patient(), a_doctor()
    body = make.a_document(anna).but(id=own_id(doctor)).json()
    assert conditional(worlds["own"].as_(doctor), body, form) == ("201", body["id"])
    other = make.a_document(anna).json()
    status, id_ = conditional(worlds["own"].as_(doctor), other, form)
    assert (status, id_ == other["id"]) == ("201", False)
    third = make.a_document(anna).json()
    status, id_ = conditional(worlds["off"].trusted, third, form)
    assert (status, id_ == third["id"]) == ("201", False)
