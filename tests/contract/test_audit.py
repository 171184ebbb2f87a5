"""Every access leaves its trace before the answer: R71, R72; contract, Faults and limits 1."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from fhir_server.consent.requester import Kind, Requester
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    breaking_the_glass,
    someone,
    the_patient,
)
from tests.support.replies import FHIR_JSON, JSON_PATCH, Json
from tests.support.world import World, request_of

MASK = [{"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}]


def subtype(event: Json) -> str:
    return str(event["subtype"][0]["code"])


def accessed(event: Json) -> set[str]:
    """Return what an AuditEvent says was touched."""
    return {entity["what"].get("reference", "") for entity in event["entity"] if "what" in entity}


@pytest.mark.parametrize(
    ("method", "path", "interaction"),
    [
        ("GET", "DocumentReference/{id}", "read"),
        ("HEAD", "DocumentReference/{id}", "read"),
        ("GET", "DocumentReference/{id}/_history/1", "vread"),
        ("GET", "DocumentReference/{id}/_history", "history-instance"),
        ("GET", "DocumentReference?_id={id}", "search-type"),
        ("GET", "DocumentReference?_id={id}&_summary=count", "search-type"),
        ("PATCH", "DocumentReference/{id}", "patch"),
        ("DELETE", "DocumentReference/{id}", "delete"),
    ],
)
@pytest.mark.parametrize("granted", [True, False])
def test_every_access_leaves_a_trace(
    world: World, method: str, path: str, interaction: str, granted: bool
) -> None:
    doctor, anna = a_doctor(), world.patient()
    id_ = world.has(make.a_document(anna).by(doctor))
    who = doctor if granted else a_doctor()
    if granted:
        world.team(anna, doctor)
    name = make.new_id()
    body, type_ = (MASK, JSON_PATCH) if method == "PATCH" else (None, FHIR_JSON)
    reply = world.as_(who).send(method, path.format(id=id_), body, type_, X_Request_Id=name)
    assert (reply.status < 400) == (granted or interaction == "search-type"), reply.body
    (event,) = world.traces(request_id=name)
    assert subtype(event) == interaction
    assert event["outcome"] == ("0" if reply.status < 400 else "4")
    assert who.rpps in str(event["agent"])


def test_a_create_and_a_transaction_leave_a_trace_of_each_resource(world: World) -> None:
    hospital, anna = a_hospital(), world.patient()
    name = make.new_id()
    writer = world.as_(hospital)
    made = writer.post("DocumentReference", make.a_document(anna).json(), X_Request_Id=name)
    (event,) = world.traces(request_id=name)
    assert f"DocumentReference/{made.id}" in accessed(event)
    assert f"Patient/{anna}" in accessed(event)


def test_a_read_of_a_deleted_version_leaves_a_trace(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    id_ = world.document(anna)
    world.lacks(f"DocumentReference/{id_}")
    for path in (f"DocumentReference/{id_}", f"DocumentReference/{id_}/_history/2"):
        name = make.new_id()
        assert world.as_(doctor).get(path, X_Request_Id=name).status == 410
        assert len(world.traces(request_id=name)) == 1


def test_a_batch_leaves_a_trace_of_each_entry_refused_ones_too(world: World) -> None:
    doctor, anna, bob = a_doctor(), world.patient(), world.patient()
    world.team(anna, doctor)
    shown, hidden = world.document(anna), world.document(bob)
    reads = [
        {"request": {"method": "GET", "url": f"DocumentReference/{id_}"}} for id_ in (shown, hidden)
    ]
    reads.append({"request": {"method": "GET", "url": f"DocumentReference?patient={anna}"}})
    reply = world.as_(doctor).transact(*reads, kind="batch")
    statuses = [item["response"]["status"][:3] for item in reply.entries]
    assert statuses == ["200", "404", "200"]
    events = world.traces(request_id=reply.headers["x-request-id"])
    assert sorted(map(subtype, events)) == ["read", "read", "search-type"]
    assert sorted(event["outcome"] for event in events) == ["0", "0", "4"]


def test_a_page_tells_in_each_record_what_was_shown_of_it_alone(world: World) -> None:
    doctor = a_doctor()
    anna, bruno = world.patient(), world.patient()
    for patient in (anna, bruno):
        world.team(patient, doctor)
        world.document(patient)
    name = make.new_id()
    query = f"DocumentReference?patient={anna},{bruno}"
    assert world.as_(doctor).get(query, X_Request_Id=name).total == 2
    for patient, other in ((anna, bruno), (bruno, anna)):
        (event,) = world.traces(patient, request_id=name)
        assert other not in str(event)
        assert other not in str(base64_of_queries(event))


def base64_of_queries(event: Json) -> list[bytes]:
    from base64 import b64decode

    return [b64decode(entity["query"]) for entity in event["entity"] if "query" in entity]


def test_the_rules_that_let_in_are_told(world: World) -> None:
    anna = world.patient()
    world.document(anna)
    name = make.new_id()
    world.as_(breaking_the_glass(of=anna)).get(
        f"DocumentReference?patient={anna}", X_Request_Id=name
    )
    (event,) = world.traces(anna, request_id=name)
    assert "break-glass" in [item["valueCode"] for item in event["extension"]]
    assert "BTG" in str(event["purposeOfEvent"])
    assert "coma" in str(event["agent"])


def test_the_holder_lists_who_came(world: World) -> None:
    doctor, anna = a_doctor(name="Rémi FRÊNE"), world.patient()
    world.team(anna, doctor)
    id_ = world.document(anna)
    world.as_(doctor).get(f"DocumentReference/{id_}")
    world.as_(a_doctor(name="Noëlle HÊTRE")).get(f"DocumentReference/{id_}")
    told = world.as_(the_patient(anna)).get(f"AuditEvent?patient={anna}&_count=100")
    seen = {one["resource"]["agent"][0].get("name"): one["resource"] for one in told.entries}
    assert seen["Rémi FRÊNE"]["outcome"] == "0"
    assert seen["Noëlle HÊTRE"]["outcome"] == "4"
    assert told.total == len(told.ids)


def test_the_holder_of_another_record_learns_nothing_of_it(world: World) -> None:
    anna, bruno = world.patient(), world.patient()
    world.document(anna)
    assert world.as_(the_patient(bruno)).get(f"AuditEvent?patient={anna}").total == 0


@pytest.mark.parametrize(
    "who",
    [
        a_doctor(),
        a_hospital(),
        an_administrator(),
        *(someone(k) for k in (Kind.BANK, Kind.INSURER)),
    ],
    ids=lambda who: who.kind,
)
def test_nobody_else_reads_traces(world: World, who: Requester) -> None:
    anna = world.patient()
    world.document(anna)
    some = world.traces(anna)[0]["id"]
    assert world.as_(who).get(f"AuditEvent?patient={anna}").total == 0
    assert world.as_(who).get(f"AuditEvent/{some}").status == 404


def test_a_member_of_the_team_reads_their_own_acts_alone(world: World) -> None:
    mine, other, anna = a_doctor(), a_doctor(), world.patient()
    world.team(anna, mine, other)
    id_ = world.document(anna)
    for who in (mine, other):
        world.as_(who).get(f"DocumentReference/{id_}")
    found = world.as_(mine).get(f"AuditEvent?patient={anna}")
    assert found.total == 1
    assert mine.rpps in str(found.entries)


@pytest.mark.parametrize(
    "who",
    [a_doctor(), a_hospital(), an_administrator(), an_auditor(), the_patient("x")],
    ids=lambda who: who.kind,
)
def test_nobody_writes_or_deletes_traces(world: World, who: Requester) -> None:
    anna = world.patient()
    event = world.traces(anna)[0]
    caller = world.as_(who)
    ref = f"AuditEvent/{event['id']}"
    assert caller.post("AuditEvent", event).status == 403
    assert caller.put(event | {"outcome": "8"}).status in (403, 404, 405)
    assert caller.patch(ref, {"op": "remove", "path": "/outcome"}).status in (403, 404, 405)
    assert caller.delete(ref).status in (403, 404, 405)
    assert world.trusted.get(ref).json["outcome"] == event["outcome"]


@pytest.mark.parametrize("trusted", [True, False])
def test_traces_are_found_by_date_and_carry_the_request_id_unchanged(
    world: World, trusted: bool
) -> None:
    caller = world.trusted if trusted else world.as_(an_auditor())
    begin = quote(datetime.now(UTC).isoformat(timespec="milliseconds"))
    names = [f"My-Request.{n}_{make.new_id()}" for n in range(5)]
    anna = world.patient()
    for name in names:
        world.as_(the_patient(anna)).get(f"Patient/{anna}", X_Request_Id=name)
    end = quote(datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    pages = caller.walk(f"AuditEvent?date=ge{begin}&date=le2999-01-01&_sort=date&_count=2")
    found = [request_of(one["resource"]) for page in pages for one in page.entries]
    assert [name for name in found if name in names] == names
    assert all(len(page.ids) == 2 for page in pages[:-1])
    assert caller.get(f"AuditEvent?date=gt{end}&date=lt{begin}").total == 0


def test_the_auditor_reads_traces_and_no_record(world: World) -> None:
    anna = world.patient()
    id_ = world.document(anna)
    auditor = world.as_(an_auditor())
    assert auditor.get(f"AuditEvent?patient={anna}").total > 0
    assert auditor.get(f"DocumentReference/{id_}").status == 404
    assert auditor.get(f"Patient/{anna}").status == 404
    assert auditor.get(f"DocumentReference?patient={anna}").total == 0
