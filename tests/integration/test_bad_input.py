"""Bad input is refused with the place at fault, and nothing of it is stored (issue 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from json import dumps

import pytest

from tests.support import resources as make
from tests.support.people import a_hospital
from tests.support.replies import FHIR_JSON, JSON_PATCH, Json, Reply, entry
from tests.support.world import World
from tests.support.world import world as world

Send = Callable[..., Reply]
URN = "urn:uuid:7d9b6cf0-58f5-4f7c-a0c4-4c8c29f4d8a1"


@pytest.fixture
def refused(world: World) -> Iterator[Send]:
    """Give what sends to `/fhir`, after which there must be neither more nor fewer resources."""
    world.patient()
    before = world.counts()

    def send(method: str, path: str, body: object, type_: str = FHIR_JSON) -> Reply:
        reply = world.trusted.send(method, path, body, type_)
        assert 400 <= reply.status < 500, reply.body
        assert reply.issue["severity"] in ("error", "fatal")
        return reply

    yield send
    assert world.counts() == before


def places(reply: Reply) -> set[str]:
    """Return every place that an OperationOutcome names."""
    return {place for issue in reply.json["issue"] for place in issue.get("expression", ())}


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"Patient"',
        b"{'resourceType': 'Patient'}",
        b'{"resourceType": "Patient",}',
        b'{"resourceType": "Patient"} {}',
        b'{"resourceType": "Patient", "active": NaN}',
        b'{"resourceType": "Patient", "active": true, "active": false}',
        b'{"resourceType": "Patient", "gender": "\xff"}',
        b'\xff\xfe{\x00"\x00',
        b'{"resourceType": "Patient", "name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"\x1f\x8b\x08\x00",
        b"<Patient xmlns='http://hl7.org/fhir'/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Patient>&a;</Patient>',
    ],
)
def test_what_is_no_json_is_refused(refused: Send, body: bytes) -> None:
    assert refused("POST", "Patient", body).status == 400


DTD = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Patient>&a;</Patient>'


@pytest.mark.parametrize("type_", ["text/plain", "multipart/form-data", "image/svg+xml", ""])
def test_another_form_is_not_read(refused: Send, type_: str) -> None:
    assert refused("POST", "Patient", DTD, type_).status == 415


@pytest.mark.parametrize("type_", ["application/fhir+xml", "application/xml", "text/xml"])
def test_a_document_type_declaration_is_refused(refused: Send, type_: str) -> None:
    reply = refused("POST", "Patient", DTD, type_)
    assert (reply.status, reply.issue["code"]) == (400, "structure")
    assert b"root:" not in reply.body


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"nothing": 1}, "Patient"),
        ({"name": [{"famly": "X"}]}, "Patient.name[0]"),
        ({"name": {"family": "X"}}, "Patient.name"),
        ({"birthDate": ["1988-03-05"]}, "Patient.birthDate"),
        ({"birthDate": "1988-13-05"}, "Patient.birthDate"),
        ({"active": "true"}, "Patient.active"),
        ({"gender": "tree"}, "Patient.gender"),
        ({"deceasedBoolean": True, "deceasedDateTime": "2020"}, "Patient.deceased"),
        ({"contact": [{"name": {"period": {"start": 5}}}]}, "Patient.contact[0].name.period.start"),
        ({"link": [{"type": "seealso"}]}, "Patient.link[0].other"),
        ({"name": []}, "Patient.name"),
        ({"name": [None]}, "Patient.name[0]"),
        ({"name": [{}]}, "Patient.name[0]"),
        ({"gender": ""}, "Patient.gender"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "bundle"])
def test_what_is_no_patient_is_refused_with_its_place(
    refused: Send, change: Json, place: str, method: str
) -> None:
    body = make.a_patient() | change
    if method == "bundle":
        good = entry("POST", "Patient", make.a_patient())
        bundle = {"resourceType": "Bundle", "type": "transaction"}
        entries = [good, entry("POST", "Patient", body)]
        reply = refused("POST", "", bundle | {"entry": entries})
        place = place.replace("Patient", "Bundle.entry[1].resource", 1)
    else:
        path = f"Patient/{body['id']}" if method == "PUT" else "Patient"
        reply = refused(method, path, body)
    assert reply.status == 422
    assert any(found.startswith(place) for found in places(reply)), places(reply)


@pytest.mark.parametrize("change", [{"famly": "X"}, {"name": [{"famly": "X"}]}])
def test_an_unknown_element_is_told_by_its_name(refused: Send, change: Json) -> None:
    reply = refused("POST", "Patient", make.a_patient() | change)
    assert any("`famly`" in issue["diagnostics"] for issue in reply.json["issue"])


def test_a_mandatory_element_that_is_missing_is_named(refused: Send) -> None:
    body = make.an_observation("x")
    del body["status"]
    assert places(refused("POST", "Observation", body)) == {"Observation.status"}


@pytest.mark.parametrize("path", ["Wizard", "patient", "Patients", "DocumentManifold"])
def test_an_unknown_type_is_refused(refused: Send, path: str) -> None:
    assert refused("POST", path, {"resourceType": path}).status == 404


def test_a_resource_at_the_address_of_another_is_refused(refused: Send) -> None:
    reply = refused("POST", "Observation", make.a_patient())
    assert (reply.status, places(reply)) == (400, {"resourceType"})
    assert refused("PUT", "Patient/other", make.a_patient()).status == 400


def test_an_unknown_parameter_is_refused(refused: Send) -> None:
    reply = refused("GET", "Patient?nmae=x", None)
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    assert "nmae" in reply.issue["diagnostics"]


def test_a_body_over_the_limit_is_refused(refused: Send) -> None:
    body = b'{"resourceType":"Patient","active":true' + b" " * (20 * 1024 * 1024) + b"}"
    assert refused("POST", "Patient", body).status == 413


def test_a_content_over_its_own_limit_is_refused(refused: Send) -> None:
    body = b"x" * (200 * 1024 * 1024 + 1)
    assert refused("POST", "Binary", body, "application/pdf").status == 413


# Patches


@pytest.mark.parametrize(
    "patch",
    [
        b"{}",
        b"[1]",
        b'[{"op": "explode", "path": "/active"}]',
        b'[{"op": "replace", "path": "active", "value": 1}]',
        b'[{"op": "replace", "path": "/active"}]',
        b'[{"op": "replace", "path": "/active", "value": "yes"}]',
        b'[{"op": "replace", "path": "/nothing", "value": "yes"}]',
        b'[{"op": "remove", "path": "/resourceType"}]',
        b'[{"op": "replace", "path": "/id", "value": "other"}]',
        b'[{"op": "remove", "path": ""}]',
        b'[{"op": "copy", "from": "", "path": "/name/0"}]',
    ],
)
def test_a_patch_that_can_t_be_is_refused(world: World, refused: Send, patch: bytes) -> None:
    body = make.a_patient()
    world.trusted.put(body)
    assert refused("PATCH", f"Patient/{body['id']}", patch, JSON_PATCH).status in (400, 422)
    assert world.trusted.get(f"Patient/{body['id']}").headers["etag"] == 'W/"1"'
    world.lacks(f"Patient/{body['id']}")


# Bundles


def bundle(*entries: Json, kind: object = "transaction") -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


GOOD = entry("POST", "Patient", make.a_patient(), fullUrl=URN)
DANGLING = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("second", "place"),
    [
        (
            entry("POST", "Observation", make.an_observation("x", subject={"reference": DANGLING})),
            "Bundle.entry[1].resource.subject.reference",
        ),
        (
            entry("POST", "DocumentReference", make.a_document("x").attached(DANGLING).json()),
            "Bundle.entry[1].resource.content[0].attachment.url",
        ),
        (entry("POST", "Patient", make.a_patient(), fullUrl=URN), "Bundle"),
        (entry("POST", "Wizard", {"resourceType": "Wizard"}), "Bundle.entry[1].request.url"),
        (entry("POST", "Observation", make.a_patient()), "Bundle.entry[1].resource"),
        (entry("PUT", "Patient/other", make.a_patient()), "Bundle.entry[1].resource.id"),
        (entry("GRAB", "Patient"), "Bundle.entry[1].request.method"),
        (entry("POST", "Patient"), "Bundle.entry[1].resource"),
        ({"resource": make.a_patient()}, "Bundle"),
        ({"request": {"method": "POST"}}, "Bundle.entry[1]"),
        (entry("DELETE", "Patient/never-was"), "Bundle.entry[1]"),
        (entry("PUT", "Patient/p", make.a_patient(id="p"), ifMatch='W/"7"'), "Bundle.entry[1]"),
    ],
)
def test_a_transaction_with_one_bad_entry_stores_nothing(
    refused: Send, second: Json, place: str
) -> None:
    reply = refused("POST", "", bundle(GOOD, second))
    assert any(found.startswith(place) for found in places(reply)), reply.body


def test_two_writes_of_one_resource_are_refused(refused: Send) -> None:
    body = make.a_patient()
    both = bundle(*[entry("PUT", f"Patient/{body['id']}", body)] * 2)
    assert refused("POST", "", both).status == 400


@pytest.mark.parametrize("kind", ["document", "collection", "searchset", "", None, 5])
def test_a_bundle_of_another_kind_is_not_carried_out(refused: Send, kind: object) -> None:
    assert refused("POST", "", bundle(GOOD, kind=kind)).status in (400, 422)


@pytest.mark.parametrize("entries", [{}, "x", [1], [None], [[]]])
def test_entries_that_are_none_are_refused(refused: Send, entries: object) -> None:
    body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert refused("POST", "", body).status in (400, 422)


def test_a_bundle_of_too_many_entries_is_refused(refused: Send) -> None:
    assert refused("POST", "", bundle(*[entry("GET", "Patient/x")] * 5001)).status == 413


def test_a_refusal_in_a_batch_leaves_the_others(world: World) -> None:
    good, bad = make.a_patient(), make.a_patient(gender="tree")
    done = world.trusted.transact(
        entry("POST", "Patient", good), entry("POST", "Patient", bad), kind="batch"
    )
    answers = [one["response"] for one in done.entries]
    assert [one["status"][:3] for one in answers] == ["201", "422"]
    assert answers[1]["outcome"]["issue"][0]["expression"][0].endswith("Patient.gender")


def test_a_read_that_finds_nothing_is_the_refusal_of_its_entry_alone(world: World) -> None:
    done = world.trusted.transact(
        entry("POST", "Patient", make.a_patient()), entry("GET", "Patient/never-was")
    )
    assert done.status == 200
    assert [one["response"]["status"][:3] for one in done.entries] == ["201", "404"]


def test_lists_that_point_to_lists_without_end_are_stored_in_time(world: World) -> None:
    urns = [make.a_urn() for _ in range(120)]
    anna = world.patient()
    entries = [
        entry("POST", "List", make.a_list(anna, *[urns[(place + 1) % 120]] * 3), fullUrl=urn)
        for place, urn in enumerate(urns)
    ]
    assert world.trusted.post("", bundle(*entries)).status == 200
    assert world.trusted.get(f"List?patient={anna}&_summary=count").total == 120


def test_a_refusal_to_software_stores_nothing_but_its_trace(world: World) -> None:
    anna = world.patient()
    before, name = world.counts(), make.new_id()
    hospital = world.as_(a_hospital())
    good = entry("POST", "DocumentReference", make.a_document(anna).json())
    bad = entry("POST", "Patient", make.a_patient())
    reply = hospital.send("POST", "", bundle(good, bad), X_Request_Id=name)
    assert reply.status == 403
    assert world.counts() == before
    assert [event["outcome"] for event in world.traces(request_id=name)] == ["4"]


def test_what_a_refusal_repeats_is_in_back_ticks_and_short(refused: Send) -> None:
    long = "x" * 5000
    for reply in (
        refused("POST", "Patient", make.a_patient() | {long: 1}),
        refused("GET", f"Patient?{long}=1", None),
        refused("POST", "Patient", dumps({"resourceType": long}).encode()),
    ):
        assert len(reply.body) < 1500
