"""The console as a person meets it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fhir_server
from fhir_server.console.load import Journal, LoadError, units
from fhir_server.data import mappings_dir, profiles_dir
from fhir_server.store.mongo.embedded import EmbeddedMongo

Console = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = (
    "serve",
    "token",
    "personas",
    "load",
    "indexes",
    "doctor",
    "policy",
    "audit",
    "outbox",
    "explain",
    "simulate",
    "replay",
)


def environment() -> dict[str, str]:
    """Return this process's environment without settings of the server's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FHIR_SERVER")}


@pytest.fixture
def console() -> Console:
    """Give what runs `fhir-server` with some words and returns the finished process."""

    def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fhir_server.cli", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment() | variables,
        )

    return run


@pytest.fixture
def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def one_line(text: str) -> str:
    """Return `text`, having seen that it is one line of the console's."""
    assert text.startswith("fhir-server: ")
    assert text.count("\n") == 1
    return text


def test_version_is_that_of_the_package(console: Console) -> None:
    assert console("--version").stdout == f"fhir-server {fhir_server.__version__}\n"


def test_help_lists_every_command(console: Console) -> None:
    done = console("--help")
    assert done.returncode == 0
    assert set(COMMANDS) <= set(re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE))


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("serve", "--host --port --data-dir --mongodb-uri --workers --auth --demo"),
        (
            "token",
            "--persona --kind --rpps --profession --specialty --organization --patient --purpose"
            + " --scope --reason --secret --ttl --data-dir",
        ),
        ("personas", "--json"),
        ("load", "--data-dir --mongodb-uri"),
        ("indexes", "--data-dir --mongodb-uri --check --drop-unknown"),
        ("doctor", "--data-dir --mongodb-uri"),
        (
            "explain",
            "--kind --purpose --rpps --profession --organization --link --at --lang --json"
            + " --receipt --data-dir --mongodb-uri",
        ),
        (
            "simulate",
            "--kind --purpose --rpps --profession --organization --link --at --lang --json"
            + " --consent --withdraw --mask --unmask --limit --data-dir --mongodb-uri",
        ),
        ("replay", "--lang --data-dir --mongodb-uri"),
    ],
)
def test_help_of_a_command_names_the_options_of_the_contract(
    console: Console, command: str, options: str
) -> None:
    shown = console(command, "--help").stdout
    assert set(options.split()) <= set(re.findall(r"--[a-z-]+", shown))


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("serve", "--port", "0"),
        ("serve", "--auth", "off", "--host", "0.0.0.0"),
        ("token", "--kind", "wizard"),
        ("token",),
        ("token", "--kind", "patient", "--persona", "patient"),
        ("token", "--persona", "nobody"),
        ("load",),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(console: Console, words: tuple[str, ...]) -> None:
    done = console(*words)
    assert (done.returncode, done.stdout) == (2, "")
    one_line(done.stderr)


def test_a_wrong_variable_is_named(console: Console) -> None:
    done = console("doctor", FHIR_SERVER_TIMEZONE="Mars/Olympus")
    assert done.returncode == 2
    assert "timezone: `Mars/Olympus` is not a time zone" in one_line(done.stderr)


def test_a_token_is_printed_alone_on_its_line(console: Console, tmp_path: Path) -> None:
    done = console("token", "--kind", "auditor", "--data-dir", tmp_path)
    assert done.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)


def test_a_persona_can_be_given_another_purpose(console: Console, tmp_path: Path) -> None:
    words = ("--persona", "unrelated-doctor", "--purpose", "break-glass", "--reason", "coma")
    assert console("token", *words, "--data-dir", tmp_path).returncode == 0


def test_personas_are_listed_as_json(console: Console) -> None:
    listed = json.loads(console("personas", "--json").stdout)
    assert {"name", "kind", "record"} <= set(listed[0])
    assert "attending-doctor" in {persona["name"] for persona in listed}


