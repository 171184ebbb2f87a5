"""Put samples together as a table and as JSON. Ratios are within a round, then their median."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.layers import Profile
from benchmarks.load import Sample


@dataclass(frozen=True, slots=True)
class Line:
    """One operation at one concurrency. Latencies are in milliseconds."""

    name: str
    concurrency: int
    requests: int
    rate: float
    p50: float
    p95: float
    p99: float
    of_constant: float
    of_stored: float


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured of one set of records: `about` says which, and how."""

    about: dict[str, Any]
    operations: list[Line]
    profiles: list[Profile]


Rounds = dict[tuple[str, int], list[Sample]]
"""By operation and concurrency, one sample a round."""


def lines(rounds: Rounds, constant: str, stored: str) -> list[Line]:
    """Return the report; `constant` and `stored` name the floors."""
    return [
        _line(
            name, concurrency, samples, rounds[constant, concurrency], rounds[stored, concurrency]
        )
        for (name, concurrency), samples in rounds.items()
    ]


def _line(
    name: str,
    concurrency: int,
    samples: Sequence[Sample],
    constant: Sequence[Sample],
    stored: Sequence[Sample],
) -> Line:
    latencies = sorted(1000 * each for sample in samples for each in sample.latencies)
    return Line(
        name,
        concurrency,
        len(latencies),
        round(len(latencies) / sum(sample.seconds for sample in samples), 1),
        _quantile(latencies, 0.5),
        _quantile(latencies, 0.95),
        _quantile(latencies, 0.99),
        _ratio(samples, constant),
        _ratio(samples, stored),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


def _ratio(samples: Sequence[Sample], floor: Sequence[Sample]) -> float:
    pairs = zip(samples, floor, strict=True)
    return round(statistics.median(one.rate / other.rate for one, other in pairs), 4)


def table(found: Sequence[Line]) -> str:
    """Return the report for people."""
    head = (
        f"{'operation':<22}{'conc.':>6}{'req/s':>10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"
        f"{'/constant':>11}{'/stored':>9}"
    )
    rows = [
        f"{line.name:<22}{line.concurrency:>6}{line.rate:>10,.0f}{line.p50:>9.2f}{line.p95:>9.2f}"
        f"{line.p99:>9.2f}{line.of_constant:>11.3f}{line.of_stored:>9.3f}"
        for line in sorted(found, key=lambda line: line.concurrency)
    ]
    return "\n".join([head, "-" * len(head), *rows])


def as_json(runs: Sequence[Run]) -> str:
    """Return the report for programs, with the machine and the shape of each run."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    body = {"machine": machine, "runs": [asdict(run) for run in runs]}
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
