"""`make bench` runs from end to end, small, and every answer it gets is right. No time is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = {"read", "search page of 20", "search, next page", "create", "transaction of 20"}
FLOORS = {"floor: constant", "floor: stored body"}


@pytest.mark.slow
def test_the_bench_measures_every_operation_next_to_both_floors(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    words = (sys.executable, "-m", "benchmarks", "--quick", "--json", str(report))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    (told,) = json.loads(report.read_text())["runs"]
    measured = {(line["name"], line["concurrency"]) for line in told["operations"]}
    assert measured == {(name, each) for name in OPERATIONS | FLOORS for each in (1, 32)}
    assert all(line["requests"] > 0 and line["of_stored"] > 0 for line in told["operations"])
    layers = {layer for profile in told["profiles"] for layer in profile["layers"]}
    assert {"token", "policy look-up", "data query", "audit commit"} <= layers
    assert all(operation in done.stdout for operation in OPERATIONS | FLOORS)
