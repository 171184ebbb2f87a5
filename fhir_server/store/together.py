"""Do at once what concurrent requests ask for one by one: one round trip where there were many.

1. A request that finds nothing on its way carries out its own items at once.
2. While it does, those of others gather; one of them is then told to carry them all out.
3. Each goes on when its own items are done.

Alone, a request waits for nobody; so do two. Each waits on a lock of its own, so that the end of a round
wakes those whose items were in it and nobody else.
INVARIANT: a round begins after every request in it has asked, so nobody is told what was true
before they asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

PAUSE: Final = 0.001
"""Seconds that a round waits for more, where several were waiting already: about a round trip."""
CROWD: Final = 0.02
"""Seconds after a round of several in which one that comes first waits too: more will follow."""


@dataclass(slots=True)
class _Round(Generic[Item, Outcome]):
    """Items that are carried out together, who waits for them, and how that went."""

    items: list[Item] = field(default_factory=list)
    waiting: list[threading.Lock] = field(default_factory=list)
    outcome: list[Outcome] = field(default_factory=list)
    error: BaseException | None = None
    is_done: bool = False


class Together(Generic[Item, Outcome]):
    """Carries out items with `work`, which takes those of many threads in one call."""

    def __init__(self, work: Callable[[Sequence[Item]], Outcome]) -> None:
        """Use `work`; several threads may have asked for the same item."""
        self._work = work
        self._gate = threading.Lock()
        self._is_working = False
        self._gathering: _Round[Item, Outcome] = _Round()
        self._crowded_until = 0.0

    def do(self, items: Sequence[Item]) -> Outcome:
        """Return what `work` returned for a round with `items` in it; raise what it raised."""
        turn: threading.Lock | None = None
        with self._gate:
            mine = self._gathering
            mine.items.extend(items)
            if self._is_working:
                turn = threading.Lock()
                turn.acquire()
                mine.waiting.append(turn)
            else:
                self._is_working = True
        if turn is not None:
            turn.acquire()  # until the round is done, or is this request's to carry out
        if not mine.is_done:
            self._close(mine, several=turn is not None and bool(mine.waiting))
            self._carry_out(mine)
        if mine.error is not None:
            raise mine.error
        return mine.outcome[0]

    def _close(self, mine: _Round[Item, Outcome], *, several: bool) -> None:
        """Wait a little for those who are about to ask, where several do; then begin the round."""
        if several or time.monotonic() < self._crowded_until:
            time.sleep(PAUSE)
        with self._gate:
            self._gathering = _Round()
            if len(mine.items) > 1:
                self._crowded_until = time.monotonic() + CROWD

    def _carry_out(self, mine: _Round[Item, Outcome]) -> None:
        try:
            mine.outcome.append(self._work(mine.items))
        except BaseException as error:  # noqa: BLE001 - raised by `do`, in every waiting request
            mine.error = error
        finally:
            mine.is_done = True
            self._hand_over()
            for turn in mine.waiting:
                turn.release()

    def _hand_over(self) -> None:
        """Let one of those who gathered meanwhile go to work, before those who are done go on."""
        with self._gate:
            following = self._gathering.waiting
            self._is_working = bool(following)
            if following:
                following.pop(0).release()
