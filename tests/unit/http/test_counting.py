"""The sliding minute: what one worker lets through, and what several do together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import Unavailable
from fhir_server.http import counting
from fhir_server.http.counting import Counting

START = 1_800_000_000.0  # the beginning of a window


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Board:
    """Sums in memory, where the server has a collection of MongoDB."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[int, str]] = Counter()
        self.asked: list[dict[str, int]] = []
        self.is_away = False

    def __call__(self, window: int, added: Mapping[str, int]) -> dict[str, int]:
        if self.is_away:
            raise Unavailable
        self.asked.append(dict(added))
        for name, count in added.items():
            self.sums[window, name] += count
        return {name: self.sums[window, name] for name in added}


def never(window: int, added: Mapping[str, int]) -> dict[str, int]:
    """Stand for workers that do not hear of one another."""
    raise Unavailable


def passed(counting: Counting, name: str, limit: int, times: int) -> int:
    return sum(counting.take(name, limit) == 0 for _ in range(times))


def test_as_many_pass_as_the_limit_says_and_the_next_is_told_when_to_come() -> None:
    alone = Counting(never, Clock())
    assert passed(alone, "a", 5, 8) == 5
    assert alone.take("a", 5) == 61  # the window slides: one of five is over a second after it


def test_one_name_does_not_use_up_the_limit_of_another() -> None:
    alone = Counting(never, Clock())
    assert passed(alone, "a", 5, 9) == 5
    assert passed(alone, "b", 5, 9) == 5


def test_the_minute_slides() -> None:
    clock = Clock()
    alone = Counting(never, clock)
    assert passed(alone, "a", 10, 20) == 10
    clock.now += 60
    assert passed(alone, "a", 10, 20) == 0
    clock.now += 30
    assert passed(alone, "a", 10, 20) == 5
    clock.now += 120
    assert passed(alone, "a", 10, 20) == 10


@given(st.lists(st.floats(0, 200), min_size=1, max_size=120).map(sorted), st.integers(1, 12))
def test_no_window_lets_more_through_than_the_limit(steps: list[float], limit: int) -> None:
    clock = Clock()
    alone = Counting(never, clock)
    taken = []
    for step in steps:
        clock.now = START + step
        if alone.take("a", limit) == 0:
            taken.append(clock.now)
    windows = Counter(int(when // 60) for when in taken)
    assert max(windows.values()) <= limit


@given(st.integers(1, 40), st.integers(1, 60), st.floats(0, 59))
def test_who_waits_as_long_as_told_is_let_through(limit: int, more: int, into: float) -> None:
    clock = Clock()
    clock.now += into
    alone = Counting(never, clock)
    assert passed(alone, "a", limit, limit + more) == limit
    clock.now += alone.take("a", limit)
    assert alone.take("a", limit) == 0


@given(st.lists(st.integers(0, 2), max_size=80), st.integers(1, 20))
def test_workers_that_exchange_after_each_request_let_the_limit_through_together(
    order: list[int], limit: int
) -> None:
    board, clock = Board(), Clock()
    workers = [Counting(board, clock) for _ in range(3)]
    for worker in workers:
        worker._next = float("inf")  # no thread of its own: the test exchanges
    for which in order:
        workers[which].exchange()
        workers[which].take("a", limit)
        workers[which].exchange()
    admitted = board.sums[int(START // 60), "a"]
    # Each may have let one through before it first heard of the others.
    assert min(len(order), limit) <= admitted <= limit + 2


def test_who_is_far_from_the_limit_is_not_sent() -> None:
    board = Board()
    alone = Counting(board, Clock())
    alone._next = float("inf")
    passed(alone, "a", 64_000, 999)
    alone.exchange()
    assert board.asked == []
    passed(alone, "a", 64_000, 1)
    alone.exchange()
    assert board.asked == [{"a": 1000}]


def test_without_mongodb_a_worker_keeps_its_own_limit_and_tells_it_later() -> None:
    board = Board()
    alone = Counting(board, Clock())
    alone._next = float("inf")
    board.is_away = True
    assert passed(alone, "a", 5, 3) == 3
    alone.exchange()
    assert passed(alone, "a", 5, 9) == 2
    board.is_away = False
    alone.exchange()
    assert board.sums[int(START // 60), "a"] == 5


def test_memory_is_bounded_and_empties_itself() -> None:
    clock = Clock()
    alone = Counting(never, clock)
    for number in range(counting.MOST_NAMES + 50):
        alone.take(f"n{number}", 1_000)
    assert len(alone._tallies) == counting.MOST_NAMES
    assert alone.take("another", 1) == 0
    assert passed(alone, "n0", 1, 3) == 0
    clock.now += 180
    alone.take("a", 1_000)
    assert len(alone._tallies) == 1
