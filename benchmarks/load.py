"""Drive a server from one thread: `connections` open at once, one request at a time on each.

Requests are bytes, most of them made beforehand, and answers are cut by Content-Length, so that the
generator, which shares the machine with what it measures, costs little. Every answer is checked; the
first wrong one ends the run, since a wrong answer has no speed.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from benchmarks.cpu import Cpu

_CHUNK: Final = 262_144
_PATIENCE: Final = 60.0
_NO_CONTENT: Final = b"204"
"""Has neither body nor Content-Length (RFC 9110, section 8.6)."""


class WrongAnswer(Exception):
    """The server did not answer what it must; the text says what came instead."""


def _nothing() -> None:
    """Remember nothing of an answer."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One request, and how its answer must be: the status, and a check of the body.

    `then` is called once the answer was right: a document that was changed has its next version.
    """

    request: bytes
    status: bytes
    is_right: Callable[[bytes], bool]
    then: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round gave: its length and every latency, in seconds, and who took the CPU."""

    seconds: float
    latencies: tuple[float, ...]
    cpu: Cpu

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
        self.shot.then()


def drive(
    port: int,
    coming: Iterator[Shot],
    connections: int,
    seconds: float,
    meter: Callable[[], Cpu] = Cpu,
) -> Sample:
    """Send what is `coming` for `seconds`, or until nothing comes; `meter` reads the CPU so far.

    Raise WrongAnswer, or OSError when nothing answers.
    """
    latencies: list[float] = []
    poll = select.epoll()
    opened = [_Connection(_connect(port), shot) for shot in islice(coming, connections)]
    if not opened:
        raise ValueError("there is nothing to send")
    by_number = {each.socket.fileno(): each for each in opened}
    try:
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        used = meter()
        began = time.perf_counter()
        for each in opened:
            each.send(each.shot)
        waiting = len(opened)
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
                following = next(coming, None) if now - began < seconds else None
                if following is None:
                    waiting -= 1
                else:
                    each.send(following)
        elapsed = time.perf_counter() - began
        return Sample(elapsed, tuple(latencies), meter() - used)
    finally:
        poll.close()
        for each in opened:
            each.socket.close()


def _connect(port: int) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _length(head: bytes) -> int:
    if head[9:12] == _NO_CONTENT:
        return 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise WrongAnswer(f"an answer without Content-Length: {head[:200]!r}")
