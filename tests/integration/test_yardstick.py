"""`make yardstick` runs whatever program YARDSTICK names against a server of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.published import Published, compared, published

ROOT = Path(__file__).resolve().parents[2]

# What a load generator must be able to do with what it is given; it measures nothing.
PROGRAM = """
import argparse, json, sys, urllib.request
parser = argparse.ArgumentParser()
for name in ("--target", "--headers", "--pids", "--json", "--patients"):
    parser.add_argument(name)
asked = parser.parse_args()
name, _, base = asked.target.partition("=")
header = open(asked.headers.partition("=")[2]).read().strip().partition(": ")
body = json.dumps({"resourceType": "Patient", "active": True}).encode()
request = urllib.request.Request(base + "/Patient", body, {
    header[0]: header[2], "Content-Type": "application/fhir+json"})
with urllib.request.urlopen(request) as answer:
    status = answer.status
found = json.load(urllib.request.urlopen(urllib.request.Request(
    base + "/Patient?_summary=count", headers={header[0]: header[2]})))
row = {"factor": 1, "op": "a", "rate": 1006.0, "errors": 0}
with open(asked.json, "w") as report:
    json.dump({"rows": [row], "seen": [status, found["total"], asked.patients, asked.pids]}, report)
print("the program's own table")
sys.exit(3)
"""


def yardstick(program: Path, report: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "benchmarks.yardstick", "--json", str(report), *words),
        cwd=ROOT,
        env=os.environ | {"YARDSTICK": str(program)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_the_program_one_line_says_what_to_set(tmp_path: Path) -> None:
    done = yardstick(tmp_path / "nothing.py", tmp_path / "report.json")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"yardstick: `{tmp_path / 'nothing.py'}` is not there: "
        "set YARDSTICK to the path of fhir_load.py"
    ]
    assert done.stdout == ""


@pytest.mark.slow
def test_the_program_is_run_as_the_trusted_system_on_an_empty_server(tmp_path: Path) -> None:
    program, report = tmp_path / "fhir_load.py", tmp_path / "report.json"
    program.write_text(PROGRAM)
    done = yardstick(program, report, "--patients", "7")
    assert done.returncode == 3, done.stderr[-2000:]
    status, total, patients, pids = json.loads(report.read_text())["seen"]
    assert (status, total, patients) == (201, 1, "7")
    assert int(pids.removeprefix("ours=")) > 1
    own, _, compared_ = done.stdout.partition("published")
    assert "the program's own table" in own
    [line] = [line for line in compared_.splitlines() if line.startswith("create Patient")]
    assert line.split()[2:] == ["1,006", "503", "2.00", "316", "3.18"]


def test_each_published_operation_has_a_best_rate_and_a_name_of_its_own() -> None:
    found = published()
    assert len({each.op for each in found}) == len({each.operation for each in found}) == 14
    assert all(each.best > 0 for each in found)
    assert {each.peer for each in found if isinstance(each.peer, str)} == {
        "unsupported",
        "wrong answer",
    }


def test_a_rate_with_a_wrong_answer_is_not_compared() -> None:
    told = compared(
        [{"factor": 1, "op": "c", "rate": 900.0, "errors": 1}], [Published("c", "read", 100, 50.0)]
    )
    assert told.splitlines()[-1].split() == ["read", "wrong", "100", "-", "50", "-"]


def test_what_was_not_run_or_not_published_is_left_out() -> None:
    rows = [
        {"factor": 1, "op": "c", "rate": 900.0, "errors": 0},
        {"factor": 1, "op": "zz", "rate": 900.0, "errors": 0},
        {"factor": 4, "op": "d", "rate": 900.0, "errors": 0},
    ]
    others = [Published("c", "read", 100, "unsupported"), Published("d", "vread", 100, 50.0)]
    told = compared(rows, others).splitlines()
    assert [line.split() for line in told[2:]] == [
        ["read", "900", "100", "9.00", "unsupported", "-"]
    ]
