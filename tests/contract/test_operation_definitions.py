"""Each operation is defined, the definition is stored and searched, and requests are judged by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.http.routes import ROUTES
from fhir_server.predicate import ALWAYS
from fhir_server.records.installation import install
from fhir_server.records.published import Published, operation_definitions, published
from fhir_server.search.types import Locale
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row
from tests.support import resources as make
from tests.support.people import a_doctor, an_administrator, the_patient
from tests.support.world import World

Json = dict[str, Any]

DEFINED = {one["id"]: one for one in operation_definitions()}
# Where each is asked in the tests below: an address with `{id}` of a Patient, or of what is named.
VALUES = {
    "boolean": "false", "code": "true", "date": "2024-01-01", "dateTime": "2024-01-01",
    "id": "a", "instant": "2024-01-01T00:00:00Z", "integer": "5", "string": "birthDate",
    "uri": "http://hl7.org/fhir/StructureDefinition/Patient", "CodeableConcept": "11502-2",
}  # fmt: skip
EXCEPTIONS = {
    "_type": "Patient", "mode": "profile", "_summary": "false", "graph": "", "kind": "patient",
    "purpose": "treatment", "rpps": "99700000001", "profession": "21", "organization": "750000001",
    "link": "care-team", "resource": "Patient/a", "at": "2090-01-01",
}  # fmt: skip


def levels(definition: Json) -> set[str]:
    return {level for level in ("system", "type", "instance") if definition[level]}


def routed() -> dict[tuple[str, str], dict[str, set[str]]]:
    """Return (type or `Resource`, code) → level → verbs, from the table of routes."""
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for route in ROUTES:
        place, _, code = route.rule.partition("$")
        if not code:
            continue
        parts = place.strip("/").split("/")
        level = ("system", "type", "instance")[min(len([p for p in parts if p]), 2)]
        owner = "Resource" if parts[0] in ("", "<type>") else parts[0]
        if "_history" in parts:
            level = "version"
        verbs = found.setdefault((owner, code), {}).setdefault(level, set())
        verbs.add(route.method)
    return found


def test_every_operation_that_is_routed_is_defined_at_its_levels_and_no_other() -> None:
    defined = {
        (type_, one["code"]): levels(one) for one in DEFINED.values() for type_ in one["resource"]
    }
    assert {key: set(found) - {"version"} for key, found in routed().items()} == defined


def test_only_what_changes_nothing_takes_get() -> None:
    """https://hl7.org/fhir/R4/operations.html#request."""
    affecting = {one["code"] for one in DEFINED.values() if one["affectsState"]}
    for (_, code), places in routed().items():
        for verbs in places.values():
            assert verbs == ({"POST"} if code in affecting else {"GET", "POST"})


@pytest.mark.parametrize("id_", sorted(DEFINED))
def test_a_definition_is_read_and_found_by_everybody(world: World, id_: str) -> None:
    for caller in (world.trusted, world.as_(a_doctor()), world.as_(the_patient("nobody"))):
        read = caller.get(f"OperationDefinition/{id_}")
        assert (read.status, read.json["url"]) == (200, DEFINED[id_]["url"])
        assert caller.get(f"OperationDefinition?url={DEFINED[id_]['url']}").ids == [id_]
    name = DEFINED[id_]["name"]
    assert id_ in world.trusted.get(f"OperationDefinition?name={name}").ids


def test_what_the_statement_names_resolves_here(world: World) -> None:
    statement = world.trusted.get("metadata").json["rest"][0]
    named = {one["definition"] for one in statement["operation"]}
    for resource in statement["resource"]:
        named |= {one["definition"] for one in resource["operation"]}
    assert named == {one["url"] for one in DEFINED.values()}
    for url in named:
        assert world.trusted.get(f"OperationDefinition?url={url}").total == 1


