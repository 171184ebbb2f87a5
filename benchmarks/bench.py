"""Measure the server next to two floors, in one run, on generated records.

1. An embedded MongoDB in a temporary directory, and the records of `dataset.py` in it.
2. The real server (token, consent and access log on) and the floors, both under granian with the
   same number of workers and threads.
3. Rounds: in each, every operation at every concurrency, floors in between, so that what else the
   machine does meets all of them alike. Ratios are within a round.
4. A table, the profile of a read and of a search, and all of it as JSON.

Every answer is checked. Nothing here judges a time: a machine's speed is no test.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.dataset import ATTENDING, CARE_TEAM, Shape, load
from benchmarks.layers import Profile, profiles
from benchmarks.load import drive
from benchmarks.report import Line, Rounds, Run, as_json, lines, table
from benchmarks.servers import floors, product
from benchmarks.workload import Operation, operations
from fhir_server.identity.tokens import mint
from fhir_server.settings import Settings
from fhir_server.store.mongo.embedded import EmbeddedMongo

DAY = 24 * 3600
GROWTH_PATIENTS = 20


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    asked = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as directory:
        mongo = EmbeddedMongo(Path(directory))
        try:
            settings = Settings(
                data_dir=Path(directory),
                mongodb_uri=mongo.start(),
                workers=asked.workers,
                threads=asked.threads,
            )
            runs = [_run(settings, shape, asked) for shape in _shapes(asked)]
        finally:
            mongo.stop()
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(as_json(runs), encoding="utf-8")
    print(f"\nwritten to {asked.json}")
    return 0


def _shapes(asked: argparse.Namespace) -> list[Shape]:
    """Return what is loaded: one shape, or records that grow."""
    if not asked.growth:
        return [Shape(asked.patients, asked.documents)]
    return [Shape(GROWTH_PATIENTS, asked.documents * times) for times in (1, 10, 100)]


def _run(settings: Settings, shape: Shape, asked: argparse.Namespace) -> Run:
    about = {name: value for name, value in vars(asked).items() if name != "json"}
    told = settings.model_copy(update={"database": f"bench-{shape.documents}"})
    found, profiled = measure(told, shape, asked)
    return Run(about | {"patients": shape.patients, "documents": shape.documents}, found, profiled)


def measure(
    settings: Settings, shape: Shape, asked: argparse.Namespace
) -> tuple[list[Line], list[Profile]]:
    """Load, measure, profile; print each as it is known."""
    began = time.monotonic()
    load(settings, shape, _progress)
    print(
        f"\r{shape.patients} patients of {shape.documents} + 1 documents loaded "
        f"in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    bearer = mint(settings.data_dir, CARE_TEAM, DAY)
    planned = operations(shape, bearer, mint(settings.data_dir, ATTENDING, DAY))
    found = lines(_rounds(settings, planned, asked), *(op.name for op in planned if op.floor))
    print(table(found), flush=True)
    reading = [(op.name, op.shots) for op in planned if op.name in ("read", "search page of 20")]
    quiet = settings.model_copy(update={"log_level": "error"})
    profiled = profiles(quiet, reading, asked.profile)
    for each in profiled:
        print(f"\n{each.text()}", flush=True)
    return found, profiled


def _rounds(settings: Settings, planned: list[Operation], asked: argparse.Namespace) -> Rounds:
    rounds: Rounds = {(op.name, each): [] for op in planned for each in asked.concurrency}
    with product(settings) as ours, floors(settings) as floor:
        for op in planned:  # warm caches and prepared collections, not measured
            drive(floor if op.floor else ours, op.shots, 4, asked.seconds / 2)
        for number in range(asked.rounds):
            # Another beginning in each round, so that none always comes after the same other.
            for op in planned[number % len(planned) :] + planned[: number % len(planned)]:
                for connections in asked.concurrency:
                    port = floor if op.floor else ours
                    sample = drive(port, op.shots, connections, asked.seconds)
                    rounds[op.name, connections].append(sample)
            _progress(number + 1, asked.rounds, "rounds")
    print("\r", end="")
    return rounds


def _progress(done: int, everything: int, of: str = "records") -> None:
    print(f"\r{of} {done}/{everything} ", end="", flush=True, file=sys.stderr)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS='…'", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run that proves it works")
    parser.add_argument(
        "--growth", action="store_true", help="records of 1, 10, 100 times the size"
    )
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--documents", type=int, default=20, help="readable ones of each patient")
    parser.add_argument("--workers", type=int, default=2, help="of the server and of the floors")
    parser.add_argument("--threads", type=int, default=32, help="of each worker")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of one operation in a round")
    parser.add_argument("--profile", type=int, default=1000, help="requests of each profile")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    asked: Any = parser.parse_args(words)
    if asked.quick:
        asked.patients, asked.rounds, asked.seconds, asked.profile = 16, 1, 0.2, 50
    found: argparse.Namespace = asked
    return found
