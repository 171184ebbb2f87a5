"""The leak matrix asks a served process over HTTP, and tells one that leaks from one that does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from fhir_server.consent.requester import TRUSTED
from fhir_server.identity.tokens import mint
from tests.integration.test_serve import Serve
from tests.integration.test_serve import serve as serve

ROOT = Path(__file__).parents[2]
SAMPLE = (
    "L01_L03 or L05_no or L06 or L12_an or L22 or L25_a_hidden or L38_the or L42_a_stored or L54_an"
)
OPEN_TO_ALL = "L02 or L05_no or L54_an"


def asked(port: int, rows: str, *words: str) -> tuple[int, str]:
    """Return the exit code of the suite over `rows` and what it printed."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/leaks"),
            *(
                "-k",
                f"({rows}) and not matrix",
                "--base-url",
                f"http://127.0.0.1:{port}/fhir",
                *words,
            ),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_sample_of_the_matrix_holds_on_a_served_process(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    code, told = asked(server.port, SAMPLE, "--data-dir", str(tmp_path / "data"))
    assert code == 0, told
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None
    assert int(passed[1]) > 15
    assert "skipped" not in told


def test_a_server_that_gives_everybody_all_rights_fails(serve: Serve, tmp_path: Path) -> None:
    """Each caller gets the token of the trusted system, by a command."""
    server = serve()
    token = mint(tmp_path / "data", TRUSTED)
    code, told = asked(server.port, OPEN_TO_ALL, "--token-command", f"cat >/dev/null; echo {token}")
    assert code == 1, told
    assert "5 failed" in told
    assert " passed" not in told


def test_an_address_without_a_way_to_get_tokens_is_refused() -> None:
    code, told = asked(9, "L06")
    assert code == 1
    assert "--base-url needs --data-dir or --token-command" in told
