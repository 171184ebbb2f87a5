"""`/openapi.json` says what the server does, no more and no less: each table against the other."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator
from werkzeug.exceptions import HTTPException

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.demo.world import world as demonstration
from fhir_server.http.openapi.search_values import result_meaning
from fhir_server.http.routes import ROUTES
from fhir_server.interactions.capabilities import capabilities
from fhir_server.search.registry import RESULT_PARAMETERS
from fhir_server.validation import validate
from tests.support import resources as make
from tests.support.replies import Reply
from tests.support.world import World

Json = dict[str, Any]

TYPES = sorted(RESOURCE_TYPES)
VERBS = ("get", "post", "put", "patch", "delete")
SELECTING = ("get", "put", "patch", "delete")
OAS = Path(openapi_spec_validator.__file__).parent / "resources" / "schemas" / "v3.0"
# The validator reads every schema at each reference to it: a quarter of a minute for all.
CHECKED = TYPES if os.environ.get("SCHEMATHESIS") == "all" else ["Patient", "Binary"]


@pytest.fixture(scope="module")
def document(world: World) -> Json:
    found: Json = json.loads(world.app.test_client().get("/openapi.json").data)
    return found


@pytest.fixture(scope="module")
def statement() -> dict[str, Json]:
    found = json.loads(capabilities("http://fhir.example.org/fhir").body)
    return {one["type"]: one for one in found["rest"][0]["resource"]}


def of_fhir(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield path, verb and operation of every FHIR address."""
    for path, item in document["paths"].items():
        if re.match(r"/fhir(/[^.]|$)", path):
            yield from ((path, verb, item[verb]) for verb in VERBS if verb in item)


def resolved(document: Json, value: Json) -> Json:
    """Follow the reference that `value` is, if it is one."""
    if "$ref" not in value:
        return value
    found: Json = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def parameters(document: Json, path: str, verb: str) -> dict[str, Json]:
    """Return the parameters of one operation by name, those of its path left out."""
    given = document["paths"][path][verb].get("parameters", ())
    return {one["name"]: one for one in (resolved(document, one) for one in given)}


# the form of the document ------------------------------------------------------------------------


def test_the_document_has_the_form_of_openapi(document: Json) -> None:
    schema = json.loads((OAS / "schema.json").read_bytes())
    faults = jsonschema_rs.validator_for(schema).iter_errors(document)
    assert [str(fault)[:300] for fault in faults] == []
    assert document["openapi"] == "3.0.3"


def test_the_document_means_something_to_openapi(document: Json) -> None:
    paths = {p: item for p, item in document["paths"].items() if p.split("/")[2:3] != []}
    kept = {p: item for p, item in paths.items() if p.split("/")[2] in {*CHECKED, "metadata"}}
    faults = OpenAPIV30SpecValidator({**document, "paths": kept}).iter_errors()
    assert [str(fault)[:300] for fault in faults] == []
    assert len(kept) > len(CHECKED)


def test_every_reference_leads_to_a_component_and_every_component_is_referred_to(
    document: Json,
) -> None:
    text = json.dumps(document)
    named = set(re.findall(r'"\$ref": "#/components/([^"]+)"', text))
    there = {
        f"{kind}/{name}"
        for kind, of_kind in document["components"].items()
        if kind != "securitySchemes"
        for name in of_kind
    }
    assert named == there


def test_every_operation_has_a_name_of_its_own(document: Json) -> None:
    names = [
        item[verb]["operationId"]
        for item in document["paths"].values()
        for verb in VERBS
        if verb in item
    ]
    assert len(names) == len(set(names))


# addresses ---------------------------------------------------------------------------------------


def matched(world: World, path: str, verb: str) -> tuple[str, str]:
    """Return verb and rule of the route that Flask takes for a documented operation."""
    addresses = world.app.url_map.bind("localhost")
    filled = path.replace("{id}", "a").replace("{vid}", "1").replace("{member}", "*")
    rule, _ = addresses.match(filled, method=verb.upper(), return_rule=True)
    # Flask writes `<converter:name>`, the table of routes the name alone.
    return verb.upper(), re.sub(r"<\w+:", "<", rule.rule).removeprefix("/fhir")


def test_every_operation_of_the_document_is_routed(world: World, document: Json) -> None:
    lost = []
    for path, verb, _ in of_fhir(document):
        try:
            matched(world, path, verb)
        except HTTPException as refused:
            lost.append((verb, path, refused.code))
    assert lost == []


