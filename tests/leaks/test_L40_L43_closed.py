"""L40 to L43: channels that this server does not open, and what shows that they are closed.

Each test fails when the feature appears: its rows then need tests of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fhir_server.consent.requester import Requester
from tests.leaks.conftest import Room, bare, uniform
from tests.support import resources as make
from tests.support.people import (
    EXCLUDED,
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    someone,
    the_patient,
)
from tests.support.replies import Json, differ
from tests.support.world import World

DOC = "DocumentReference"
EVERYONE = [
    a_doctor(),
    a_hospital(),
    an_auditor(),
    an_administrator(),
    the_patient("someone-else"),
    someone(EXCLUDED[0]),
]


def statement(world: World) -> Json:
    return world.trusted.get("metadata").json


@pytest.mark.parametrize("path", ["$export", "Patient/$export", "Group/{id}/$export"])
@pytest.mark.parametrize("who", EVERYONE, ids=lambda who: str(who.kind))
def test_L40_nobody_starts_an_export(world: World, room: Room, who: Requester, path: str) -> None:
    group = world.has(a_group(room.id))
    for caller in (world.as_(who), world.trusted):
        ids = {"hidden": group, "absent": make.new_id()}
        replies = (
            [
                uniform(caller, method, path, **ids, Prefer="respond-async")
                for method in ("GET", "POST")
            ]
            if "{id}" in path
            else [caller.get(path, Prefer="respond-async")]
        )
        assert {reply.status for reply in replies} <= {404, 405}
        assert not [reply for reply in replies if "content-location" in reply.headers]


@pytest.mark.parametrize(
    "path", ["$export-poll-status?_jobId={id}", "bulkstatus/{id}", "$job/{id}"]
)
def test_L40_there_is_no_job_to_ask_about_or_to_end(room: Room, path: str) -> None:
    ids = {"one": make.new_hex(), "other": make.new_hex()}
    for method in ("GET", "DELETE"):
        assert uniform(room.doctor, method, path, **ids).status in (404, 405)


def test_L40_no_export_is_offered(world: World) -> None:
    told = world.trusted.get("metadata").body.decode()
    assert "export" not in told.lower()
    assert "async" not in world.trusted.get("/openapi.json").body.decode().lower()


def a_group(*patients: str) -> Json:
    return {
        "resourceType": "Group",
        "id": make.new_id(),
        "type": "person",
        "actual": True,
        "member": [{"entity": make.reference(f"Patient/{one}")} for one in patients],
    }


def test_L41_no_filter_of_an_export_is_read(world: World, room: Room) -> None:
    paths = [
        f"Patient/$export?_typeFilter={DOC}%3F{query}"
        for query in (f"_id={bare(room.hidden[0])}", f"_id={make.new_id()}", "x")
    ]
    replies = [room.doctor.get(path) for path in paths]
    assert replies[0].status == 404
    assert differ(replies) == ""


@pytest.mark.parametrize(
    "path",
    [
        "Group?member=Patient/{id}",
        "Group?member=Patient/{id}&_summary=count",
        "Group?member:Patient._id={id}",
        "Patient?_has:Group:member:actual=true&_id={id}",
        "Patient?_id={id}&_revinclude=Group:member",
    ],
)
def test_L41_who_is_in_a_group_is_not_found_by_it(world: World, room: Room, path: str) -> None:
    """Of the own patient too: a group of several records is in none of them."""
    world.has(a_group(room.id, world.patient()))
    found = room.doctor.get(path.format(id=room.id))
    assert not [ref for ref in found.refs if ref.startswith("Group/")]
    assert found.total == ("_revinclude" in path)
    stranger = world.as_(a_doctor())
    ids = {"member": room.id, "absent": make.new_id()}
    assert uniform(stranger, "GET", path, **ids).total == 0


# subscriptions -----------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """Give the address of something that listens for notifications, and what it was told."""
    told: list[bytes] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/told", told
        server.shutdown()
        thread.join()


def a_subscription(criteria: str, endpoint: str, status: str) -> Json:
    return {
        "resourceType": "Subscription",
        "id": make.new_id(),
        "status": status,
        "reason": "test",
        "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json"},
    }


@pytest.mark.parametrize("status", ["requested", "active"])
def test_L42_a_stored_subscription_tells_nobody_of_anything(
    world: World, room: Room, listener: tuple[str, list[bytes]], status: str
) -> None:
    endpoint, told = listener
    body = a_subscription(f"{DOC}?patient={room.id}", endpoint, status)
    world.has(body)
    for labels in ((), ("MASQUE_PS",)):
        world.document(room.id, *labels)
    time.sleep(0.5)
    assert told == []
    kept = world.trusted.get(f"Subscription/{body['id']}")
    assert (kept.json["status"], kept.headers["etag"]) == (status, 'W/"1"')


@pytest.mark.parametrize("who", EVERYONE, ids=lambda who: str(who.kind))
def test_L42_nobody_subscribes_and_a_stored_subscription_is_unknown(
    world: World, room: Room, who: Requester
) -> None:
    body = a_subscription(f"{DOC}?patient={room.id}", "http://127.0.0.1:9/x", "requested")
    caller = world.as_(who)
    assert caller.post("Subscription", body).status == 403
    ids = {"hidden": world.has(body), "absent": make.new_id()}
    assert uniform(caller, "GET", "Subscription/{id}", **ids).status == 404
    assert caller.get("Subscription").total == 0


def test_L42_no_channel_is_offered(world: World) -> None:
    told = statement(world)
    assert "extension" not in told["rest"][0]
    assert "SubscriptionTopic" not in {one["type"] for one in told["rest"][0]["resource"]}
    assert "messaging" not in told


@pytest.mark.parametrize("name", ["$status", "$events", "$get-ws-binding-token"])
def test_L43_there_are_no_events_to_number(world: World, room: Room, name: str) -> None:
    stored = world.has(a_subscription(f"{DOC}?patient={room.id}", "http://127.0.0.1:9/x", "active"))
    ids = {"hidden": stored, "absent": make.new_id()}
    for caller in (room.doctor, world.trusted):
        assert uniform(caller, "GET", f"Subscription/{{id}}/{name}", **ids).status == 404
        assert caller.get(f"Subscription/{name}").status == 404
