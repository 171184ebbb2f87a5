"""Concurrent requests share a round trip, and each gets its own outcome."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from fhir_server.store.together import Together


def test_everyone_is_told_of_a_round_that_holds_their_items() -> None:
    rounds: list[list[int]] = []

    def work(items: Sequence[int]) -> dict[int, int]:
        rounds.append(list(items))
        time.sleep(0.002)
        return {item: item * item for item in items}

    together: Together[int, dict[int, int]] = Together(work)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: together.do((number,))[number], range(400)))
    assert answers == [number * number for number in range(400)]
    assert sorted(item for items in rounds for item in items) == list(range(400))
    assert len(rounds) < 200


def test_a_round_begins_after_all_in_it_have_asked() -> None:
    begun = 0

    def work(items: Sequence[int]) -> int:
        nonlocal begun
        begun += 1
        time.sleep(0.001)
        return begun

    together: Together[int, int] = Together(work)

    def ask(_: int) -> bool:
        before = begun
        return together.do((0,)) > before

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(200)))


def test_one_alone_is_served_at_once_in_its_own_thread() -> None:
    together: Together[str, int] = Together(lambda _: threading.get_ident())
    assert together.do(("a",)) == threading.get_ident()


def test_a_failure_reaches_everyone_in_its_round_and_nobody_after() -> None:
    entered, go_on = threading.Event(), threading.Event()
    is_failing = True

    def work(items: Sequence[str]) -> int:
        entered.set()
        go_on.wait(5)
        if is_failing and "bad" in items:
            raise ValueError("refused")
        return len(items)

    together: Together[str, int] = Together(work)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together.do, ("good",))
        entered.wait(5)
        others = [pool.submit(together.do, (name,)) for name in ("bad", "good")]
        while len(together._gathering.items) < 2:
            time.sleep(0.001)
        go_on.set()
        assert first.result(5) == 1
        for other in others:
            with pytest.raises(ValueError, match="refused"):
                other.result(5)
    is_failing = False
    assert together.do(("bad",)) == 1
