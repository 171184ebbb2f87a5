"""Tell two requests apart by the time they take, as someone outside could (L46)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, median
from time import perf_counter

Ask = Callable[[], object]

FASTEST = 0.3
"""The share of the samples that is looked at: the rest is what else the machine was doing."""


def samples(first: Ask, second: Ask, rounds: int) -> tuple[list[float], list[float]]:
    """Return `rounds` times of each, in seconds, taken in turns: both meet the same machine."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        for place in (0, 1) if turn % 2 else (1, 0):
            begin = perf_counter()
            (first, second)[place]()
            found[place].append(perf_counter() - begin)
    return found


def longer(first: Sequence[float], second: Sequence[float]) -> float:
    """Return by what part of `second` the fastest of `first` are longer than its fastest."""
    one, other = (fmean(sorted(times)[: int(len(times) * FASTEST)]) for times in (first, second))
    return one / other - 1


def told_apart_by_time(
    first: Ask, second: Ask, bound: float, *, rounds: int = 80, runs: int = 5
) -> float:
    """Return by what part `first` is longer: the median of `runs`.

    Where that is more than `bound`, either way, it is measured once more with twice the samples:
    chance goes, a difference stays.
    """
    for _ in range(5):
        first(), second()  # what is loaded once
    found = 0.0
    for times in (rounds, 2 * rounds):
        found = median(longer(*samples(first, second, times)) for _ in range(runs))
        if abs(found) <= bound:
            break
    return found
