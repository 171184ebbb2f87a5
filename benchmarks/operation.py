"""What an operation is, to those who measure it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Final

from benchmarks.load import Shot

Supply = Callable[[], Iterator[Shot]]
"""Gives the requests of one sample; the next sample asks again."""

CONSTANT: Final = "floor: constant"
STORED: Final = "floor: stored body"
STORED_PAGE: Final = "floor: page of 20"
INSERT: Final = "floor: insert"
FEW: Final = 20
MANY: Final = 500
"""Entries of the small and of the large transaction."""


@dataclass(frozen=True, slots=True)
class Callers:
    """The tokens of those who ask: a doctor of the care team, the attending one, the system."""

    care_team: str
    attending: str
    trusted: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the report.

    `floor` names what it is compared with, beside the constant bytes; `most` is how many
    connections make sense for it; a profile sends `weight` times fewer requests of it.
    """

    name: str
    supply: Supply
    floor: str
    most: int = 1_000_000
    weight: int = 1

    @property
    def is_floor(self) -> bool:
        """Tell whether this is not the server's own."""
        return self.name.startswith("floor: ")


def connections(planned: Sequence[Operation], asked: Sequence[int]) -> dict[str, list[int]]:
    """Return at how many connections each operation is measured, of those `asked` for.

    A floor is measured wherever something is compared with it.
    """
    found = {each.name: {min(number, each.most) for number in asked} for each in planned}
    for each in planned:
        found[each.floor] |= found[each.name]
    return {name: sorted(numbers) for name, numbers in found.items()}


def in_turn(shots: Sequence[Shot]) -> Supply:
    """Supply the same requests again and again, from the first one in each sample."""
    return partial(cycle, shots)


def insert_of(entries: int) -> str:
    """Return the name of the floor that inserts as many bodies in one transaction."""
    return f"{INSERT} of {entries}"
