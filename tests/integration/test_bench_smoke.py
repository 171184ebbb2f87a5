"""`make bench` runs from end to end, small, and every answer it gets is right. No time is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.arguments import arguments

ROOT = Path(__file__).resolve().parents[2]
FLOOR_OF = {
    "read": "stored body",
    "history": "stored body",
    "search page of 20": "page of 20",
    "search, next page": "page of 20",
    "search, patient.identifier": "page of 20",
    "batch of 20 reads": "stored body",
    "create Patient": "insert",
    "create Patient, same GP": "insert",
    "create DocumentReference": "insert",
    "update, If-Match": "insert",
    "JSON patch": "insert",
    "delete": "insert",
    "transaction of 20": "insert of 20",
    "transaction of 500": "insert of 500",
}
FLOORS = {"constant", *FLOOR_OF.values()}
PROFILED = {
    "read",
    "search page of 20",
    "create DocumentReference",
    "update, If-Match",
    "transaction of 20",
}


def bench(report: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the bench at its smallest."""
    asked = ("--quick", "--concurrency", "1", "2", "--json", str(report), *words)
    return subprocess.run(
        (sys.executable, "-m", "benchmarks", *asked),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_the_bench_measures_every_operation_next_to_its_floor(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    done = bench(report)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(report.read_text())
    (run,) = told["runs"]
    lines = {(line["name"], line["concurrency"]): line for line in run["operations"]}
    names = set(FLOOR_OF) | {f"floor: {name}" for name in FLOORS}
    assert set(lines) == {(name, each) for name in names for each in (1, 2)}
    assert all(lines[name, 1]["floor"] == floor for name, floor in FLOOR_OF.items())
    assert all(line["requests"] > 0 and line["of_floor"] > 0 for line in lines.values())
    assert all(name in done.stdout for name in names)
    assert {profile["name"] for profile in run["profiles"]} == PROFILED
    layers = {layer for profile in run["profiles"] for layer in profile["layers"]}
    assert {"token", "policy look-up", "data query", "audit commit"} <= layers
    assert {"structure tables", "consent facts", "transaction: commit"} <= layers
    assert done.stdout.count("CPU ms per request: server ") == len(PROFILED)
    assert {cost["type"] for cost in told["validation"]} == {
        "DocumentReference",
        "Observation",
        "Patient",
    }


def test_only_takes_words_with_commas_between() -> None:
    assert arguments(["--only", "update,patch"], None).only == ["update", "patch"]
    assert arguments([], None).only == []


def test_quick_leaves_what_was_said_as_it_was_said() -> None:
    asked = arguments(["--quick", "--profile", "0"], None)
    assert (asked.rounds, asked.profile) == (1, 0)


def test_a_word_that_names_no_operation_is_refused_with_the_list_of_those_there_are(
    tmp_path: Path,
) -> None:
    report = tmp_path / "bench.json"
    done = bench(report, "--only", "update,telepathy")
    assert done.returncode == 2
    assert "no operation is called `telepathy`" in done.stderr
    assert "`JSON patch`" in done.stderr
    assert not report.exists()
