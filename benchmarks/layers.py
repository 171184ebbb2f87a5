"""Where the time of a request goes: the server in this process, its layers' functions timed.

1. The functions of `layer_table.py` are wrapped here, for the length of the profile; the product has
   no hook. A layer's share is the time in its functions less that in layers they call, once by the
   clock and once in CPU time of the thread: the difference is waiting, mostly for MongoDB.
2. Requests go straight to the WSGI application, one at a time, without sockets; as many come
   before, which fill the memories.
3. The same kind of requests is then sent once more to count MongoDB's commands and their time.

Alone, a request waits for every round trip; at concurrency those waits are shared, the rest isn't.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from pymongo import monitoring

from benchmarks.in_process import send_all, sender
from benchmarks.layer_table import OTHER, Timed, timed_functions
from benchmarks.operation import Operation, Supply
from fhir_server.settings import Settings

_FEWEST = 5
_MOST_COUNTED = 200


class Spent(NamedTuple):
    """Microseconds: by the clock, and of CPU."""

    clock: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Of one operation: microseconds a request by layer, and MongoDB's commands by name."""

    name: str
    total: Spent
    layers: dict[str, Spent]
    commands: dict[str, tuple[float, float]]

    def text(self) -> str:
        """Return the profile for people."""
        lines = [
            f"{self.name}: {self.total.clock:,.0f} µs a request, of which {self.total.cpu:,.0f} µs "
            "CPU, alone and without sockets"
        ]
        for layer, spent in sorted(self.layers.items(), key=lambda item: -item[1].clock):
            share = spent.clock / self.total.clock
            lines.append(f"  {layer:<26}{spent.clock:>8.0f} µs {share:>6.1%}{spent.cpu:>8.0f} CPU")
        for command, (times, spent_waiting) in sorted(self.commands.items()):
            lines.append(f"  MongoDB {command:<18}{spent_waiting:>8.0f} µs, {times:.2f} a request")
        return "\n".join(lines)


class _Stopwatch:
    """Charges time to the layer on top of a stack. Other threads are waited for, not timed."""

    def __init__(self) -> None:
        self._clock: dict[str, float] = defaultdict(float)
        self._cpu: dict[str, float] = defaultdict(float)
        self._stack: list[str] = [OTHER]
        self._thread = threading.get_ident()
        self._since = (time.perf_counter(), time.thread_time())

    def wrap(self, layer: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread:
                return call(*args, **kwargs)
            self._charge()
            self._stack.append(layer)
            try:
                return call(*args, **kwargs)
            finally:
                self._charge()
                self._stack.pop()

        return timed

    def _charge(self) -> None:
        clock, cpu = time.perf_counter(), time.thread_time()
        self._clock[self._stack[-1]] += clock - self._since[0]
        self._cpu[self._stack[-1]] += cpu - self._since[1]
        self._since = (clock, cpu)

    def start(self) -> None:
        self._charge()
        self._clock.clear()
        self._cpu.clear()

    def stop(self, requests: int) -> dict[str, Spent]:
        self._charge()
        share = 1e6 / requests
        return {
            layer: Spent(clock * share, self._cpu[layer] * share)
            for layer, clock in self._clock.items()
        }


class _Commands(monitoring.CommandListener):
    """Counts commands and their time as the driver sees it, the socket included."""

    def __init__(self) -> None:
        self.seen: dict[str, list[int]] = defaultdict(list)
        self.listening = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Do nothing yet."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Add one command."""
        if self.listening:
            self.seen[event.command_name].append(event.duration_micros)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Leave it to the answer, which is checked."""


def profiles(
    settings: Settings, operations: Sequence[Operation], requests: int
) -> Iterator[Profile]:
    """Profile each of `operations` over `requests` requests, fewer of those that weigh more."""
    for each in operations if requests else ():
        number = max(_FEWEST, requests // each.weight)
        layers = _timed(settings, each.supply, number)
        total = Spent(*(sum(spent) for spent in zip(*layers.values(), strict=True)))
        counted = _counted(settings, each.supply, min(number, _MOST_COUNTED))
        yield Profile(each.name, total, layers, counted)


def _timed(settings: Settings, supply: Supply, requests: int) -> dict[str, Spent]:
    watch = _Stopwatch()
    with _wrapped(watch), sender(settings) as send:
        send_all(send, supply(), requests)
        watch.start()
        send_all(send, supply(), requests)
        return watch.stop(requests)


def _counted(settings: Settings, supply: Supply, requests: int) -> dict[str, tuple[float, float]]:
    listener = _Commands()
    monitoring.register(listener)
    with sender(settings) as send:
        send_all(send, supply(), requests)
        listener.listening = True
        send_all(send, supply(), requests)
        listener.listening = False
    return {
        command: (len(spent) / requests, sum(spent) / requests)
        for command, spent in listener.seen.items()
    }


@contextmanager
def _wrapped(watch: _Stopwatch) -> Iterator[None]:
    """Put a timer around every function of the table; take it away again."""
    kept: list[tuple[Timed, Callable[..., Any]]] = []
    try:
        for each in timed_functions():
            call = each.call
            kept.append((each, call))
            setattr(each.holder, each.name, watch.wrap(each.layer, call))
        yield
    finally:
        for each, call in reversed(kept):
            setattr(each.holder, each.name, call)
