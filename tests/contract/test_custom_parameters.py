"""A SearchParameter that is written is indexed while the server serves, and then searched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.app import create_app
from fhir_server.consent.requester import Kind, Requester
from fhir_server.records.reindexing import Reindexing
from fhir_server.search import registry
from fhir_server.search.additions import Additions, shipped
from fhir_server.search.types import Locale
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.parameters import Parameters
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Caller, Json, Reply
from tests.support.world import World

ADMINISTRATOR = Requester(Kind.ADMINISTRATOR, client="console")
KIND = "https://example.org/kind"


def a_parameter(id_: str, **but: Any) -> Json:
    """Return a definition of `id_`, which finds organisations by another of their names."""
    return {
        "resourceType": "SearchParameter",
        "id": id_,
        "url": f"https://example.org/SearchParameter/{id_}",
        "name": "Own",
        "status": "active",
        "description": "One of our own.",
        "code": id_,
        "base": ["Organization"],
        "type": "string",
        "expression": "Organization.alias",
    } | but


def an_organization(id_: str, alias: str) -> Json:
    return {"resourceType": "Organization", "id": id_, "name": "Clinique", "alias": [alias]}


def when_ready(caller: Caller, path: str) -> Reply:
    """Return the answer to `path` once its parameters are indexed."""
    deadline = time.monotonic() + 20
    while (reply := caller.get(path)).status == 409:
        assert time.monotonic() < deadline, reply.body
        time.sleep(0.02)
    return reply


SOON = 0.1
"""Seconds after which a worker learns of what was declared: here there is one."""


@pytest.fixture(scope="module")
def world(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server whose workers soon learn of what is declared."""
    with connect(mongo_uri) as client:
        store = MongoStore(client, module_database_name)
        yield World(store, tmp_path_factory.mktemp("home"), parameter_seconds=SOON)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(world: World) -> Iterator[None]:
    """Let the process forget what this module declared: other modules share it."""
    yield
    settled(world)
    registry.grow(Additions(shipped()), {})


def settled(world: World) -> None:
    """Wait until nothing is being indexed."""
    parameters = Parameters(world.store)
    deadline = time.monotonic() + 20
    while any(one.state != "ready" for one in parameters.all()):
        world.trusted.get("Organization?_count=0")
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def declared(world: World) -> Reply:
    """Declare parameters after organisations were stored; return the answer for `alias`."""
    for number in range(3):
        world.has(an_organization(f"o{number}", f"Éole {number}"))
    world.has(an_organization("c1", "Ancien") | {"contact": [{"name": {"family": "Neuf"}}]})
    for code in ("changing", "deleted", "retired"):
        world.has(a_parameter(code))
    return world.trusted.put(a_parameter("alias"))


# becoming searched -------------------------------------------------------------------------------


def test_until_every_row_is_indexed_a_search_is_refused_and_says_how_far_it_is(
    world: World, declared: Reply
) -> None:
    assert declared.status == 201
    reply = world.trusted.get("Organization?alias=eole")
    assert (reply.status, reply.issue["code"]) == (409, "transient")
    assert reply.issue["diagnostics"].startswith(
        "search parameter `alias` of Organization is being indexed, "
    )
    lenient = world.trusted.get("Organization?alias=eole", Prefer="handling=lenient")
    assert lenient.status == 409
    assert world.trusted.get("Organization?_sort=alias").status == 409


def test_what_was_stored_before_and_what_is_written_meanwhile_is_found(
    world: World, declared: Reply
) -> None:
    before = world.trusted.get("Organization/o1")
    world.has(an_organization("o9", "eole 9"))
    found = when_ready(world.trusted, "Organization?alias=EOLE&_sort=-alias")
    assert found.status == 200
    assert (found.ids, found.total) == (["o9", "o2", "o1", "o0"], 4)
    assert world.trusted.get("Organization/o1").without() == before.without()
    assert world.trusted.get("Organization/o1/_history").total == 1