def test_every_route_is_in_the_document_for_every_type_that_it_serves(
    world: World, document: Json
) -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for path, verb, operation in of_fhir(document):
        said.setdefault(matched(world, path, verb), set()).update(operation["tags"])
    for route in ROUTES:
        if "<type>" not in route.rule:
            assert (route.method, route.rule) in said
            continue
        # A type that has a route of its own at the same address is served by that one.
        there = {t for t in TYPES if not _routed_alone(route.method, route.rule, t)}
        assert said[route.method, route.rule] == there


def _routed_alone(method: str, rule: str, type_: str) -> bool:
    return any(r.method == method and r.rule == rule.replace("<type>", type_) for r in ROUTES)


def test_every_address_beside_is_in_the_document(world: World, document: Json) -> None:
    served = {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule)
        for rule in world.app.url_map.iter_rules()
        if not rule.endpoint.startswith("fhir.")
    }
    of_routes = {path for path, _, _ in of_fhir(document)}
    assert set(document["paths"]) - of_routes == served


@pytest.mark.parametrize(
    "path",
    ["/health/live", "/health/ready", "/metrics", "/.well-known/smart-configuration",
     "/fhir/.well-known/smart-configuration", "/.well-known/jwks.json", "/docs", "/docs/Patient",
     "/openapi.json"],
)  # fmt: skip
def test_an_address_beside_answers_in_the_type_that_is_documented(
    world: World, document: Json, path: str
) -> None:
    world.trusted.get("metadata")  # something to count
    said = document["paths"].get(path) or document["paths"]["/docs/{type}"]
    answer = world.app.test_client().get(path)
    assert answer.status_code == 200
    assert answer.mimetype in said["get"]["responses"]["200"]["content"]
    assert said["get"]["security"] == []


# parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_the_search_parameters_are_those_of_the_statement(
    document: Json, statement: dict[str, Json], type_: str
) -> None:
    said = {one["name"]: one["type"] for one in statement[type_]["searchParam"]}
    path = f"/fhir/{type_}"
    for verb in SELECTING:
        found = {
            name: one["schema"]["items"]["$ref"].rpartition(".")[2]
            for name, one in parameters(document, path, verb).items()
            if one["in"] == "query" and one["schema"].get("items")
        }
        assert found == said, verb
    form = document["components"]["schemas"][f"search.{type_}"]["properties"]
    assert set(form) == set(said) | RESULT_PARAMETERS


def test_a_definition_of_the_document_is_that_of_the_statement(
    document: Json, statement: dict[str, Json]
) -> None:
    said = {one["name"]: one.get("definition") for one in statement["Patient"]["searchParam"]}
    found = parameters(document, "/fhir/Patient", "get")
    assert {name: found[name].get("x-fhir-definition") for name in said} == said


def test_the_parameters_of_the_result_are_those_that_a_search_takes(document: Json) -> None:
    path = document["paths"]["/fhir/Patient"]
    of_path = {resolved(document, one)["name"] for one in path["parameters"]}
    found = {n for n, one in parameters(document, "/fhir/Patient", "get").items() if n[0] == "_"
             and not one["schema"].get("items")}  # fmt: skip
    assert found | (of_path & RESULT_PARAMETERS) == RESULT_PARAMETERS


@pytest.mark.parametrize("name", sorted(RESULT_PARAMETERS))
def test_a_parameter_of_the_result_says_what_it_is_for(name: str) -> None:
    assert result_meaning(name)


# schemas -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def examples() -> dict[str, Json]:
    """Return one resource of each type of the demonstration."""
    return {one["resourceType"]: one for one in demonstration()}


@cache
def _judge(schemas: str, type_: str) -> Any:
    components = {"components": {"schemas": json.loads(schemas)}}
    return OAS30Validator({"$ref": f"#/components/schemas/{type_}", **components})


def accepts(document: Json, resource: Json) -> bool:
    judge = _judge(json.dumps(document["components"]["schemas"]), resource["resourceType"])
    return bool(judge.is_valid(resource))


def test_every_resource_of_the_demonstration_fits_its_schema(
    document: Json, examples: dict[str, Json]
) -> None:
    assert len(examples) > 10
    assert [type_ for type_, one in examples.items() if not accepts(document, one)] == []


