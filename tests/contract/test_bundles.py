"""Bundles: large ones, links of every kind, those that are stored, and two that meet."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest

from fhir_server.settings import Settings
from tests.support import resources as make
from tests.support.people import a_hospital, a_podiatrist, the_patient
from tests.support.replies import JSON_PATCH, Json, Reply, entry
from tests.support.world import World

TRANSACTION_SECONDS = 60
"""How long MongoDB lets a transaction run."""


def an_organization(**rest: Any) -> Json:
    return {"resourceType": "Organization", "id": make.new_id(), "name": "Clinique"} | rest


# large -------------------------------------------------------------------------------------------


def mixed(world: World, patient: str, kind: str) -> list[Json]:
    """Return 1,200 entries of every verb; what they change and delete is there."""
    kept, gone = ([an_organization() for _ in range(50)] for _ in range(2))
    new = (entry("PUT", f"Organization/{one['id']}", one) for one in (*kept, *gone))
    assert world.trusted.transact(*new).status == 200
    deactivate = b64encode(b'[{"op":"add","path":"/active","value":false}]').decode()
    patch = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": deactivate}
    many = (
        [entry("POST", "Organization", an_organization()) for _ in range(800)]
        if kind == "transaction"
        else [entry("POST", "Organization/$validate", an_organization()) for _ in range(800)]
    )
    return [
        *many,
        *(entry("POST", "Organization", an_organization()) for _ in range(100)),
        *(entry("POST", "Observation", make.an_observation(patient)) for _ in range(100)),
        *(entry("PUT", f"Organization/{one['id']}", one) for one in kept[:25]),
        *(entry("PATCH", f"Organization/{one['id']}", patch) for one in kept[25:]),
        *(entry("DELETE", f"Organization/{one['id']}") for one in gone),
        *(entry("GET", f"Organization/{one['id']}") for one in kept for _ in range(2)),
    ]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_of_1200_mixed_entries_is_carried_out(world: World, kind: str) -> None:
    entries = mixed(world, world.patient(), kind)
    assert len(entries) == 1200
    began = monotonic()
    reply = world.trusted.transact(*entries, kind=kind)
    assert reply.status == 200, reply.body[:500]
    assert monotonic() - began < TRANSACTION_SECONDS
    told = Counter(one["response"]["status"][:3] for one in reply.entries)
    created = 1000 if kind == "transaction" else 200
    assert told == {"201": created, "200": 1150 - created, "204": 50}


def test_one_fault_among_a_thousand_leaves_nothing(world: World) -> None:
    name = make.new_hex()
    entries = [entry("POST", "Organization", an_organization(name=name)) for _ in range(1000)]
    entries.append(entry("DELETE", f"Organization/{make.new_id()}"))
    reply = world.trusted.transact(*entries)
    assert (reply.status, reply.issue["expression"]) == (404, ["Bundle.entry[1000]"])
    assert world.trusted.get(f"Organization?name={name}").total == 0


def test_a_bundle_over_the_limit_is_refused_whole(world: World) -> None:
    most = Settings().max_bundle_entries
    assert most >= 1000
    reply = world.trusted.transact(*[entry("GET", "Patient/1")] * (most + 1), kind="batch")
    assert (reply.status, reply.issue["code"]) == (413, "too-long")
    assert f"{most}" in reply.issue["diagnostics"]


# links -------------------------------------------------------------------------------------------


def linked(urn: str, other: str, contained: str) -> Json:
    """Return a Patient in which the two names stand wherever a link can."""
    page = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn}">{urn}</a><img src="{other}"/></div>'
    return {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": page},
        "contained": [
            {
                "resourceType": "RelatedPerson",
                "id": "r",
                "patient": {"reference": contained},
                "photo": [{"url": other}],
            }
        ],
        "extension": [
            {"url": "urn:a", "valueReference": {"reference": urn}},
            {"url": "urn:b", "valueUri": urn},
            {"url": "urn:c", "valueUrl": other},
            {"url": "urn:d", "valueCanonical": f"{urn}|1.0"},
            {"url": "urn:e", "extension": [{"url": "urn:f", "valueUri": other}]},
            {"url": "urn:g", "valueString": urn},
        ],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": urn}],
        "_birthDate": {"extension": [{"url": "urn:h", "valueReference": {"reference": urn}}]},
        "birthDate": "1980-01-01",
        "name": [
            {
                "given": ["Anne", "Marie"],
                "_given": [None, {"extension": [{"url": "urn:i", "valueUri": other}]}],
            }
        ],
        "photo": [{"url": other}],
        "managingOrganization": {"reference": urn},
    }


@pytest.mark.parametrize("named", ["urn:uuid", "address"])
def test_a_link_is_rewritten_wherever_it_can_stand_and_nowhere_else(
    world: World, named: str
) -> None:
    """https://hl7.org/fhir/R4/http.html#trules."""
    urn, other = make.a_urn(), make.a_urn()
    if named == "address":
        urn, other = (f"http://elsewhere.example/Organization/{make.new_id()}" for _ in range(2))
    reply = world.trusted.transact(
        entry("POST", "Patient", linked(urn, other, "#"), fullUrl=make.a_urn()),
        entry("POST", "Organization", an_organization(), fullUrl=urn),
        entry("POST", "Organization", an_organization(), fullUrl=other),
    )
    assert reply.status == 200, reply.body
    patient, first, second = (
        "/".join(one["response"]["location"].split("/")[-4:-2]) for one in reply.entries
    )
    stored = world.trusted.get(patient).json
    wanted = json.loads(json.dumps(linked(first, second, "#")))
    wanted["identifier"][0]["value"] = wanted["extension"][5]["valueString"] = urn
    wanted["extension"][3]["valueCanonical"] = f"{urn}|1.0"
    wanted["text"]["div"] = wanted["text"]["div"].replace(f">{first}<", f">{urn}<")
    assert {name: value for name, value in stored.items() if name not in ("id", "meta")} == wanted