def test_a_parameter_that_is_ready_is_in_the_statement_and_in_the_description(
    world: World, declared: Reply
) -> None:
    when_ready(world.trusted, "Organization?alias=x")
    (statement,) = (
        one
        for one in world.trusted.get("metadata").json["rest"][0]["resource"]
        if one["type"] == "Organization"
    )
    url = "https://example.org/SearchParameter/alias"
    assert {"name": "alias", "definition": url, "type": "string"} in statement["searchParam"]
    described = json.loads(world.app.test_client().get("/openapi.json").data)
    component = described["components"]["parameters"]["Organization.alias"]
    assert component["x-fhir-definition"] == url


def test_everybody_may_read_a_definition_and_search_by_it(world: World, declared: Reply) -> None:
    doctor = world.as_(a_doctor())
    assert doctor.get("SearchParameter/alias").status == 200
    assert when_ready(doctor, "Organization?alias:exact=Éole 1").ids == ["o1"]
    assert "c1" in doctor.get("Organization?alias:missing=false").ids


def test_another_worker_learns_of_it(world: World, declared: Reply, mongo_uri: str) -> None:
    when_ready(world.trusted, "Organization?alias=x")
    registry.grow(Additions(shipped()), {})  # as a process that has just begun
    with connect(mongo_uri) as client:
        settings = Settings(auth="off", log_level="error")
        store = MongoStore(client, world.store.database)
        other = Caller(create_app(settings, store=store).test_client())
        assert other.get("Organization?alias=eole").total == 4


def test_a_token_of_an_extension_is_searched_on_several_types(world: World) -> None:
    path = f"extension.where(url = '{KIND}').value"
    made = world.as_(ADMINISTRATOR).post(
        "SearchParameter",
        a_parameter(
            "kind",
            base=["Location", "Organization"],
            type="token",
            expression=f"(Location.{path} as code) | (Organization.{path} as code)",
        ),
    )
    assert made.status == 201
    extension = [{"url": KIND, "valueCode": "ehpad"}]
    world.has(an_organization("k1", "k") | {"extension": extension})
    world.has({"resourceType": "Location", "id": "k2", "extension": extension})
    assert when_ready(world.trusted, "Organization?kind=ehpad").ids == ["k1"]
    assert world.trusted.get("Location?kind=ehpad").ids == ["k2"]
    assert world.trusted.get("Organization?kind:not=ehpad&alias=k").ids == []


# becoming another, and ending --------------------------------------------------------------------


@pytest.fixture(scope="module")
def changed(world: World, declared: Reply) -> World:
    """Change what one parameter is about, delete one and retire one; return the world."""
    for code in ("changing", "deleted", "retired"):
        assert when_ready(world.trusted, f"Organization?{code}=ancien").ids == ["c1"]
    world.has(a_parameter("changing", expression="Organization.contact.name.family"))
    world.lacks("SearchParameter/deleted")
    world.has(a_parameter("retired", status="retired"))
    return world


def test_another_expression_is_indexed_anew(changed: World) -> None:
    assert changed.trusted.get("Organization?changing=ancien").status == 409
    assert when_ready(changed.trusted, "Organization?changing=ancien").ids == []
    assert changed.trusted.get("Organization?changing=neuf").ids == ["c1"]


@pytest.mark.parametrize("code", ["deleted", "retired"])
def test_what_is_retired_or_deleted_is_no_longer_searched_and_leaves_no_values(
    changed: World, code: str
) -> None:
    reply = changed.trusted.get(f"Organization?{code}=ancien")
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    settled(changed)
    (row,) = Parameters(changed.store).rows("Organization", "c0", 1)
    assert row.id == "c1"
    assert code not in row.idx
    assert code not in row.srt


def test_a_draft_is_stored_and_not_searched(world: World) -> None:
    world.has(a_parameter("draft", status="draft", expression="nothing at all"))
    assert world.trusted.get("SearchParameter/draft").status == 200
    assert world.trusted.get("Organization?draft=x").status == 400


# work ---------------------------------------------------------------------------------------------


