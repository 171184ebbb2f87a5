"""`fhir-server indexes`: what is declared, what is there, and the building of what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir_server.console.indexes import tend
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect, state
from fhir_server.store.mongo.store import MongoStore
from tests.integration.test_console import environment

Tend = Callable[..., tuple[bool, list[str]]]


@pytest.fixture
def database(mongo_uri: str, database_name: str) -> Any:
    """Give a database in which patients and documents may be stored."""
    with connect(mongo_uri) as client:
        store = MongoStore(client, database_name)
        store.prepare()
        store.prepare_types(["Patient", "DocumentReference"])
        yield client[database_name]


@pytest.fixture
def tended(mongo_uri: str, database_name: str, database: Any) -> Tend:
    """Give what runs the command's work, and returns its verdict and its lines."""

    def run(*, check: bool = False, drop_unknown: bool = False) -> tuple[bool, list[str]]:
        lines: list[str] = []
        settings = Settings(mongodb_uri=mongo_uri, database=database_name)
        complete = tend(settings, lines.append, check=check, drop_unknown=drop_unknown)
        return complete, lines

    return run


def test_a_database_that_the_server_made_has_every_index(tended: Tend) -> None:
    complete, lines = tended(check=True)
    assert complete
    assert {line[:2] for line in lines} == {"OK"}
    assert any("DocumentReference.record-date" in line for line in lines)
    assert any("Patient.history.instance" in line for line in lines)


def test_a_missing_index_is_shown_by_a_check_and_not_built(tended: Tend, database: Any) -> None:
    database.Patient.drop_index("search")
    complete, lines = tended(check=True)
    assert not complete
    assert "!!  missing   Patient.search  (idx.$** 1)" in lines
    assert "search" not in database.Patient.index_information()


def test_a_missing_index_is_built_with_its_progress(tended: Tend, database: Any) -> None:
    database.Patient.drop_index("search")
    database.DocumentReference.drop_index("record-date")
    complete, lines = tended()
    assert complete
    assert "building 1 of 2: DocumentReference.record-date" in lines
    assert re.fullmatch(r"built 2 of 2 in \d+\.\d s", lines[-1])
    assert "search" in database.Patient.index_information()


def test_another_index_under_a_declared_name_is_made_as_declared(
    tended: Tend, database: Any
) -> None:
    database.DocumentReference.drop_index("record-date")
    database.DocumentReference.create_index([("acl.patient", 1)], name="record-date")
    _, before = tended(check=True)
    assert any(line.startswith("!!  different DocumentReference.record-date") for line in before)
    assert tended()[0]
    keys = database.DocumentReference.index_information()["record-date"]["key"]
    assert keys == [("acl.patient", 1), ("srt.date", -1), ("_id", 1)]


def test_an_index_that_is_not_declared_stays_until_it_is_said(tended: Tend, database: Any) -> None:
    database.Patient.create_index([("x", 1)], name="own")
    complete, lines = tended()
    assert complete
    assert "??  unknown   Patient.own  (x 1)" in lines
    assert "own" in database.Patient.index_information()
    _, lines = tended(drop_unknown=True)
    assert lines[-1] == "dropped Patient.own"
    assert set(database.Patient.index_information()) == {
        "_id_", "record", "updated", "search", "targets"
    }  # fmt: skip


def test_a_declared_parameter_is_shown_with_its_progress(tended: Tend, database: Any) -> None:
    body = {"code": "alias", "base": ["Organization", "Location"]}
    progress = {"settled": True, "type": "Location", "after": "a", "done": 41, "total": 100}
    database.search_parameter.insert_one(
        {"_id": "x", "body": body, "state": "waiting", "mark": "m", "progress": progress}
    )
    _, lines = tended(check=True)
    assert "..  parameter `alias` of Organization, Location: being indexed, 41 %" in lines


def test_doctor_sees_what_is_missing_and_what_is_not_declared(
    mongo_uri: str, database_name: str, database: Any
) -> None:
    database.Patient.drop_index("search")
    database.Patient.create_index([("x", 1)], name="own")
    found = state(mongo_uri, database_name)
    assert {(one.collection, one.name, one.state) for one in found.wrong} == {
        ("Patient", "search", "missing"),
        ("Patient", "own", "unknown"),
    }
    assert "Patient.updated" in found.unused


def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fhir_server.cli", "indexes", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment() | variables,
    )


def test_the_command_ends_with_1_where_a_check_finds_something_missing(
    mongo_uri: str, database_name: str, database: Any, tmp_path: Path
) -> None:
    database.Patient.drop_index("search")
    words = ("--mongodb-uri", mongo_uri, "--data-dir", tmp_path)
    variables = {"FHIR_SERVER_DATABASE": database_name}
    assert run("--check", *words, **variables).returncode == 1
    assert run(*words, **variables).returncode == 0
    assert run("--check", *words, **variables).returncode == 0


def test_a_check_that_is_to_drop_is_wrong_usage() -> None:
    done = run("--check", "--drop-unknown")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fhir-server: --check changes nothing: leave --drop-unknown out\n"
