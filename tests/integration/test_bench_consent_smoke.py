"""`make bench-consent` runs from end to end, small, and every answer it gets is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.consent import COUNTED, LISTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_bench_of_consent_measures_decisions_records_and_lists() -> None:
    asked = ("--patients", "40", "--requests", "2")
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.consent", *asked),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = done.stdout.splitlines()
    for number in (1, 20, 200):
        assert any(line.startswith(f"{number} Consents ") for line in told), done.stdout
        assert any(line.startswith(f"{number} Consents, doctor") for line in told), done.stdout
    assert all(any(line.startswith(name) for line in told) for name in (*LISTS, COUNTED))