def test_a_member_that_is_not_of_its_type_is_refused_by_schema_and_server(
    document: Json, examples: dict[str, Json]
) -> None:
    for type_, resource in examples.items():
        wrong = resource | {"nonsense": 1}
        assert not accepts(document, wrong), type_
        assert validate(wrong, type_), type_


def test_what_a_schema_requires_the_server_requires(
    document: Json, examples: dict[str, Json]
) -> None:
    for type_, resource in examples.items():
        required = document["components"]["schemas"][type_]["required"]
        for name in set(required) - {"resourceType"}:
            without = {key: value for key, value in resource.items() if key != name}
            assert validate(without, type_), (type_, name)
            assert not accepts(document, without), (type_, name)


# what is answered --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ids(world: World) -> dict[str, str]:
    """Return the ids of a record, of one of its documents and of what points to it."""
    patient = world.patient()
    composition = {
        "resourceType": "Composition",
        "id": make.new_id(),
        "status": "final",
        "type": make.concept("11502-2"),
        "subject": make.reference(f"Patient/{patient}"),
        "date": "2024-03-01",
        "author": [{"display": "Laboratoire"}],
        "title": "Biologie",
    }
    return {
        "Patient": patient,
        "DocumentReference": world.document(patient),
        "Composition": world.has(composition),
    }


def ask(world: World, document: Json, path: str, verb: str, id_: str) -> Reply:
    """Send the smallest request of an operation to a resource that is there."""
    operation = document["paths"][path][verb]
    address = path.replace("{id}", id_).replace("{vid}", "1").replace("{member}", "*")
    if "requestBody" not in operation:
        return world.trusted.send(verb.upper(), address)
    type_ = next(iter(resolved(document, operation["requestBody"])["content"]))
    body = b"" if type_.startswith("application/x-www") else {}
    return world.trusted.send(verb.upper(), address, body, type_)


@pytest.mark.parametrize("type_", ["Patient", "DocumentReference", "Composition"])
def test_every_documented_operation_is_answered_as_documented(
    world: World, document: Json, ids: dict[str, str], type_: str
) -> None:
    found = [one for one in of_fhir(document) if type_ in one[2]["tags"]]
    # Deletions last: what they take away the others ask for.
    for path, verb, operation in sorted(found, key=lambda one: one[1] == "delete"):
        reply = ask(world, document, path, verb, ids[type_])
        said = operation["responses"].get(str(reply.status))
        assert said, (verb, path, reply.status, reply.body)
        assert reply.status not in (404, 405), (verb, path, reply.body)
        headers = {name.lower() for name in resolved(document, said)["headers"]}
        assert headers <= set(reply.headers), (verb, path, reply.headers)


def test_the_headers_of_a_create_are_documented(world: World, document: Json) -> None:
    reply = world.trusted.post("Patient", {"resourceType": "Patient"})
    said = document["paths"]["/fhir/Patient"]["post"]["responses"][str(reply.status)]
    documented = resolved(document, said)
    assert set(documented["headers"]) == {"ETag", "Last-Modified", "Location", "X-Request-Id"}
    assert {name.lower() for name in documented["headers"]} <= set(reply.headers)
    assert reply.headers["content-type"].partition(";")[0] in documented["content"]


def test_every_refusal_is_documented_as_an_operation_outcome(document: Json) -> None:
    for path, verb, operation in of_fhir(document):
        for status, one in operation["responses"].items():
            if status[0] in "45" and status != "416":
                body = resolved(document, one)["content"]["application/fhir+json"]
                assert body["schema"]["$ref"].endswith("/OperationOutcome"), (verb, path, status)


# how it is sent ----------------------------------------------------------------------------------


def test_the_document_is_sent_compressed_to_who_takes_that(world: World, document: Json) -> None:
    client = world.app.test_client()
    packed = client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert len(packed.data) < 400_000
    assert json.loads(gzip.decompress(packed.data)) == document


def test_who_has_the_document_is_not_sent_it_again(world: World) -> None:
    client = world.app.test_client()
    etag = client.get("/openapi.json").headers["ETag"]
    again = client.get("/openapi.json", headers={"If-None-Match": etag})
    other = client.get("/openapi.json", headers={"If-None-Match": 'W/"another"'})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert other.status_code == 200
