"""Measure operations in rounds: each one at every concurrency, floors in between.

What else the machine does meets all of them alike, and ratios are taken within a round.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from benchmarks.cpu import Meter
from benchmarks.load import Sample, drive
from benchmarks.operation import MANY, Operation, connections
from benchmarks.progress import progress
from benchmarks.report import Rounds
from benchmarks.servers import Running, floors, product
from fhir_server.settings import Settings

_WARMING = 4


def rounds(
    settings: Settings, mongod: int, planned: Sequence[Operation], asked: Namespace
) -> Rounds:
    """Start the server and the floors, and measure what is `planned`, as it is `asked`."""
    found: Rounds = {}
    wanted = connections(planned, asked.concurrency)
    with product(settings) as ours, floors(settings) as floor:

        def sample(op: Operation, number_open: int, seconds: float) -> Sample:
            running: Running = floor if op.is_floor else ours
            meter = Meter(running.pid, mongod)
            return drive(running.port, op.supply(), number_open, seconds, meter)

        for op in planned:  # warm caches and prepared collections, not measured
            if op.weight < MANY:
                sample(op, _WARMING, asked.seconds / 2)
        for number in range(asked.rounds):
            # Another beginning in each round, so that none always comes after the same other.
            at = number * len(planned) // asked.rounds
            for op in [*planned[at:], *planned[:at]]:
                for number_open in wanted[op.name]:
                    samples = found.setdefault((op.name, number_open), [])
                    samples.append(sample(op, number_open, asked.seconds))
            progress(number + 1, asked.rounds, "rounds")
    print("\r", end="")
    return found
