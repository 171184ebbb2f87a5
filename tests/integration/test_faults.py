"""What breaks breaks cleanly: contract, Faults and limits 3 and 6, and issue 2."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from json import dumps, loads
from pathlib import Path

import pytest

from fhir_server.store.mongo import connect as connecting
from fhir_server.store.mongo import transactions as storing
from fhir_server.store.mongo.embedded import EmbeddedMongo
from fhir_server.store.mongo.store import MongoStore
from tests.integration.test_serve import Serve, Server, eventually
from tests.integration.test_serve import serve as serve
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import FHIR_JSON, Json, Reply, entry
from tests.support.world import World
from tests.support.world import world as world

SIZE = 150


# MongoDB gone


def test_without_mongodb_all_is_503_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "SELECTION_TIMEOUT_MS", 500)
    monkeypatch.setattr(storing, "RETRY_SECONDS", 1.0)
    with running(tmp_path) as uri:
        client = connecting.connect(uri)
        world = World(MongoStore(client, "t"), tmp_path)
        doctor, anna = a_doctor(), world.patient()
        world.team(anna, doctor)
        assert is_ready(world)
    body = make.a_patient()
    requests: list[Callable[[], Reply]] = [
        lambda: world.trusted.get(f"Patient/{anna}"),
        lambda: world.as_(doctor).get("DocumentReference"),
        lambda: world.trusted.put(body),
        lambda: world.trusted.transact(entry("POST", "Patient", body)),
        lambda: world.trusted.patch(f"Patient/{anna}", {"op": "remove", "path": "/active"}),
    ]
    for request in requests:
        reply = request()
        assert (reply.status, reply.issue["code"]) == (503, "transient")
        assert int(reply.headers["retry-after"]) >= 1
        assert b"mongo" not in reply.body.lower()
    assert not is_ready(world)
    assert world.app.test_client().get("/health/live").status_code == 200
    with running(tmp_path):
        assert eventually(lambda: is_ready(world))
        assert world.trusted.get(f"Patient/{anna}").json["active"] is True
        assert world.counts() == {"Patient": 1, "CareTeam": 1}
        assert world.trusted.put(body).status == 201
        client.close()


@contextmanager
def running(data: Path) -> Iterator[str]:
    """Run a MongoDB in `data` inside, and give its URI."""
    mongo = EmbeddedMongo(data, cache_gb=0.25)
    yield mongo.start()
    mongo.stop()


def is_ready(world: World) -> bool:
    return world.app.test_client().get("/health/ready").status_code == 200


# Real processes


def ask(server: Server, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
    """Send to a real server; status 0 when there was no answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        sent = None if body is None else dumps(body)
        connection.request(method, f"/fhir/{path}".rstrip("/"), sent, {"Content-Type": FHIR_JSON})
        reply = connection.getresponse()
        return reply.status, loads(reply.read() or b"{}")
    except (OSError, HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


def deposit(patient: str) -> Json:
    """Return a transaction of documents with their Binaries, all of one record."""
    entries = []
    for _ in range(SIZE):
        urn = make.a_urn()
        entries.append(entry("POST", "Binary", make.a_binary(), fullUrl=urn))
        document = make.a_document(patient).attached(urn)
        entries.append(entry("POST", "DocumentReference", document.json()))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def victims(server: Server, name: str) -> list[int]:
    """Return the processes whose command line has `name`."""
    return [pid for pid, words in server.children().items() if name in words]


@pytest.mark.slow
def test_a_transaction_interrupted_by_kill_9_is_there_whole_or_not_at_all(serve: Serve) -> None:
    server = serve("--auth", "off")
    records: dict[str, bool] = {}
    for name, delay in (
        ("http_server", 0.1),
        ("http_server", 0.3),
        ("mongod", 0.1),
        ("mongod", 0.3),
    ):
        body = make.a_patient()
        assert ask(server, "PUT", f"Patient/{body['id']}", body)[0] == 201
        answers: list[int] = []
        sender = threading.Thread(
            target=lambda of, into: into.append(ask(server, "POST", "", deposit(of))[0]),
            args=(body["id"], answers),
        )
        sender.start()
        time.sleep(delay)
        for pid in victims(server, name):
            os.kill(pid, signal.SIGKILL)
        sender.join()
        assert eventually(lambda: server.status() == 200, seconds=30)
        assert answers[0] in (0, 200, 503)
        records[body["id"]] = answers[0] == 200
    for patient, acknowledged in records.items():
        total = ask(server, "GET", f"DocumentReference?patient={patient}&_summary=count")[1][
            "total"
        ]
        assert total in ({SIZE} if acknowledged else {0, SIZE})
    documents = ask(server, "GET", "DocumentReference?_summary=count")[1]["total"]
    assert ask(server, "GET", "Binary?_summary=count")[1]["total"] == documents


# Races


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_of_sixteen_writes_with_one_if_match_exactly_one_passes(world: World, method: str) -> None:
    body = make.a_patient()
    world.has(body)
    gate = threading.Barrier(16)

    def write(number: int) -> int:
        change = body | {"name": [{"family": f"N{number}"}]}
        gate.wait()
        path, tag = f"Patient/{body['id']}", {"If_Match": 'W/"1"'}
        match method:
            case "PUT":
                return world.trusted.put(change, **tag).status
            case "PATCH":
                operation = {"op": "replace", "path": "/name", "value": change["name"]}
                return world.trusted.patch(path, operation, **tag).status
            case _:
                return world.trusted.delete(path, **tag).status

    with ThreadPoolExecutor(16) as threads:
        statuses = sorted(threads.map(write, range(16)))
    assert statuses[0] in (200, 204)
    assert set(statuses[1:]) <= {404, 409, 410, 412}
    last = world.trusted.get(f"Patient/{body['id']}/_history")
    assert last.total == 2


def test_sixteen_conditional_creates_make_one(world: World) -> None:
    body = make.a_patient()
    query = f"identifier={make.INS}|{body['identifier'][0]['value']}"
    gate = threading.Barrier(16)

    def create(_: int) -> int:
        gate.wait()
        return world.trusted.post("Patient", body, If_None_Exist=query).status

    with ThreadPoolExecutor(16) as threads:
        statuses = sorted(threads.map(create, range(16)))
    assert world.trusted.get(f"Patient?{query}&_summary=count").total == 1
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409, 412}


def test_a_mask_and_a_list_written_at_once_leave_no_open_copy(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    reader = world.as_(doctor)
    for _ in range(8):
        document = make.a_document(anna)
        world.has(document)
        pointer = make.a_list(anna, document.ref)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(world.has, (document.masked(), pointer)))
        assert reader.get(document.ref).status == 404
        assert reader.get(f"List/{pointer['id']}").status == 404
