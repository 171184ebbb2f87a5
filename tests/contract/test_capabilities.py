"""The CapabilityStatement says what the server does, no more and no less; `profiles/` says the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir_server.audit.event import RULE_EXTENSION
from fhir_server.consent.rules import RULES
from fhir_server.definitions import RESOURCE_TYPES, search_parameter, search_parameters
from fhir_server.fhir.errors import BadRequest
from fhir_server.http.compartment_routes import COMPARTMENT_RULES
from fhir_server.http.routes import ROUTES
from fhir_server.interactions.capabilities import capabilities
from fhir_server.search.query import read_query
from fhir_server.search.registry import supported
from fhir_server.search.types import Locale
from fhir_server.validation import validate
from tests.support import resources as make
from tests.support.people import a_hospital
from tests.support.replies import Reply, entry
from tests.support.world import World

Json = dict[str, Any]

PROFILES = Path(__file__).parents[2] / "profiles"
BASE = "http://fhir.example.org/fhir"
ROUTE_OF = {
    "read": ("GET", "/<type>/<id>"),
    "vread": ("GET", "/<type>/<id>/_history/<vid>"),
    "update": ("PUT", "/<type>/<id>"),
    "patch": ("PATCH", "/<type>/<id>"),
    "delete": ("DELETE", "/<type>/<id>"),
    "history-instance": ("GET", "/<type>/<id>/_history"),
    "history-type": ("GET", "/<type>/_history"),
    "history-system": ("GET", "/_history"),
    "create": ("POST", "/<type>"),
    "search-type": ("GET", "/<type>"),
    "search-system": ("GET", ""),
    "transaction": ("POST", ""),
    "batch": ("POST", ""),
}
# Routes that R4 has no interaction code for.
SAID_ELSEWHERE = {
    ("GET", "/metadata"),
    ("POST", "/_search"),
    ("POST", "/<type>/_search"),
    *(
        (verb, rule + form)
        for rule in COMPARTMENT_RULES.values()
        for verb, form in (("GET", ""), ("POST", "/_search"))
    ),
    ("PUT", "/<type>"),
    ("PATCH", "/<type>"),
    ("DELETE", "/<type>"),
}
SAMPLES = {
    "token": "a",
    "string": "a",
    "date": "2024",
    "reference": "Patient/a",
    "uri": "urn:oid:1.2",
    "number": "1",
    "quantity": "5.4|http://unitsofmeasure.org|mg",
    "special": "48.85|2.35|5|km",
}


NAMED_SAMPLES = {"_list": "a", "_filter": "_id eq a", "_content": "toux", "_text": "toux"}


def sample(type_: str, said: Json) -> str:
    """Return a value that a parameter takes; that of a composite has one for each component."""
    if said["name"] in NAMED_SAMPLES:
        return NAMED_SAMPLES[said["name"]]
    parts = supported(type_)[said["name"]].component
    like = (search_parameter(part.definition) for part in parts)
    return "$".join(SAMPLES[one.type] for one in like if one) or SAMPLES[said["type"]]


@pytest.fixture(scope="module")
def statement() -> Json:
    found: Json = json.loads(capabilities(BASE).body)
    return found


@pytest.fixture(scope="module")
def by_type(statement: Json) -> dict[str, Json]:
    return {one["type"]: one for one in statement["rest"][0]["resource"]}


def codes(statement: Json) -> set[str]:
    rest = statement["rest"][0]
    said = [*rest["interaction"], *(i for one in rest["resource"] for i in one["interaction"])]
    return {one["code"] for one in said}


def profile(name: str) -> Json:
    found: Json = json.loads((PROFILES / name).read_text(encoding="utf-8"))
    return found


# the statement ---------------------------------------------------------------------------------


def test_the_statement_is_a_valid_resource(statement: Json) -> None:
    assert validate(statement, "CapabilityStatement") == []


def test_the_statement_lists_every_type_of_r4(by_type: dict[str, Json]) -> None:
    assert set(by_type) == RESOURCE_TYPES


def test_every_interaction_of_the_statement_has_a_route(statement: Json) -> None:
    routed = {(route.method, route.rule) for route in ROUTES}
    assert {code: ROUTE_OF[code] for code in codes(statement) if ROUTE_OF[code] not in routed} == {}


def test_every_route_is_in_the_statement(statement: Json) -> None:
    said = {ROUTE_OF[code] for code in codes(statement)}
    routed = {(route.method, route.rule) for route in ROUTES if "$" not in route.rule}
    assert routed == said | SAID_ELSEWHERE


def test_the_compartments_of_the_statement_are_those_that_are_routed(statement: Json) -> None:
    said = statement["rest"][0]["compartment"]
    names = {url.rpartition("/")[2] for url in said}
    assert names == {owner.lower() for owner in COMPARTMENT_RULES}


def test_every_operation_that_is_routed_is_in_the_statement_where_it_is_routed(
    by_type: dict[str, Json], statement: Json
) -> None:
    routed: dict[str, set[str]] = {}
    for route in ROUTES:
        owner, _, name = route.rule.partition("$")
        if name:
            place = owner.strip("/").split("/")[0]
            routed.setdefault(name, set()).update(RESOURCE_TYPES if place == "<type>" else {place})
    said: dict[str, set[str]] = {one["name"]: {""} for one in statement["rest"][0]["operation"]}
    for type_, one in by_type.items():
        for operation in one.get("operation", ()):
            said.setdefault(operation["name"], set()).add(type_)
    assert said == routed


# what it says is done ----------------------------------------------------------------------------


def an_organization() -> Json:
    return {"resourceType": "Organization", "id": make.new_id(), "name": "Clinique des Tilleuls"}


def _create(world: World) -> Reply:
    return world.trusted.post("Organization", an_organization())


def _update(world: World) -> Reply:
    body = an_organization()
    world.has(body)
    return world.trusted.put(body | {"name": "Clinique du Saule"})


def _patch(world: World) -> Reply:
    rename = {"op": "replace", "path": "/name", "value": "Clinique du Saule"}
    return world.trusted.patch(f"Organization/{world.has(an_organization())}", rename)


def _bundle(kind: str) -> Callable[[World], Reply]:
    return lambda world: world.trusted.transact(
        entry("POST", "Organization", an_organization()), kind=kind
    )


DONE: dict[str, tuple[Callable[[World], Reply], int]] = {
    "create": (_create, 201),
    "read": (lambda w: w.trusted.get(f"Organization/{w.has(an_organization())}"), 200),
    "vread": (lambda w: w.trusted.get(f"Organization/{w.has(an_organization())}/_history/1"), 200),
    "update": (_update, 200),
    "patch": (_patch, 200),
    "delete": (lambda w: w.trusted.delete(f"Organization/{w.has(an_organization())}"), 204),
    "history-instance": (
        lambda w: w.trusted.get(f"Organization/{w.has(an_organization())}/_history"),
        200,
    ),
    "history-type": (lambda w: w.trusted.get("Organization/_history"), 200),
    "history-system": (lambda w: w.trusted.get("_history"), 200),
    "search-type": (lambda w: w.trusted.get("Organization?name=clinique"), 200),
    "search-system": (lambda w: w.trusted.get("?_type=Organization,Practitioner"), 200),
    "transaction": (_bundle("transaction"), 200),
    "batch": (_bundle("batch"), 200),
}


@pytest.mark.parametrize("code", sorted(ROUTE_OF))
def test_an_interaction_of_the_statement_works(world: World, code: str) -> None:
    call, status = DONE[code]
    assert call(world).status == status


def test_create_is_conditional_as_the_statement_says(
    world: World, by_type: dict[str, Json]
) -> None:
    name = f"Clinique {make.new_id()}"
    body = an_organization() | {"name": name}
    sent = {"If_None_Exist": f"name:exact={name.replace(' ', '%20')}"}
    first = world.trusted.post("Organization", body, **sent)
    second = world.trusted.post("Organization", body, **sent)
    assert by_type["Organization"]["conditionalCreate"] is True
    assert (first.status, second.status, first.id == second.id) == (201, 200, True)


def test_update_is_conditional_as_the_statement_says(
    world: World, by_type: dict[str, Json]
) -> None:
    name = f"Clinique {make.new_id()}"
    id_ = world.has(an_organization() | {"name": name})
    path = f"Organization?name:exact={name.replace(' ', '%20')}"
    reply = world.trusted.send("PUT", path, an_organization() | {"id": id_, "active": True})
    assert by_type["Organization"]["conditionalUpdate"] is True
    assert (reply.status, reply.json["id"], reply.json["active"]) == (200, id_, True)


def test_delete_takes_several_as_the_statement_says(world: World, by_type: dict[str, Json]) -> None:
    name = f"Clinique {make.new_id()}"
    ids = [world.has(an_organization() | {"name": name}) for _ in range(2)]
    reply = world.trusted.delete(f"Organization?name:exact={name.replace(' ', '%20')}")
    assert by_type["Organization"]["conditionalDelete"] == "multiple"
    assert reply.status == 204
    assert [world.trusted.get(f"Organization/{id_}").status for id_ in ids] == [410, 410]


def test_the_patch_formats_of_the_statement_are_those_that_are_read(
    world: World, statement: Json
) -> None:
    """A type that is read is told what is malformed (400), another that it is not read (415)."""
    ref = f"Organization/{world.has(an_organization())}"
    for type_ in statement["patchFormat"]:
        assert world.trusted.send("PATCH", ref, b"nonsense", type_).status == 400, type_
    for type_ in ("application/merge-patch+json", "text/turtle"):
        assert world.trusted.send("PATCH", ref, b"nonsense", type_).status == 415, type_


def test_the_formats_of_the_statement_are_those_that_are_written(
    world: World, statement: Json
) -> None:
    for form in statement["format"]:
        reply = world.trusted.get(f"metadata?_format={form}")
        assert reply.headers["content-type"] == f"application/fhir+{form}; charset=utf-8"
    assert world.trusted.get("metadata?_format=ttl").status == 406


# searches ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", sorted(RESOURCE_TYPES))
def test_every_search_parameter_of_the_statement_is_read(
    by_type: dict[str, Json], type_: str
) -> None:
    for said in by_type[type_]["searchParam"]:
        query = read_query(type_, [(said["name"], sample(type_, said))], Locale())
        assert len(query.clauses) == 1


@pytest.mark.parametrize("type_", sorted(RESOURCE_TYPES))
def test_a_search_parameter_that_the_statement_leaves_out_is_refused(
    by_type: dict[str, Json], type_: str
) -> None:
    said = {one["name"] for one in by_type[type_]["searchParam"]}
    for code in set(search_parameters(type_)) - said:
        with pytest.raises(BadRequest, match="not supported yet"):
            read_query(type_, [(code, "1")], Locale())


def test_every_include_of_the_statement_is_read(by_type: dict[str, Json]) -> None:
    for type_, said in by_type.items():
        for include in said.get("searchInclude", ()):
            assert read_query(type_, [("_include", include)], Locale()).result.includes


def test_every_reverse_include_of_the_statement_is_read(by_type: dict[str, Json]) -> None:
    for type_ in ("Patient", "DocumentReference", "Location"):
        assert f"{type_}:*" in by_type[type_]["searchInclude"]
        for include in by_type[type_]["searchRevInclude"]:
            assert read_query(type_, [("_revinclude", include)], Locale()).result.includes


def test_every_search_parameter_of_a_type_is_answered(
    world: World, by_type: dict[str, Json]
) -> None:
    for said in by_type["DocumentReference"]["searchParam"]:
        asked = sample("DocumentReference", said)
        reply = world.trusted.get(f"DocumentReference?{said['name']}={asked}")
        assert reply.status == 200, (said, reply.body)


# what the README says is missing ------------------------------------------------------------------

MISSING = {
    "`_query`": ("GET", "Patient?_query=a"),
    "`_contained=true`": ("GET", "Patient?_contained=true"),
    "phrases and scores in `_content`": ("GET", "Patient?_content=%22a+b%22"),
    "`$export`": ("GET", "$export"),
}


@pytest.mark.parametrize("phrase", MISSING)
def test_what_the_readme_says_is_missing_is_refused(world: World, phrase: str) -> None:
    readme = (PROFILES.parent / "README.md").read_text(encoding="utf-8")
    method, path = MISSING[phrase]
    reply = world.trusted.send(method, path, {} if method == "POST" else None)
    assert phrase in readme.partition("## What is not there yet")[2]
    assert reply.status in (400, 404, 405)
    assert reply.issue["code"] in ("not-supported", "value")


def test_the_form_that_the_readme_says_is_missing_is_refused(world: World) -> None:
    readme = (PROFILES.parent / "README.md").read_text(encoding="utf-8")
    ref = f"Organization/{world.has(an_organization())}"
    assert "**Forms**: Turtle (406, 415)" in readme
    assert world.trusted.get(ref, Accept="text/turtle").status == 406
    assert world.trusted.send("PUT", ref, b"<a> <b> <c>.", "text/turtle").status == 415


# profiles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.json")), ids=lambda path: path.stem)
def test_a_profile_is_a_valid_resource_named_after_its_canonical(path: Path) -> None:
    resource = profile(path.name)
    type_, id_ = path.stem.split("-", 1)
    assert validate(resource, type_) == []
    assert resource["url"] == f"https://fhir-server.example.org/{type_}/{id_}"
    assert resource["id"] == id_


def test_the_operations_of_a_type_are_those_that_profiles_define_for_it(
    by_type: dict[str, Json],
) -> None:
    defined = [profile(path.name) for path in PROFILES.glob("OperationDefinition-*.json")]
    for type_, one in by_type.items():
        said = {each["name"]: each["definition"] for each in one["operation"]}
        general, own = (
            {each["code"]: each["url"] for each in defined if owner in each["resource"]}
            for owner in ("Resource", type_)
        )
        assert said == general | own
        assert len(said) == len(one["operation"])


def test_the_operation_answers_the_parameters_that_it_defines(world: World) -> None:
    defined = profile("OperationDefinition-Patient-record-status.json")
    patient = make.a_patient(active=False, extension=[make.a_closing()])
    world.has(patient)
    ins = patient["identifier"][0]
    answer = world.as_(a_hospital()).get(
        f"Patient/$record-status?identifier={ins['system']}%7C{ins['value']}"
    )
    told = [one["name"] for one in answer.json["parameter"]]
    assert told == [one["name"] for one in defined["parameter"] if one["use"] == "out"]


def test_the_extension_of_the_log_is_defined_with_every_rule_that_opens() -> None:
    defined = profile("StructureDefinition-access-rule.json")
    assert defined["url"] == RULE_EXTENSION
    told = defined["description"].partition("permitting rules: ")[2].rstrip(".").split(", ")
    assert told == [rule.id for rule in RULES if rule.effect == "permit"]