# stored ------------------------------------------------------------------------------------------


def a_document_bundle(*resources: Json) -> Json:
    return {
        "resourceType": "Bundle",
        "id": make.new_id(),
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": make.a_urn()},
        "timestamp": "2024-03-01T10:00:00Z",
        "entry": [
            {"fullUrl": f"http://localhost/fhir/{one['resourceType']}/{one['id']}", "resource": one}
            for one in resources
        ],
    }


def a_message() -> Json:
    header = {
        "resourceType": "MessageHeader",
        "id": make.new_id(),
        "eventUri": "urn:e",
        "source": {"endpoint": "urn:x"},
    }
    return a_document_bundle(header) | {"type": "message"}


@pytest.mark.parametrize("kind", ["document", "message", "collection", "searchset", "history"])
def test_a_bundle_that_is_sent_to_its_type_is_stored_as_it_came(world: World, kind: str) -> None:
    body: Json = {"resourceType": "Bundle", "type": kind}
    if kind == "document":
        body = a_document_bundle(make.a_composition(world.patient()))
    elif kind == "message":
        body = a_message()
    reply = world.trusted.post("Bundle", body)
    assert reply.status == 201, reply.body
    stored = world.trusted.get(f"Bundle/{reply.id}").json
    assert stored["type"] == kind
    assert stored.get("entry") == body.get("entry")


@pytest.mark.parametrize("kind", ["document", "message", "collection", "searchset", "history"])
def test_a_bundle_that_is_not_carried_out_is_refused_with_the_cure(world: World, kind: str) -> None:
    reply = world.trusted.transact(kind=kind)
    assert (reply.status, reply.issue["expression"]) == (400, ["Bundle.type"])
    assert "POST it to `Bundle`" in reply.issue["diagnostics"]


def test_a_copy_inside_a_stored_bundle_shows_nothing_of_what_is_masked(world: World) -> None:
    """L37: a copy has no labels that follow those of its original."""
    podiatrist, anna = a_podiatrist(), world.patient()
    world.team(anna, podiatrist)
    hidden = make.a_document(anna).typed("34112-3").but(description="SECRET")
    shown = make.a_document(anna).typed("PRESC-PEDI")
    for document in (hidden, shown):
        world.has(document)
    composition = make.a_composition(anna, hidden.ref, shown.ref)
    id_ = world.has(a_document_bundle(composition, hidden.json(), shown.json()))
    for who in (podiatrist, the_patient(anna), a_hospital()):
        stored, absent = (world.as_(who).get(f"Bundle/{one}") for one in (id_, make.new_id()))
        assert (stored.status, absent.status) == (404, 404)
        assert world.as_(who).get("Bundle").total == 0
    assert b"SECRET" in world.trusted.get(f"Bundle/{id_}").body


# meeting -----------------------------------------------------------------------------------------


def test_transactions_that_meet_are_carried_out_one_after_the_other(world: World) -> None:
    """MongoDB's transient errors are no answer: each is tried again, all of it or nothing."""
    first, second = an_organization(), an_organization()
    for one in (first, second):
        world.has(one)

    def both(number: int) -> Reply:
        ordered = (first, second) if number % 2 else (second, first)
        name = f"Clinique {number}"
        return world.trusted.transact(
            *(entry("PUT", f"Organization/{one['id']}", one | {"name": name}) for one in ordered)
        )

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(both, range(16)))
    assert {reply.status for reply in replies} == {200}
    names = [world.trusted.get(f"Organization/{one['id']}") for one in (first, second)]
    assert names[0].json["name"] == names[1].json["name"]
    assert [reply.headers["etag"] for reply in names] == ['W/"17"', 'W/"17"']
    histories = [
        [one["resource"]["name"] for one in world.trusted.get(f"Organization/{o['id']}/_history").entries]
        for o in (first, second)
    ]  # fmt: skip
    assert histories[0] == histories[1]
