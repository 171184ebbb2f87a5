"""The walk-through of `examples/README.md`, run as printed against a server as a person starts it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.integration.test_serve import Server
from tests.support.replies import Json

ROOT = Path(__file__).parents[2]
_STEP = re.compile(
    r"<!-- step: (?P<name>[\w-]+) -->\s*```bash\n(?P<script>.*?)```\s*(?P<promise>Expected: .*?)(?=\n## |\Z)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """One call of the page: its words for the shell, and what it promises."""

    name: str
    script: str
    promise: str

    @property
    def status(self) -> int:
        found = re.search(r"status `(\d+)`", self.promise)
        assert found is not None, f"step {self.name} promises no status"
        return int(found[1])

    def counts(self, total: int) -> bool:
        """Tell whether `total` is the count that is promised; any is, when none is."""
        found = re.search(r"count (at least )?`(\d+)`", self.promise)
        if found is None:
            return "count" not in self.promise
        return total >= int(found[2]) if found[1] else total == int(found[2])


def steps() -> list[Step]:
    """Read the steps of the page."""
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    return [Step(*found.groups()) for found in _STEP.finditer(text)]


@dataclass(frozen=True)
class Shell:
    """Where the calls run: a folder with `./data`, `./examples` and `fhir-server` on its path."""

    folder: Path
    port: int

    def run(self, script: str) -> tuple[int, Json]:
        """Return the status and the body that a call prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(":8080", f":{self.port}")],
            cwd=self.folder,
            env={"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rstrip().rpartition("\n")
        return int(status), json.loads(body)

    def all_pages(self, script: str) -> Iterator[Json]:
        """Yield the resources of every page that a search leads to."""
        token = self.folder / "token"
        _, page = self.run(f'{script}\nprintf %s "$TOKEN" > token')
        while True:
            yield from (entry["resource"] for entry in page.get("entry", ()))
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                return
            asked = Request(following[0], headers={"Authorization": f"Bearer {token.read_text()}"})
            with urlopen(asked, timeout=30) as reply:
                page = json.load(reply)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Start the server on demonstration records, as `make run` does."""
    if shutil.which("curl") is None:
        pytest.skip("CURL ABSENT: the walk-through was not run")
    folder = tmp_path_factory.mktemp("walk")
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "bin").mkdir()
    program = folder / "bin" / "fhir-server"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m fhir_server.cli "$@"\n'
    )
    program.chmod(0o755)
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    server = Server(folder / "data", port, "--demo")
    try:
        server.wait_until_it_answers(90)
        yield Shell(folder, port)
    finally:
        server.process.terminate()
        server.process.wait(30)


def test_the_page_has_ten_steps_each_with_a_promise() -> None:
    found = steps()
    assert len(found) == 10
    assert len({step.name for step in found}) == 10
    assert all(step.status for step in found)


@pytest.mark.slow
def test_every_step_keeps_its_promise(shell: Shell) -> None:
    said: dict[str, Json] = {}
    for step in steps():
        status, body = shell.run(step.script)
        assert status == step.status, f"{step.name}: {status}, {body}"
        total = body.get("total", -1)
        assert step.counts(total), f"{step.name}: {total}, but the page says: {step.promise}"
        said[step.name] = body

    deposit = said["deposit"]
    assert deposit["type"] == "transaction-response"
    assert len(deposit["entry"]) == 5
    assert all(entry["response"]["location"] for entry in deposit["entry"])

    masked = said["mask"]
    assert masked["meta"]["versionId"] == "2"
    labels = [label["coding"][0]["code"] for label in masked["securityLabel"]]
    assert labels == ["N", "MASQUE_PS"]

    (history,) = (step for step in steps() if step.name == "history")
    told = json.dumps(list(shell.all_pages(history.script)), ensure_ascii=False)
    assert "Patiente inconsciente aux urgences" in told
    assert '"BTG"' in told
