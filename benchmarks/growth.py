"""Does a search cost more when there is more to search in? `make bench-growth`.

1. An embedded MongoDB; for each size a database with as many readable DocumentReferences, 20 a
   record (`dataset.py`: one record by the server's own transactions, its stored bytes copied).
2. A server for each database, all at once, so that what else the machine does meets all alike.
3. Rounds: each search in each size, one request at a time, never the same record twice in a row.
4. The median time of each search at each size, and the last size's over the first's.

Every answer is checked; no time is judged here. The bar of the project is 1.3 from 10 k to 1 M.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.dataset import Shape, load
from benchmarks.growth_searches import searches
from benchmarks.load import drive
from benchmarks.operation import Callers, Operation
from benchmarks.progress import progress
from benchmarks.resources import ATTENDING, CARE_TEAM
from benchmarks.servers import product
from fhir_server.consent.requester import TRUSTED
from fhir_server.identity.tokens import mint
from fhir_server.settings import Settings
from fhir_server.store.mongo.embedded import EmbeddedMongo

DAY: Final = 24 * 3600
DOCUMENTS: Final = 20
SIZES: Final = (10_000, 100_000, 1_000_000)
Medians = dict[str, dict[int, float]]
"""Seconds by search and size."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    asked = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="fhir-growth-") as directory:
        mongo = EmbeddedMongo(Path(directory), cache_gb=asked.cache_gb)
        try:
            uri = mongo.start()
            told = {
                size: Settings(
                    data_dir=Path(directory),
                    mongodb_uri=uri,
                    database=f"growth-{size}",
                    workers=1,
                    log_level="error",
                )
                for size in sorted(asked.sizes)
            }
            for size, settings in told.items():
                _load(settings, size)
            found = _measured(told, asked)
        finally:
            mongo.stop()
    print(table(found))
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"\nwritten to {asked.json}")
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-growth ARGS='…'",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="DOCUMENTS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one search in a round")
    parser.add_argument("--cache-gb", type=float, default=2.0, help="of the embedded MongoDB")
    parser.add_argument("--json", type=Path, default=Path("build/bench-growth.json"))
    return parser.parse_args(words)


def _load(settings: Settings, size: int) -> None:
    began = time.monotonic()
    load(settings, shape(size), progress)
    seconds = time.monotonic() - began
    print(f"\r{size:,} DocumentReferences loaded in {seconds:.0f} s", flush=True)


def shape(size: int) -> Shape:
    """Return the records that hold `size` readable documents."""
    return Shape(max(1, size // DOCUMENTS), DOCUMENTS)


def _measured(told: Mapping[int, Settings], asked: argparse.Namespace) -> Medians:
    """Measure every search in every size, in rounds."""
    samples: dict[str, dict[int, list[float]]] = {}
    with ExitStack() as running:
        ports = {size: running.enter_context(product(one)).port for size, one in told.items()}
        planned = {size: searches(shape(size), _callers(one)) for size, one in told.items()}
        for number in range(-1, asked.rounds):  # the first one warms, and is not counted
            for place, search in enumerate(planned[min(told)]):
                for size in told:
                    took = _latencies(ports[size], planned[size][place], asked.seconds)
                    if number >= 0:
                        samples.setdefault(search.name, {}).setdefault(size, []).extend(took)
            progress(number + 1, asked.rounds, "rounds")
    print("\r", end="")
    return {
        name: {size: median(took) for size, took in by_size.items()}
        for name, by_size in samples.items()
    }


def _latencies(port: int, search: Operation, seconds: float) -> tuple[float, ...]:
    return drive(port, search.supply(), 1, seconds).latencies


def _callers(settings: Settings) -> Callers:
    return Callers(*(mint(settings.data_dir, who, DAY) for who in (CARE_TEAM, ATTENDING, TRUSTED)))


def table(found: Medians) -> str:
    """Return a line a search: its median at each size in milliseconds, and the last by the first."""
    sizes = sorted(next(iter(found.values()), {}))
    width = max(map(len, found), default=0)
    head = "".join(f"{size:>12,}" for size in sizes)
    lines = [f"{'p50 in ms, documents:':{width}}{head}{'growth':>9}"]
    for name, by_size in found.items():
        cells = "".join(f"{by_size[size] * 1000:12.2f}" for size in sizes)
        lines.append(f"{name:{width}}{cells}{by_size[sizes[-1]] / by_size[sizes[0]]:8.2f}×")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