def test_work_that_was_interrupted_goes_on_where_it_was(
    mongo_uri: str, database_name: str, tmp_path: Any
) -> None:
    with connect(mongo_uri) as client:
        world = World(MongoStore(client, database_name), tmp_path)
        for number in range(4):
            world.has(an_organization(f"r{number}", "Reprise"))
        parameters = Parameters(world.store)
        body = {k: v for k, v in a_parameter("resumed").items() if k not in ("id", "resourceType")}
        progress = {"settled": True, "type": "Organization", "after": "r1", "done": 2, "total": 4}
        world.store._db.search_parameter.insert_one(
            {"_id": "resumed", "body": body, "state": "waiting", "mark": "m", "progress": progress}
        )
        Reindexing(parameters, Locale(), settle_seconds=0).work()
        rows = parameters.rows("Organization", "", 9)
        assert [row.id for row in rows if "resumed" in row.idx] == ["r2", "r3"]
        assert [one.state for one in parameters.all()] == ["ready"]


def test_rows_that_were_stored_before_the_server_shipped_a_parameter_are_indexed(
    mongo_uri: str, database_name: str, tmp_path: Any
) -> None:
    with connect(mongo_uri) as client:
        store = MongoStore(client, database_name)
        world = World(store, tmp_path)
        content = [{"attachment": {"contentType": "text/plain", "creation": "2024-05-04"}}]
        id_ = world.has(make.a_document(world.patient()).json() | {"content": content})
        store._db.SearchParameter.delete_many({})
        store._db.DocumentReference.update_many({}, {"$unset": {"idx.creation": 1}})
        upgraded = World(store, tmp_path)
        assert upgraded.trusted.get("DocumentReference?creation=2024-05-04").status == 409
        assert when_ready(upgraded.trusted, "DocumentReference?creation=2024-05-04").ids == [id_]
        for code in ("isArchived", "period-start", "period-end"):
            assert when_ready(upgraded.trusted, f"DocumentReference?{code}=2024").status != 409
        assert Parameters(store).all() == []


def test_one_worker_works_at_a_time(mongo_uri: str, database_name: str, tmp_path: Any) -> None:
    with connect(mongo_uri) as client:
        store = MongoStore(client, database_name)
        World(store, tmp_path).has(an_organization("w", "w"))
        one, other = Parameters(store), Parameters(store)
        assert one.lease(30)
        assert one.lease(30)
        assert not other.lease(30)
        one.release()
        assert other.lease(0)
        assert one.lease(30)


# refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("but", "element", "why"),
    [
        ({"code": "name"}, "code", "`name` of Organization is defined by R4"),
        ({"code": "_own"}, "code", "`_own` can't be a parameter"),
        ({"code": "a.b"}, "code", "`a.b` can't be a parameter"),
        ({"type": "special"}, "type", "parameters of type `special` can't be declared here"),
        ({"base": ["AuditEvent"]}, "base", "the access log takes no parameters beside those of R4"),
        ({"expression": "Organization.nothing"}, "expression", "`Organization` has no element"),
        ({"expression": "Organization.alias &"}, "expression", "unexpected `&`"),
        ({"expression": "Patient.name"}, "expression", "for Organization it leads nowhere"),
        ({"type": "composite"}, "component", "a composite has components"),
        (
            {"url": "https://fhir-server.example.org/SearchParameter/List-sourceId"},
            "url",
            "is defined already",
        ),
        (
            {"base": ["List"], "code": "sourceId", "expression": "List.title"},
            "code",
            "`sourceId` of List is defined by",
        ),
    ],
)
def test_what_can_not_be_searched_is_refused_with_its_element(
    world: World, but: Json, element: str, why: str
) -> None:
    reply = world.trusted.put(a_parameter("refused", **but))
    assert reply.status == 422
    assert reply.issue["expression"] == [f"SearchParameter.{element}"]
    assert why in reply.issue["diagnostics"]
    assert world.trusted.get("SearchParameter/refused").status == 404


def test_a_parameter_about_entries_that_may_be_hidden_is_refused(world: World) -> None:
    for expression in (
        "List.entry.flag",
        "List.source.display",
        "List.extension.extension.value",
        "(List.extension.value as Reference).display",
    ):
        reply = world.trusted.put(
            a_parameter("entries", base=["List"], type="token", expression=expression)
        )
        assert (reply.status, reply.issue["code"]) == (422, "business-rule"), expression


def test_a_professional_can_not_declare_one(world: World) -> None:
    reply = world.as_(a_doctor()).post("SearchParameter", a_parameter("mine"))
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")


