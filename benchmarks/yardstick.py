"""Run the yardstick, a load generator for any FHIR server, against this one.

1. The real server in a temporary directory, empty, with its embedded MongoDB, as anybody starts it.
2. The token of the trusted system, whose reads and writes leave entries in the access log.
3. The yardstick loads its own records, measures, checks every answer, and prints its table.
4. The same figures beside what other servers reached (`published.csv`).

The yardstick is no part of this repository: YARDSTICK names its program.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.published import compared, published
from benchmarks.servers import Running, product
from fhir_server.consent.requester import TRUSTED
from fhir_server.identity.tokens import mint
from fhir_server.settings import Settings

USUAL: Final = Path("/work/shared/bench/fhir_load.py")
VARIABLE: Final = "YARDSTICK"
_DAY: Final = 24 * 3600


def main(words: Sequence[str] | None = None) -> int:
    """Run it; return its exit code, which is 0 only when every answer was right."""
    parser = argparse.ArgumentParser(
        prog="make yardstick ARGS='…'",
        description=__doc__,
        epilog="every other argument is given to the yardstick, such as --patients 50 --rounds 1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, default=Path("build/yardstick.json"))
    asked, others = parser.parse_known_args(words)
    program = Path(os.environ.get(VARIABLE) or USUAL)
    if not program.is_file():
        print(
            f"yardstick: `{program}` is not there: set {VARIABLE} to the path of fhir_load.py",
            file=sys.stderr,
        )
        return 2
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.unlink(missing_ok=True)
    code = _against_ours(program, asked.json, others)
    if asked.json.exists():
        rows = json.loads(asked.json.read_text(encoding="utf-8"))["rows"]
        print(f"\n{_REMARK}\n\n{compared(rows, published())}\n\nwritten to {asked.json}")
    return code


_REMARK: Final = """\
Requests a second beside those published of other servers, which checked a token but neither rights
on single resources nor kept an access log. Another run on another day: only a run of both tells."""


def _against_ours(program: Path, report: Path, others: Sequence[str]) -> int:
    """Start the server, run `program` against it, and stop the server."""
    with tempfile.TemporaryDirectory(prefix="fhir-yardstick-") as directory:
        settings = Settings(
            data_dir=Path(directory), mongodb_uri=None, demo=False, auth="smart", base_url=""
        )
        with product(settings) as running:
            return subprocess.run(
                _command(program, running, settings.data_dir, report, others), check=False
            ).returncode


def _command(
    program: Path, running: Running, data_dir: Path, report: Path, others: Sequence[str]
) -> list[str]:
    """Return the words that start the yardstick; the token is in a file, not among them."""
    headers = data_dir / "headers"
    headers.touch(mode=0o600)
    headers.write_text(f"Authorization: Bearer {mint(data_dir, TRUSTED, _DAY)}\n", encoding="utf-8")
    return [
        *(sys.executable, str(program), "--target", f"ours=http://127.0.0.1:{running.port}/fhir"),
        *("--headers", f"ours={headers}", "--pids", f"ours={running.pid}"),
        *("--json", str(report), *others),
    ]


if __name__ == "__main__":
    sys.exit(main())
