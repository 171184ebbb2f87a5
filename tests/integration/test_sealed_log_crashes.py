"""Whatever is killed, whenever: no answer was given whose entry is not in the log and its tree."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from json import loads

import pytest

from tests.integration.test_faults import ask, victims
from tests.integration.test_serve import Serve, Server, eventually
from tests.integration.test_serve import serve as serve
from tests.support import resources as make
from tests.support.world import request_of

CRASHES = [
    (name, delay) for delay in (0.05, 0.2, 0.4, 0.8, 1.5) for name in ("http_server", "mongod")
]
READERS = 4


def read(server: Server, path: str, until: threading.Event, answered: list[str]) -> None:
    """Read `path` again and again; note the request ids of what was answered."""
    while not until.is_set():
        id_ = secrets.token_hex(16)
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            connection.request("GET", f"/fhir/{path}", headers={"X-Request-Id": id_})
            reply = connection.getresponse()
            if reply.status == 200 and reply.read():
                answered.append(id_)
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()


def logged(server: Server, patient: str) -> set[str]:
    """Return the request ids of all entries of a record."""
    found: set[str] = set()
    status, page = ask(server, "GET", f"AuditEvent?patient={patient}&_count=1000")
    while status == 200:
        found |= {request_of(one["resource"]) for one in page.get("entry", ())}
        links = {one["relation"]: one["url"] for one in page["link"]}
        if "next" not in links:
            return found
        status, page = ask(server, "GET", links["next"].partition("/fhir/")[2])
    raise AssertionError(page)


def verified(server: Server) -> tuple[int, dict[str, object]]:
    """Return the exit code of `fhir-server audit verify`, and what it says."""
    words = ["audit", "verify", "--json", "--data-dir", str(server.data_dir)]
    done = subprocess.run(
        [sys.executable, "-m", "fhir_server.cli", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, loads(done.stdout or "{}")


@pytest.mark.slow
def test_ten_kills_under_load_leave_no_answer_without_its_sealed_entry(serve: Serve) -> None:
    server = serve("--auth", "off")
    body = make.a_patient()
    path = f"Patient/{body['id']}"
    assert ask(server, "PUT", path, body)[0] == 201
    answered: list[str] = []
    for name, delay in CRASHES:
        until = threading.Event()
        readers = [
            threading.Thread(target=read, args=(server, path, until, answered))
            for _ in range(READERS)
        ]
        for reader in readers:
            reader.start()
        time.sleep(delay)
        for pid in victims(server, name):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        until.set()
        for reader in readers:
            reader.join()
        assert eventually(lambda: server.status() == 200, seconds=60)
    assert len(answered) > len(CRASHES)
    assert set(answered) <= logged(server, body["id"])
    assert eventually(lambda: verified(server)[1].get("waiting") == 0, seconds=60)
    code, told = verified(server)
    assert (code, told["faults"]) == (0, [])
