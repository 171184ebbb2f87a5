"""npm's fhir-kit-client, unmodified, against a server as a person starts it.

https://github.com/Vermonster/fhir-kit-client. `node/package-lock.json` says which version, by its
digest; `npm ci` brings it, once. Without node, npm or a registry these tests are skipped.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_clients import base as base

NODE = Path(__file__).parent / "node"
LOCK = NODE / "package-lock.json"
INSTALLED = NODE / "node_modules" / ".package-lock.json"

Run = Callable[[str], Any]


def test_the_lock_names_digests_and_no_address() -> None:
    text = LOCK.read_text(encoding="utf-8")
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert "node_modules/fhir-kit-client" in packages
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert "resolved" not in text
    assert "://" not in text


@pytest.fixture(scope="module")
def client() -> None:
    """Have the client installed, or skip and say what is missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"NOT RUN: fhir-kit-client needs `{program}`, which is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"NOT RUN: fhir-kit-client needs node 20 or later, not {version.stdout}")
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other test processes want it too
        if _is_installed():
            return
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=NODE,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode != 0:
            pytest.skip(f"NOT RUN: `npm ci` can't install fhir-kit-client: {done.stderr[-300:]}")


def _is_installed() -> bool:
    """Tell whether what is installed is what the lock names."""
    if not INSTALLED.exists():
        return False
    wanted, found = (
        {name: one["integrity"] for name, one in packages.items() if name}
        for packages in (
            json.loads(path.read_text(encoding="utf-8"))["packages"] for path in (LOCK, INSTALLED)
        )
    )
    return wanted == found


@pytest.fixture
def run(client: None, base: str) -> Run:
    """Give what runs a scenario and returns what it saw."""

    def scenario(name: str) -> Any:
        done = subprocess.run(
            ["node", "scenarios.mjs", base, name],
            cwd=NODE,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return scenario


def test_it_creates_reads_and_updates(run: Run, base: str) -> None:
    saw = run("creates_reads_and_updates")
    made, updated = saw["made"], saw["updated"]
    assert saw["location"] == f"{base}/Patient/{made['id']}/_history/1"
    assert saw["read"] == made
    assert made["name"] == [{"family": "Élan", "given": ["Zoé"]}]
    assert (updated["gender"], updated["meta"]["versionId"]) == ("female", "2")
    assert saw["etag"] == 'W/"2"'


def test_it_updates_under_a_condition(run: Run) -> None:
    first, second = run("updates_under_a_condition")
    assert (first["status"], second["status"]) == (201, 200)
    assert first["id"] == second["id"]


def test_it_is_held_to_the_version_it_names(run: Run) -> None:
    first, second = run("is_held_to_the_version_it_names")
    assert first == {"status": 200}
    assert (second["status"], second["issue"]["code"]) == (412, "conflict")


def test_it_patches_and_deletes(run: Run) -> None:
    saw = run("patches_and_deletes")
    assert saw["patched"]["active"] is False
    assert (saw["after"]["status"], saw["after"]["issue"]["code"]) == (410, "deleted")


def test_it_searches_and_turns_pages(run: Run) -> None:
    saw = run("searches_and_turns_pages")
    assert saw["total"] == saw["posted"] == 7
    assert [len(page) for page in saw["pages"]] == [3, 3, 1]
    assert len({id_ for page in saw["pages"] for id_ in page}) == 7


def test_it_runs_a_transaction_and_a_batch(run: Run, base: str) -> None:
    saw = run("runs_a_transaction_and_a_batch")
    assert saw["type"] == "transaction-response"
    assert f"{base}/{saw['subject']}/_history/1" == saw["patientAt"]
    assert saw["statuses"] == ["200 OK", "404"]


def test_it_reads_a_history_and_its_versions(run: Run) -> None:
    saw = run("reads_a_history_and_its_versions")
    assert (saw["type"], saw["ofAll"]) == ("history", "history")
    assert saw["versions"] == ["2", "1"]
    assert saw["first"] is True
    assert saw["ofType"] is True


def test_it_resolves_a_reference(run: Run) -> None:
    assert run("resolves_a_reference") == {"same": True}


def test_it_discovers_the_server(run: Run) -> None:
    saw = run("discovers_the_server")
    assert (saw["kind"], saw["version"]) == ("CapabilityStatement", "4.0.1")
    assert saw["types"] > 140
    assert isinstance(saw["smart"], list)
    assert saw["coding"] == "gzip"


def test_it_is_told_what_is_wrong_in_an_outcome(run: Run) -> None:
    saw = run("is_told_what_is_wrong")
    assert (saw["value"]["status"], saw["value"]["issue"]["expression"]) == (
        422,
        ["Patient.gender"],
    )
    assert (saw["parameter"]["status"], saw["parameter"]["issue"]["code"]) == (400, "not-supported")
    assert (saw["absent"]["status"], saw["absent"]["issue"]["code"]) == (404, "not-found")
