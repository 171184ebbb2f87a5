"""R4 http.html 3.1.0.9 to 3.1.0.14: search, capabilities, batch, transaction, history, pages."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.support import resources as make
from tests.support.citing import http
from tests.support.replies import Reply, entry
from tests.support.world import World

Json = dict[str, Any]
SYSTEM = "urn:test:number"


def numbered(number: str, **rest: Any) -> Json:
    identifier = [{"system": SYSTEM, "value": number}]
    return {"resourceType": "Patient", "identifier": identifier, **rest}


def search(number: str) -> str:
    return f"Patient?identifier={SYSTEM}|{number}"


def statuses(reply: Reply) -> list[str]:
    return [one["response"]["status"][:3] for one in reply.entries]


def link(reply: Reply, relation: str) -> str:
    return next(str(one["url"]) for one in reply.json["link"] if one["relation"] == relation)


def refused(one: Json) -> Json:
    """Return the first issue of an entry that failed."""
    found: Json = one["response"]["outcome"]["issue"][0]
    return found


# search and capabilities -------------------------------------------------------------------------


@http("3.1.0.9-3", "3.1.0.9-5")
@pytest.mark.parametrize("matches", [0, 2])
def test_a_search_is_a_searchset_of_matches_alone(world: World, matches: int) -> None:
    number = make.new_hex()
    for _ in range(matches):
        world.trusted.post("Patient", numbered(number))
    reply = world.trusted.get(search(number))
    assert (reply.status, reply.json["resourceType"]) == (200, "Bundle")
    assert (reply.json["type"], reply.total) == ("searchset", matches)
    assert [one["search"]["mode"] for one in reply.entries] == ["match"] * matches


@http("3.1.0.9.1-1")
def test_a_search_of_several_types_is_a_bad_request(world: World) -> None:
    reply = world.trusted.get("?_type=Patient,Condition&gender=male")
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")


@http("3.1.0.10-2")
@pytest.mark.parametrize("mode", ["full", "normative", "terminology"])
def test_every_mode_brings_the_statement(world: World, mode: str) -> None:
    reply = world.trusted.get(f"metadata?mode={mode}")
    assert (reply.status, reply.json) == (200, world.trusted.get("metadata").json)
    assert reply.json["resourceType"] == "CapabilityStatement"


@http("3.1.0.10-3", "3.1.0.10-4")
def test_the_tag_of_the_statement_stays_until_the_statement_changes(world: World) -> None:
    one, same = world.trusted.get("metadata"), world.trusted.get("metadata")
    assert one.headers["etag"] == same.headers["etag"]
    assert one.headers["etag"].startswith('W/"')
    other = world.trusted.get("metadata", Host="elsewhere.example")
    assert other.json["implementation"] != one.json["implementation"]
    assert other.headers["etag"] != one.headers["etag"]


@http("3.1.0.10-5")
def test_the_statement_of_another_version_of_fhir_is_not_acceptable(world: World) -> None:
    named = "application/fhir+json; fhirVersion="
    assert world.trusted.get("metadata", Accept=f"{named}4.0").json["fhirVersion"] == "4.0.1"
    other = world.trusted.get("metadata", Accept=f"{named}5.0")
    assert (other.status, other.issue["code"]) == (406, "not-supported")


# batch -------------------------------------------------------------------------------------------


@http("3.1.0.11-2")
@pytest.mark.parametrize("url", ["Patient", "Patient/one"])
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_an_entry_that_writes_carries_a_resource(world: World, kind: str, url: str) -> None:
    reply = world.trusted.transact(entry("PUT" if "/" in url else "POST", url), kind=kind)
    assert statuses(reply) == (["400"] if kind == "batch" else [])
    issue = refused(reply.entries[0]) if kind == "batch" else reply.issue
    assert (issue["code"], issue["expression"]) == ("structure", ["Bundle.entry[0].resource"])


@http("3.1.0.11.1-3")
def test_an_entry_of_a_batch_that_needs_another_is_refused(world: World) -> None:
    number, urn = make.new_hex(), make.a_urn()
    result = make.an_observation("x", subject={"reference": urn})
    reply = world.trusted.transact(
        entry("POST", "Observation", result),
        entry("POST", "Patient", numbered(number), fullUrl=urn),
        kind="batch",
    )
    assert statuses(reply) == ["400", "201"]
    issue = refused(reply.entries[0])
    assert issue["expression"] == ["Bundle.entry[0].resource.subject.reference"]
    assert issue["diagnostics"].endswith("send a transaction")


@http("3.1.0.11.1-3")
def test_a_second_write_of_one_resource_in_a_batch_is_refused(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    path = f"Patient/{body['id']}"
    reply = world.trusted.transact(
        entry("PUT", path, body | {"active": False}), entry("DELETE", path), kind="batch"
    )
    assert statuses(reply) == ["200", "400"]
    assert world.trusted.get(path).headers["etag"] == 'W/"2"'


# transaction -------------------------------------------------------------------------------------


@http("3.1.0.11.2-2")
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_without_entries_is_no_error(world: World, kind: str) -> None:
    reply = world.trusted.post("", {"resourceType": "Bundle", "type": kind})
    assert (reply.status, reply.json) == (
        200,
        {"resourceType": "Bundle", "type": f"{kind}-response"},
    )


@http("3.1.0.11.2-3", "3.1.0.11.2-4", "3.1.0.11.3-1")
@pytest.mark.parametrize("places", list(permutations(range(4))))
def test_the_order_of_entries_changes_the_order_of_answers_alone(
    world: World, places: tuple[int, ...]
) -> None:
    number, urn = make.new_hex(), make.a_urn()
    gone, changed = make.a_patient(), make.a_patient()
    world.has(gone)
    world.has(changed)
    entries = [
        entry("GET", search(number)),
        entry("PUT", f"Patient/{changed['id']}", changed | {"link": [linked(urn)]}),
        entry("POST", "Patient", numbered(number), fullUrl=urn),
        entry("DELETE", f"Patient/{gone['id']}"),
    ]
    reply = world.trusted.transact(*(entries[place] for place in places))
    assert (reply.status, reply.json["type"]) == (200, "transaction-response")
    assert statuses(reply) == [("200", "200", "201", "204")[place] for place in places]
    found = reply.entries[places.index(0)]["resource"]
    assert found["total"] == 1
    [made] = [one["resource"]["id"] for one in found["entry"]]
    now = world.trusted.get(f"Patient/{changed['id']}").json
    assert now["link"][0]["other"]["reference"] == f"Patient/{made}"


def linked(ref: str) -> Json:
    return {"type": "seealso", "other": {"reference": ref}}


@http("3.1.0.11.2-5")
@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE"])
def test_two_entries_that_turn_out_to_write_one_resource_fail(world: World, verb: str) -> None:
    number = make.new_hex()
    there = world.trusted.post("Patient", numbered(number)).id
    bodies = {
        "PUT": numbered(number, id=there),
        "PATCH": {"resourceType": "Parameters", "parameter": []},
    }
    reply = world.trusted.transact(
        entry("PUT", search(number), numbered(number, active=True)),
        entry(verb, f"Patient/{there}", bodies.get(verb)),
    )
    assert (reply.status, reply.issue["expression"]) == (400, ["Bundle.entry[1]"])
    assert world.trusted.get(f"Patient/{there}").headers["etag"] == 'W/"1"'


@http("3.1.0.11.2-6", "3.1.0.11.2-10")
def test_resources_of_a_transaction_may_refer_to_each_other_in_a_circle(world: World) -> None:
    one, other = make.a_urn(), make.a_urn()
    reply = world.trusted.transact(
        entry("POST", "Patient", numbered(make.new_hex(), link=[linked(other)]), fullUrl=one),
        entry("POST", "Patient", numbered(make.new_hex(), link=[linked(one)]), fullUrl=other),
    )
    refs = [told["response"]["location"].split("/fhir/")[1] for told in reply.entries]
    ids = [ref.removesuffix("/_history/1") for ref in refs]
    pointed = [world.trusted.get(ref).json["link"][0]["other"]["reference"] for ref in ids]
    assert pointed == ids[::-1]


@http("3.1.0.11.2-7")
def test_links_are_renewed_wherever_they_stand_but_in_canonicals(world: World) -> None:
    urn = make.a_urn()
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn}">x</a><img src="{urn}"/></div>'
    pointing = {
        "resourceType": "Basic",
        "text": {"status": "additional", "div": div},
        "extension": [
            {"url": "urn:test:a", "valueUri": urn},
            {"url": "urn:test:b", "valueUrl": urn},
            {"url": "urn:test:d", "valueCanonical": urn},
            {"url": "urn:test:e", "valueString": urn},
        ],
        "code": {"text": "links"},
        "subject": {"reference": urn},
    }
    reply = world.trusted.transact(
        entry("POST", "Basic", pointing), entry("POST", "Patient", numbered("1"), fullUrl=urn)
    )
    assert reply.status == 200, reply.body
    basic, patient = (
        told["response"]["location"].split("/fhir/")[1].removesuffix("/_history/1")
        for told in reply.entries
    )
    stored = world.trusted.get(basic).json
    values = [next(v for k, v in one.items() if k != "url") for one in stored["extension"]]
    assert values == [patient, patient, urn, urn]
    assert stored["subject"]["reference"] == patient
    assert stored["text"]["div"] == div.replace(urn, patient)


@http("3.1.0.11.2-8")
def test_a_reference_to_what_is_not_in_the_bundle_is_left(world: World) -> None:
    elsewhere = f"https://elsewhere.example/fhir/Patient/{make.new_id()}"
    reply = world.trusted.transact(
        entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"},
                                "subject": {"reference": elsewhere}}),
    )  # fmt: skip
    ref = reply.entries[0]["response"]["location"].split("/fhir/")[1]
    assert world.trusted.get(ref).json["subject"]["reference"] == elsewhere


@http("3.1.0.11.2-9")
@pytest.mark.parametrize(("matches", "status"), [(0, 412), (1, 200), (2, 412)])
def test_a_search_uri_stands_for_its_one_match(world: World, matches: int, status: int) -> None:
    number = make.new_hex()
    there = [world.trusted.post("Patient", numbered(number)).id for _ in range(matches)]
    result = make.an_observation("x", subject={"reference": search(number)})
    reply = world.trusted.transact(entry("POST", "Observation", result))
    assert reply.status == status
    if status != 200:
        place = ["Bundle.entry[0].resource.subject.reference"]
        assert reply.issue["expression"][0].startswith("Bundle.entry[0]")
        assert matches or reply.issue["expression"] == place
        return
    ref = reply.entries[0]["response"]["location"].split("/fhir/")[1]
    assert world.trusted.get(ref).json["subject"]["reference"] == f"Patient/{there[0]}"


@http("3.1.0.11.2-11")
def test_an_update_with_another_server_s_full_url_is_of_the_id_here(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    reply = world.trusted.transact(
        entry("PUT", f"Patient/{body['id']}", body | {"active": False},
              fullUrl=f"https://elsewhere.example/fhir/Patient/{body['id']}"),
    )  # fmt: skip
    assert statuses(reply) == ["200"]
    assert world.trusted.get(f"Patient/{body['id']}").json["active"] is False


@http("3.1.0.11.3-3")
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_each_answer_says_status_place_and_tag(world: World, kind: str) -> None:
    reply = world.trusted.transact(entry("POST", "Patient", numbered("1")), kind=kind)
    [told] = reply.entries
    assert told["response"]["status"] == "201 Created"
    ref = told["response"]["location"].split("/fhir/")[1]
    read = world.trusted.get(ref)
    assert (read.status, read.headers["etag"]) == (200, told["response"]["etag"])


# history -----------------------------------------------------------------------------------------


@http("3.1.0.12-2", "3.1.0.12-3", "3.1.0.12-4", "3.1.0.12-5")
def test_a_history_tells_verb_time_and_what_was_stored(world: World) -> None:
    number = make.new_hex()
    there = world.trusted.post("Patient", numbered(number)).id
    world.trusted.send("PUT", search(number), numbered(number, active=True))
    change = {"op": "replace", "path": "/active", "value": False}
    world.trusted.patch(f"Patient/{there}", change)
    world.trusted.delete(search(number))
    told = world.trusted.get(f"Patient/{there}/_history").entries
    ref = f"Patient/{there}"
    assert [(one["request"]["method"], one["request"]["url"]) for one in told] == [
        ("DELETE", ref), ("PATCH", ref), ("PUT", ref), ("POST", "Patient"),
    ]  # fmt: skip
    assert ["resource" in one for one in told] == [False, True, True, True]
    times = [one["response"]["lastModified"] for one in told]
    assert times == sorted(times, reverse=True)
    assert [one["resource"]["meta"]["lastUpdated"] for one in told[1:]] == times[1:]


@http("3.1.0.12-6")
@pytest.mark.parametrize("name", ["_since", "_at"])
@pytest.mark.parametrize("place", ["Patient/_history", "_history"])
def test_a_parameter_of_a_history_stands_once(world: World, place: str, name: str) -> None:
    reply = world.trusted.get(f"{place}?{name}=2020-01-01&{name}=2021-01-01")
    assert (reply.status, reply.issue["code"]) == (400, "invalid")


# pages -------------------------------------------------------------------------------------------


@http("3.1.0.14-2")
@pytest.mark.parametrize("path", ["Patient?_count=1", "Patient/_history?_count=1"])
def test_every_page_names_itself_and_the_next(world: World, path: str) -> None:
    world.patient()
    world.patient()
    first = world.trusted.get(path)
    assert link(first, "self").endswith(f"/fhir/{path}")
    second = world.trusted.get(first.next)
    assert second.status == 200
    assert link(second, "self").split("/fhir/")[1].startswith(path.partition("?")[0])
    pages = [one["resource"]["id"] for page in (first, second) for one in page.entries]
    assert len(set(pages)) == 2


@http("3.1.0.14-3")
def test_the_next_page_may_be_asked_for_by_post(world: World) -> None:
    world.patient()
    world.patient()
    first = world.trusted.form("Patient/_search", "_count=1")
    query = first.next.partition("?")[2]
    by_get, by_post = world.trusted.get(first.next), world.trusted.form("Patient/_search", query)
    assert (by_post.status, by_post.ids) == (200, by_get.ids)
    assert by_post.ids != first.ids
