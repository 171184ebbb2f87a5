"""Put samples together as a table and as JSON. Ratios are within a round, then their median."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any, Final

from benchmarks.costs import Cost
from benchmarks.cpu import Cpu
from benchmarks.layers import Profile
from benchmarks.load import Sample
from benchmarks.operation import CONSTANT, Operation

HEADING: Final = """\
/constant and /floor: the rate as a share of a floor's in the same round, the median of the rounds.
Floors: Flask that answers constant bytes; for reads, Flask that looks one stored body up; for
pages, Flask that finds 20 bodies by an index and joins them; for writes, Flask that inserts the
body, journaled on a majority; for a transaction, Flask that inserts as many bodies in one. CPU: ms a
request, of the server with its workers, of mongod, and of the load generator."""


_SLOW: Final = 10
"""Requests a second under which two decimals are shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """One operation at one concurrency. Latencies and CPU times are in milliseconds.

    `of_constant` is None where the constant bytes were not measured at that concurrency.
    """

    name: str
    concurrency: int
    requests: int
    rate: float
    p50: float
    p95: float
    p99: float
    floor: str
    of_constant: float | None
    of_floor: float
    cpu: Cpu


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured of one set of records: `about` says which, and how."""

    about: dict[str, Any]
    operations: list[Line]
    profiles: list[Profile]


Rounds = dict[tuple[str, int], list[Sample]]
"""By operation and concurrency, one sample a round."""


def lines(rounds: Rounds, planned: Sequence[Operation]) -> list[Line]:
    """Return the report of what was `planned`."""
    floors = {each.name: each.floor for each in planned}
    return [
        _line(
            name,
            concurrency,
            samples,
            rounds.get((CONSTANT, concurrency)),
            (floors[name], rounds[floors[name], concurrency]),
        )
        for (name, concurrency), samples in rounds.items()
    ]


def _line(
    name: str,
    concurrency: int,
    samples: Sequence[Sample],
    constant: Sequence[Sample] | None,
    floor: tuple[str, Sequence[Sample]],
) -> Line:
    latencies = sorted(1000 * each for sample in samples for each in sample.latencies)
    return Line(
        name,
        concurrency,
        len(latencies),
        round(len(latencies) / sum(sample.seconds for sample in samples), 3),
        _quantile(latencies, 0.5),
        _quantile(latencies, 0.95),
        _quantile(latencies, 0.99),
        floor[0].removeprefix("floor: "),
        _ratio(samples, constant) if constant else None,
        _ratio(samples, floor[1]),
        reduce(add, (sample.cpu for sample in samples)).per(len(latencies)),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


def _ratio(samples: Sequence[Sample], floor: Sequence[Sample]) -> float:
    pairs = zip(samples, floor, strict=True)
    return round(statistics.median(one.rate / other.rate for one, other in pairs), 5)


def table(found: Sequence[Line]) -> str:
    """Return the report for people."""
    head = (
        f"{'operation':<26}{'conc.':>5}{'req/s':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"
        f"{'/constant':>11}{'/floor':>8} {'of':<14}{'CPU: server':>12}{'mongod':>8}{'load':>7}"
    )
    rows = [_row(line) for line in sorted(found, key=lambda line: line.concurrency)]
    return "\n".join([HEADING, "", head, "-" * len(head), *rows])


def _row(line: Line) -> str:
    constant = "-" if line.of_constant is None else f"{line.of_constant:.3f}"
    rate = f"{line.rate:,.0f}" if line.rate >= _SLOW else f"{line.rate:.2f}"
    return (
        f"{line.name:<26}{line.concurrency:>5}{rate:>8}{line.p50:>9.2f}{line.p95:>9.2f}"
        f"{line.p99:>9.2f}{constant:>11}{line.of_floor:>8.3f} {line.floor:<14}"
        f"{line.cpu.server:>12.2f}{line.cpu.mongod:>8.2f}{line.cpu.generator:>7.2f}"
    )


def as_json(validation: Sequence[Cost], runs: Sequence[Run]) -> str:
    """Return the report for programs, with the machine and the shape of each run."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    body = {
        "machine": machine,
        "validation": [asdict(cost) for cost in validation],
        "runs": [asdict(run) for run in runs],
    }
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
