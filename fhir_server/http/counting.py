"""Count requests in a sliding minute, in memory, with what other workers and nodes count.

1. A request is counted in the memory of its worker. That is all that it waits for.
2. About once a second, while requests come, what is new goes to the counts that all workers share
   (`store/mongo/rates.py`), and their sums come back, in a thread of its own.
3. The minute slides: of the minute before, the part counts that is less than a minute ago.

A worker keeps to itself who stays under a 64th of a limit in it, so that callers who are far from
a limit cost no round trip. When MongoDB is away each worker goes on with its own counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fhir_server.fhir.errors import FhirError

WINDOW: Final = 60
"""Seconds."""
EXCHANGE_SECONDS: Final = 1.0
MOST_NAMES: Final = 20_000
"""Names that one worker counts at a time, a few hundred bytes each."""
_SHARE: Final = 64

Exchange = Callable[[int, Mapping[str, int]], Mapping[str, int]]
"""Takes a window and what is new in it, by name; returns the sums of all workers."""


@dataclass(slots=True)
class _Tally:
    """The count of one name in a window: `shared` by all workers, and `own` that is not sent yet.

    `before` is what the window before came to.
    """

    window: int
    before: int = 0
    shared: int = 0
    own: int = 0

    def turn(self, window: int) -> None:
        """Begin `window`."""
        self.before = self.shared + self.own if window == self.window + 1 else 0
        self.window, self.shared, self.own = window, 0, 0

    def wait(self, limit: int, part: float) -> int:
        """Return the seconds until one more is under `limit`, `part` of the window being over."""
        count = self.shared + self.own
        windows = 2 - limit / count if count >= limit else 1 - (limit - count) / self.before
        # A whole number of seconds that fractions leave just under it is that number.
        return int(WINDOW * (windows - part) + 1e-6) + 1


class Counting:
    """The counts of one process. Safe between threads."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float]) -> None:
        """Share through `exchange`; `clock` returns seconds since the epoch, alike on all nodes."""
        self._share = exchange
        self._clock = clock
        self._gate = threading.Lock()
        self._tallies: dict[str, _Tally] = {}
        self._due: dict[str, _Tally] = {}
        self._window = 0
        self._next = 0.0
        self._is_exchanging = False

    def take(self, name: str, limit: int) -> int:
        """Count one request of `name` and return 0, or count nothing over `limit` a minute.

        Then return the seconds to wait. A name that comes when memory is full is not counted.
        """
        with self._gate:
            seconds = self._take(name, limit)
            is_time = self._is_time()
        if is_time:
            threading.Thread(target=self.exchange, daemon=True).start()
        return seconds

    def _take(self, name: str, limit: int) -> int:
        now = self._clock()
        window, part = int(now // WINDOW), now % WINDOW / WINDOW
        if window != self._window:
            self._turn(window)
        tally = self._tallies.get(name)
        if tally is None:
            if len(self._tallies) >= MOST_NAMES:
                return 0
            tally = self._tallies[name] = _Tally(self._window)
        elif tally.window != self._window:
            tally.turn(self._window)
        if tally.before * (1 - part) + tally.shared + tally.own >= limit:
            return tally.wait(limit, part)
        tally.own += 1
        if tally.shared or tally.own * _SHARE >= limit:
            self._due[name] = tally
        return 0

    def exchange(self) -> None:
        """Send what is new, and take the sums of all workers; without MongoDB, change nothing."""
        with self._gate:
            window, due = self._window, self._due
            sent = {name: tally.own for name, tally in due.items()}
            self._due = {}
        sums: Mapping[str, int] = {}
        try:
            sums = self._share(window, sent) if sent else {}
        except FhirError:
            sent = dict.fromkeys(sent, 0)
        finally:
            with self._gate:
                for name, tally in due.items():
                    if tally.window == window:
                        tally.own -= sent[name]
                        tally.shared = sums.get(name, tally.shared + sent[name])
                        self._due |= {name: tally} if tally.own else {}
                self._is_exchanging = False

    def _is_time(self) -> bool:
        """Tell whether this request is the one to begin an exchange, and note that it does."""
        if self._is_exchanging or not self._due or time.monotonic() < self._next:
            return False
        self._is_exchanging = True
        self._next = time.monotonic() + EXCHANGE_SECONDS
        return True

    def _turn(self, window: int) -> None:
        """Begin `window`, and forget who did not come in it nor in the one before."""
        self._window = window
        self._due = {}
        self._tallies = {
            name: tally for name, tally in self._tallies.items() if tally.window >= window - 1
        }