def test_a_definition_of_r4_is_the_base_of_ours() -> None:
    bases = {one["id"]: one.get("base", "") for one in DEFINED.values()}
    own = {"Patient-break-glass", "Patient-record-status", "Task-review"}
    own |= {id_ for id_ in bases if id_.startswith("AuditEvent-")}
    own |= {"Patient-explain", "Resource-explain", "Patient-simulate"}
    assert {id_ for id_, base in bases.items() if not base} == own
    for id_ in set(bases) - own - {"DocumentReference-docref"}:
        assert bases[id_] == f"http://hl7.org/fhir/OperationDefinition/{id_}"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_nobody_changes_what_the_server_says_of_itself(world: World, method: str) -> None:
    for caller in (world.trusted, world.as_(an_administrator())):
        stored = caller.get("OperationDefinition/Resource-meta")
        rename = b'[{"op":"replace","path":"/name","value":"Other"}]'
        sent: dict[str, tuple[Any, str]] = {
            "PUT": (stored.json | {"name": "Other"}, "application/fhir+json"),
            "PATCH": (rename, "application/json-patch+json"),
            "DELETE": (None, "application/fhir+json"),
        }
        body, type_ = sent[method]
        reply = caller.send(method, "OperationDefinition/Resource-meta", body, type_)
        assert (reply.status, reply.issue["code"]) == (405, "not-supported")
        assert reply.headers["allow"] == "GET, HEAD"
        assert caller.get("OperationDefinition/Resource-meta").body == stored.body


# how they get there ------------------------------------------------------------------------------


@pytest.fixture
def store(mongo_uri: str, database_name: str) -> Iterator[MongoStore]:
    """Give a database in which a server starts for the first time."""
    with connect(mongo_uri) as mongo:
        found = MongoStore(mongo, database_name)
        found.prepare()
        install(found, Locale(), at=1)
        yield found


def stored(store: MongoStore, one: Published) -> Row:
    row = store.get(one.type, one.id)
    assert row is not None
    return row


def test_what_is_published_is_stored_once_however_often_a_server_starts(store: MongoStore) -> None:
    install(store, Locale(), at=2)
    assert {(stored(store, one).version, stored(store, one).updated) for one in published()} == {
        (1, 1)
    }


def test_what_changed_since_the_last_start_gets_a_version_and_nothing_else_does(
    store: MongoStore,
) -> None:
    one, *others = published()
    old = stored(store, one)
    foreign = {**old.acl, "owner": "kind:trusted-system"}
    other = replace(old, version=2, raw=b'{"resourceType":"OperationDefinition"}', acl=foreign)
    store.transact(lambda unit: unit.replace(old, other))
    install(store, Locale(), at=3)
    assert stored(store, one).version == 3
    assert json.loads(stored(store, one).raw)["url"] == one.resource["url"]
    assert {stored(store, other).version for other in others} == {1}


def test_what_was_deleted_comes_back_under_its_next_version(store: MongoStore) -> None:
    one = published()[0]
    store.transact(lambda unit: unit.remove(stored(store, one), updated=2))
    install(store, Locale(), at=3)
    assert stored(store, one).version == 3


def test_workers_that_start_at_once_store_it_once(mongo_uri: str, database_name: str) -> None:
    with connect(mongo_uri) as mongo, ThreadPoolExecutor(4) as pool:
        new = MongoStore(mongo, database_name)
        new.prepare()
        list(pool.map(lambda at: install(new, Locale(), at=at), range(1, 5)))
        assert {stored(new, one).version for one in published()} == {1}


def test_no_trace_is_left_of_what_nobody_asked(store: MongoStore) -> None:
    store.prepare_types(["AuditEvent"])
    assert store.count("AuditEvent", ALWAYS) == 0


# parameters --------------------------------------------------------------------------------------


def asked(world: World, definition: Json) -> str:
    """Return an address at which the operation is asked of something that is there."""
    code, type_ = definition["code"], definition["resource"][0]
    if type_ == "Composition":
        return f"Composition/{world.has(make.a_composition(world.patient()))}/${code}"
    if type_ == "DocumentReference":
        return f"DocumentReference/${code}"
    if type_ == "AuditEvent":
        known = world.trusted.get("AuditEvent?_count=9").ids
        world.seal()
        return f"AuditEvent/{known[0]}/${code}" if definition["instance"] else f"AuditEvent/${code}"
    if type_ == "Task":
        return f"Task/{make.new_hex()}/${code}"
    return f"Patient/{world.patient()}/${code}" if definition["instance"] else f"Patient/${code}"


def simple(definition: Json) -> list[Json]:
    taken = [one for one in definition["parameter"] if one["use"] == "in"]
    return [one for one in taken if one.get("type") in VALUES]


READING = sorted(id_ for id_, one in DEFINED.items() if not one["affectsState"])