def test_nobody_changes_what_the_server_ships(world: World) -> None:
    shipped_one = world.trusted.get("SearchParameter/List-sourceId").json
    assert world.trusted.put(shipped_one | {"status": "retired"}).status == 405


# what is shipped ---------------------------------------------------------------------------------

ARCHIVED = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-is-archived"
MHD = "https://profiles.ihe.net/ITI/MHD/StructureDefinition"


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("creation=2024-05", True),
        ("creation=2024-06", False),
        ("isArchived=true", True),
        ("isArchived=false", False),
        ("period-start=ge2024-01-01", True),
        ("period-end=lt2024-01-01", False),
    ],
)
def test_documents_are_found_by_what_pdsm_and_mhd_add(
    world: World, query: str, is_found: bool
) -> None:
    patient = world.patient()
    document = make.a_document(patient).json() | {
        "extension": [{"url": ARCHIVED, "valueBoolean": True}],
        "content": [{"attachment": {"contentType": "text/plain", "creation": "2024-05-04"}}],
        "context": {"period": {"start": "2024-02-01", "end": "2024-02-03"}},
    }
    id_ = world.has(document)
    reply = world.trusted.get(f"DocumentReference?patient={patient}&{query}")
    assert reply.status == 200
    assert reply.ids == ([id_] if is_found else [])


@pytest.mark.parametrize(
    "query",
    [
        "designationType=urn:oid:1.2|X",
        "sourceId=urn:oid:1.2|S1",
        "authorOrg=Organization/of-set",
        "isArchived:missing=true",
    ],
)
def test_sets_are_found_by_what_pdsm_and_mhd_add(world: World, query: str) -> None:
    patient = world.patient()
    world.has({"resourceType": "Organization", "id": "of-set", "name": "Clinique"})
    concept = {"coding": [{"system": "urn:oid:1.2", "code": "X"}]}
    organization = {"reference": "Organization/of-set"}
    made = {
        "resourceType": "List",
        "id": f"set-{patient}",
        "status": "current",
        "mode": "working",
        "subject": {"reference": f"Patient/{patient}"},
        "source": {
            "display": "Dr Test",
            "extension": [{"url": f"{MHD}/ihe-authorOrg", "valueReference": organization}],
        },
        "extension": [
            {"url": f"{MHD}/ihe-designationType", "valueCodeableConcept": concept},
            {
                "url": f"{MHD}/ihe-sourceId",
                "valueIdentifier": {"system": "urn:oid:1.2", "value": "S1"},
            },
        ],
    }
    world.has(made)
    assert world.trusted.get(f"List?patient={patient}&{query}").ids == [made["id"]]


# plans -------------------------------------------------------------------------------------------


def test_the_trusted_system_is_told_how_a_search_is_answered(world: World) -> None:
    patient = world.patient()
    world.document(patient)
    reply = world.trusted.get(f"DocumentReference?patient={patient}&_explain=plan")
    assert reply.status == 200
    assert reply.json["resourceType"] == "Parameters"
    parts = reply.json["parameter"][-1]["part"]
    told = {part["name"]: next(v for k, v in part.items() if k != "name") for part in parts}
    assert (told["collection"], told["returned"]) == ("DocumentReference", 1)
    assert {"verb", "stage", "index", "keys-examined", "milliseconds"} <= told.keys()
    assert patient not in reply.body.decode()


@pytest.mark.parametrize(
    "who", [a_doctor(), ADMINISTRATOR, Requester(Kind.AUDITOR), Requester(Kind.BANK)]
)
@pytest.mark.parametrize("query", ["_explain=plan", "_explain=x&nothing=1", "_explain"])
def test_others_are_refused_alike_whatever_they_ask(
    world: World, who: Requester, query: str
) -> None:
    reply = world.as_(who).get(f"DocumentReference?{query}")
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")
    assert reply.issue["diagnostics"] == "this caller may not ask for plans"


def test_another_form_of_plan_is_refused(world: World) -> None:
    reply = world.trusted.get("DocumentReference?_explain=all")
    assert (reply.status, reply.issue["code"]) == (400, "value")