def test_a_taken_port_is_one_line(console: Console, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = console("serve", "--port", str(port), "--data-dir", tmp_path)
    assert done.returncode == 1
    assert f"can't listen on `127.0.0.1:{port}`" in one_line(done.stderr)


def test_a_held_directory_is_one_line(console: Console, tmp_path: Path, free_port: int) -> None:
    mongo = EmbeddedMongo(tmp_path, cache_gb=0.25)
    mongo.start()
    try:
        done = console("serve", "--port", str(free_port), "--data-dir", tmp_path)
    finally:
        mongo.stop()
    assert done.returncode == 1
    assert f"another server (process {os.getpid()}) uses" in one_line(done.stderr)


def test_a_directory_that_can_not_be_made_is_one_line(
    console: Console, tmp_path: Path, free_port: int
) -> None:
    (tmp_path / "file").touch()
    done = console("serve", "--port", str(free_port), "--data-dir", tmp_path / "file" / "data")
    assert done.returncode == 1
    assert "choose another --data-dir" in one_line(done.stderr)


def test_doctor_finds_a_good_installation_well(console: Console, tmp_path: Path) -> None:
    done = console("doctor", "--data-dir", tmp_path)
    assert done.returncode == 0, done.stdout
    assert {line[:2] for line in done.stdout.splitlines()} == {"OK"}


def test_doctor_names_the_rule_set_and_its_hash(console: Console, tmp_path: Path) -> None:
    lines = [
        next(line for line in shown.splitlines() if line.startswith("OK  policy"))
        for shown in (
            console("doctor", "--data-dir", tmp_path).stdout,
            console("doctor", "--data-dir", tmp_path, FHIR_SERVER_RULE_SET="law-2026").stdout,
        )
    ]
    told = [
        re.search(r"rule set `(.+?)` of .* edition 1, hash ([0-9a-f]{16})$", one) for one in lines
    ]
    assert [one and one[1] for one in told] == ["original", "law-2026"]
    assert len({one and one[2] for one in told}) == 2


def test_doctor_sees_the_database_of_a_running_server(console: Console, tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path, cache_gb=0.25)
    mongo.start()
    try:
        shown = console("doctor", "--data-dir", tmp_path).stdout
    finally:
        mongo.stop()
    assert "held by a running server" in shown
    assert re.search(r"mongodb +\d+\.\d+\.\d+, replica set fhir", shown)


def test_doctor_names_the_cure_and_fails(console: Console, tmp_path: Path) -> None:
    done = console("doctor", "--data-dir", tmp_path, FHIR_SERVER_MONGOD=str(tmp_path / "absent"))
    assert done.returncode == 1
    assert "!!  mongod" in done.stdout


def test_shipped_data_is_found_where_the_package_is() -> None:
    assert (mappings_dir() / "habilitation.csv").is_file()
    assert profiles_dir().is_dir()


LINES = b'{"resourceType":"Patient","id":"a","x":1.00}\n\n{"resourceType":"Patient","id":"b"}\n'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (LINES, [b'{"resourceType":"Patient","id":"a","x":1.00}', LINES.splitlines()[2]]),
        (b'{"resourceType":"Patient",\n "id":"a"}\n', [b'{"resourceType":"Patient",\n "id":"a"}']),
        (
            b'{"resourceType":"Bundle","type":"collection",\n'
            + b'"entry":[{"resource":{"resourceType":"Patient","x":1.00}},{"fullUrl":"u"}]}',
            [b'{"resourceType":"Patient","x":1.00}'],
        ),
        (
            b'{"resourceType":"Bundle","type":"transaction"}',
            [b'{"resourceType":"Bundle","type":"transaction"}'],
        ),
    ],
    ids=["ndjson", "one resource", "collection", "transaction"],
)
def test_units_are_taken_byte_for_byte(tmp_path: Path, text: bytes, wanted: list[bytes]) -> None:
    file = tmp_path / "file"
    file.write_bytes(text)
    with file.open("rb") as stream:
        assert list(units(stream, "file")) == wanted


def test_a_line_that_is_no_resource_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(LINES + b"[1]\n")
    with file.open("rb") as stream, pytest.raises(LoadError, match=r"`f`, line 4: not a FHIR"):
        list(units(stream, "f"))


def test_a_journal_remembers_until_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(LINES)
    Journal(tmp_path / "load.json").note(file, 2)
    assert Journal(tmp_path / "load.json").done(file) == 2
    file.write_bytes(LINES + LINES)
    assert Journal(tmp_path / "load.json").done(file) == 0