@pytest.mark.parametrize("id_", READING)
def test_every_simple_parameter_of_a_definition_is_taken(world: World, id_: str) -> None:
    definition = DEFINED[id_]
    ins = make.a_patient()
    world.has(ins)
    needed = {
        "old": "1",
        "patient": "a",
        "identifier": f"{make.INS}|{ins['identifier'][0]['value']}",
    }
    required = [one["name"] for one in simple(definition) if one["min"]]
    for parameter in simple(definition):
        name = parameter["name"]
        value = needed.get(name) or EXCEPTIONS.get(name, VALUES[parameter["type"]])
        pairs = {one: needed[one] for one in required} | {name: value}
        if name in ("profile", "mode"):
            pairs = {"mode": "profile", "profile": VALUES["uri"]}
        path = asked(world, definition)
        if (id_, name) == ("Composition-document", "id"):
            owner, id_of, _ = path.split("/")
            path, pairs = f"{owner}/$document", {"id": id_of}
        if name in ("mask", "unmask"):
            pairs = {name: path.partition("/$")[0]}
        if name == "withdraw":
            consent = world.consent(path.split("/")[1], "permit", a_doctor())
            pairs = {name: f"Consent/{consent}"}
        query = "&".join(f"{one}={text}" for one, text in pairs.items() if text)
        reply = world.trusted.get(f"{path}?{query}")
        assert reply.status == 200, (name, reply.body)
        sent = [{"name": one, "valueString": text} for one, text in pairs.items() if text]
        posted = world.trusted.post(path, {"resourceType": "Parameters", "parameter": sent})
        assert posted.status == 200, (name, posted.body)


@pytest.mark.parametrize("id_", sorted(DEFINED))
def test_a_parameter_that_a_definition_lacks_is_refused(world: World, id_: str) -> None:
    definition = DEFINED[id_]
    path = asked(world, definition)
    body = {"resourceType": "Parameters", "parameter": [{"name": "more", "valueString": "1"}]}
    replies = [world.trusted.post(path, body), world.trusted.send("POST", f"{path}?more=1")]
    if id_ in READING:
        replies.append(world.trusted.get(f"{path}?more=1"))
    for reply in replies:
        assert (reply.status, reply.issue["code"]) == (400, "not-supported"), reply.body
        assert f"${definition['code']} does not take `more`" in reply.issue["diagnostics"]


@pytest.mark.parametrize("id_", READING)
def test_a_value_of_another_type_is_refused(world: World, id_: str) -> None:
    definition = DEFINED[id_]
    path = asked(world, definition)
    for parameter in simple(definition):
        if parameter["type"] in ("string", "CodeableConcept", "uri", "code", "id"):
            continue
        reply = world.trusted.get(f"{path}?{parameter['name']}=a%20b")
        assert (reply.status, reply.issue["code"]) == (400, "value"), parameter
        assert parameter["name"] in reply.issue["diagnostics"]


@pytest.mark.parametrize("id_", READING)
def test_a_parameter_that_stands_once_is_not_taken_twice(world: World, id_: str) -> None:
    definition = DEFINED[id_]
    path = asked(world, definition)
    for parameter in simple(definition):
        if parameter["max"] != "1":
            continue
        value = VALUES[parameter["type"]]
        pair = f"{parameter['name']}={value}"
        reply = world.trusted.get(f"{path}?{pair}&{pair}")
        assert reply.status == 400, parameter
        assert parameter["name"] in reply.issue["diagnostics"]


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": [1]},
        {"resourceType": "Parameters", "parameter": [{"name": "_type"}]},
        {"resourceType": "Parameters", "parameter": [{"valueString": "a"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueRange": {}}]},
    ],
)
def test_a_body_that_holds_no_parameters_is_refused_with_its_place(
    world: World, body: Json
) -> None:
    reply = world.trusted.post(f"Patient/{world.patient()}/$everything", body)
    assert (reply.status, reply.issue["code"] in ("structure", "value")) == (400, True)


def test_an_operation_is_found_where_its_definition_says_alone(world: World) -> None:
    for path in ("Observation/$everything", "$validate", "Patient/$document", "$everything"):
        reply = world.trusted.get(path)
        assert (reply.status, reply.issue["code"]) == (404, "not-supported"), path
