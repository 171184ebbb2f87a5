"""Measure the server next to its floors, in one run, on generated records.

1. What validation of one resource costs, in this process.
2. An embedded MongoDB in a temporary directory, and the records of `dataset.py` in it.
3. The real server (token, consent and access log on) and the floors, both under granian with the
   same number of workers and threads.
4. Rounds: in each, every operation at every concurrency, floors in between, so that what else the
   machine does meets all of them alike. Ratios are within a round.
5. A table; where the time of some operations goes, by layer; and all of it as JSON.

Every answer is checked. Nothing here judges a time: a machine's speed is no test.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import arguments
from benchmarks.costs import Cost, cost_table, costs
from benchmarks.dataset import Shape, load
from benchmarks.layers import Profile, profiles
from benchmarks.operation import FEW, Callers, Operation
from benchmarks.progress import progress
from benchmarks.report import Line, Run, as_json, lines, table
from benchmarks.resources import ATTENDING, CARE_TEAM
from benchmarks.rounds import rounds
from benchmarks.stock import Stock
from benchmarks.workload import UnknownOperation, chosen, operations
from fhir_server.consent.requester import TRUSTED
from fhir_server.identity.tokens import mint
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.embedded import EmbeddedMongo

DAY = 24 * 3600
GROWTH_PATIENTS = 20
DELETED_A_SECOND = 1500
"""More than are deleted: what is deleted in one sample is stored before it."""
PROFILED = frozenset(
    {
        "read",
        "search page of 20",
        "create DocumentReference",
        "update, If-Match",
        f"transaction of {FEW}",
    }
)


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    asked = arguments(words, __doc__)
    judged = _validation(asked)
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as directory:
        mongo = EmbeddedMongo(Path(directory))
        try:
            settings = Settings(
                data_dir=Path(directory),
                mongodb_uri=mongo.start(),
                workers=asked.workers,
                threads=asked.threads,
            )
            runs = [_run(settings, mongo.pid or 0, shape, asked) for shape in _shapes(asked)]
        except UnknownOperation as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        finally:
            mongo.stop()
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(as_json(judged, runs), encoding="utf-8")
    print(f"\nwritten to {asked.json}")
    return 0


def _validation(asked: Namespace) -> list[Cost]:
    """Time the validation of single resources, unless some operations only are asked for."""
    if asked.only or not asked.validation:
        return []
    found = costs(asked.validation)
    print(f"{cost_table(found)}\n", flush=True)
    return found


def _shapes(asked: Namespace) -> list[Shape]:
    """Return what is loaded: one shape, or records that grow."""
    if not asked.growth:
        return [Shape(asked.patients, asked.documents)]
    return [Shape(GROWTH_PATIENTS, asked.documents * times) for times in (1, 10, 100)]


def _run(settings: Settings, mongod: int, shape: Shape, asked: Namespace) -> Run:
    about = {name: value for name, value in vars(asked).items() if name != "json"}
    told = settings.model_copy(update={"database": f"bench-{shape.documents}"})
    with connect(told.mongodb_uri or "") as client:
        stock = Stock(client[told.database], int(asked.seconds * DELETED_A_SECOND))
        planned = chosen(operations(shape, _callers(told), stock), asked.only)
        found, profiled = measure(told, mongod, shape, planned, asked)
    return Run(about | {"patients": shape.patients, "documents": shape.documents}, found, profiled)


def _callers(settings: Settings) -> Callers:
    return Callers(*(mint(settings.data_dir, who, DAY) for who in (CARE_TEAM, ATTENDING, TRUSTED)))


def measure(
    settings: Settings, mongod: int, shape: Shape, planned: Sequence[Operation], asked: Namespace
) -> tuple[list[Line], list[Profile]]:
    """Load, measure, profile; print each as it is known."""
    began = time.monotonic()
    load(settings, shape, progress)
    print(
        f"\r{shape.patients} patients of {shape.documents} + 1 documents loaded "
        f"in {time.monotonic() - began:.0f} s\n",
        flush=True,
    )
    found = lines(rounds(settings, mongod, planned, asked), planned)
    print(table(found), flush=True)
    quiet = settings.model_copy(update={"log_level": "error"})
    profiled = []
    for each in profiles(quiet, [op for op in planned if op.name in PROFILED], asked.profile):
        busiest = max(
            (line for line in found if line.name == each.name), key=lambda line: line.concurrency
        )
        print(f"\n{each.text()}")
        print(f"  {busiest.cpu.text()} ({busiest.concurrency} connections)", flush=True)
        profiled.append(each)
    return found, profiled
