"""Drive a server from one thread: `connections` open at once, one request at a time on each.

Requests are bytes made beforehand and answers are cut by Content-Length, so that the generator,
which shares the machine with what it measures, costs little. Every answer is checked; the first
wrong one ends the run, since a wrong answer has no speed.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

_CHUNK: Final = 262_144
_PATIENCE: Final = 30.0


class WrongAnswer(Exception):
    """The server did not answer what it must; the text says what came instead."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One request, and how its answer must be: the status, and a check of the body."""

    request: bytes
    status: bytes
    is_right: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round gave: its length and every latency, in seconds."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Return answers per second."""
        return len(self.latencies) / self.seconds


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    shot: Shot
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    wanted: int = 0

    def send(self, shot: Shot) -> None:
        self.shot, self.wanted = shot, 0
        self.received.clear()
        self.sent = time.perf_counter()
        # A request is smaller than the socket's buffer, or is waited for: it is never in halves.
        self.socket.sendall(shot.request)

    def is_done(self) -> bool:
        """Take what has come; tell whether the answer is whole."""
        chunk = self.socket.recv(_CHUNK)
        if not chunk:
            raise WrongAnswer("the server closed the connection")
        self.received += chunk
        if not self.wanted:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.wanted = end + 4 + _length(bytes(self.received[:end]))
        return len(self.received) >= self.wanted

    def check(self) -> None:
        answer = bytes(self.received)
        head, _, body = answer.partition(b"\r\n\r\n")
        if head[9:12] != self.shot.status or not self.shot.is_right(body):
            raise WrongAnswer(
                f"{self.shot.request[:120]!r} was answered {head[:16]!r} {body[:400]!r}"
            )


def drive(port: int, shots: Sequence[Shot], connections: int, seconds: float) -> Sample:
    """Send `shots` in turn for `seconds`; raise WrongAnswer, or OSError when nothing answers."""
    coming = cycle(shots)
    latencies: list[float] = []
    poll = select.epoll()
    opened = [_Connection(_connect(port), shots[0]) for _ in range(connections)]
    by_number = {each.socket.fileno(): each for each in opened}
    try:
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        began = time.perf_counter()
        for each in opened:
            each.send(next(coming))
        waiting = connections
        while waiting:
            ready = poll.poll(_PATIENCE)
            if not ready:
                raise WrongAnswer(f"no answer within {_PATIENCE:.0f} s")
            for number, _ in ready:
                each = by_number[number]
                if not each.is_done():
                    continue
                now = time.perf_counter()
                latencies.append(now - each.sent)
                each.check()
                if now - began < seconds:
                    each.send(next(coming))
                else:
                    waiting -= 1
        return Sample(time.perf_counter() - began, tuple(latencies))
    finally:
        poll.close()
        for each in opened:
            each.socket.close()


def _connect(port: int) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise WrongAnswer(f"an answer without Content-Length: {head[:200]!r}")
