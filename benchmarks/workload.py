"""The operations that are measured, each with the floor that is natural to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.dataset import Shape
from benchmarks.operation import CONSTANT, Callers, Operation
from benchmarks.stock import Stock
from benchmarks.workload_floors import floors
from benchmarks.workload_reads import reads
from benchmarks.workload_writes import writes


class UnknownOperation(Exception):
    """A word of `--only` stands in no operation's name; the text lists them."""


def operations(shape: Shape, callers: Callers, stock: Stock) -> list[Operation]:
    """Return everything measured, floors first."""
    return [*floors(shape), *reads(shape, callers), *writes(callers, stock)]


def chosen(planned: Sequence[Operation], words: Iterable[str]) -> list[Operation]:
    """Return the operations in whose name one of `words` stands, and their floors.

    All of them without words. Raise UnknownOperation for a word that stands in none.
    """
    asked = [word.strip().lower() for word in words if word.strip()]
    own = [each for each in planned if not each.is_floor]
    for word in asked:
        if not any(word in each.name.lower() for each in own):
            names = ", ".join(f"`{each.name}`" for each in own)
            raise UnknownOperation(f"no operation is called `{word}`; there are {names}")
    taken = [each for each in own if not asked or any(word in each.name.lower() for word in asked)]
    needed = {CONSTANT, *(each.floor for each in taken)}
    return [each for each in planned if each in taken or each.name in needed]
