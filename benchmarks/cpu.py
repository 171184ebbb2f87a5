"""Read how much CPU time the processes of a measurement have used so far.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
# After the name in parentheses, which may hold spaces: the parent, and four times in clock ticks.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of the server with its workers, of mongod, and of the load generator."""

    server: float = 0.0
    mongod: float = 0.0
    generator: float = 0.0

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(
            self.server - other.server,
            self.mongod - other.mongod,
            self.generator - other.generator,
        )

    def __add__(self, other: Cpu) -> Cpu:
        return Cpu(
            self.server + other.server,
            self.mongod + other.mongod,
            self.generator + other.generator,
        )

    def per(self, requests: int) -> Cpu:
        """Return milliseconds a request."""
        share = 1000 / requests
        return Cpu(
            round(self.server * share, 3),
            round(self.mongod * share, 3),
            round(self.generator * share, 3),
        )

    def text(self) -> str:
        """Return what `per` gave, for people."""
        return (
            f"CPU ms per request: server {self.server:.2f} / mongod {self.mongod:.2f} / "
            f"load generator {self.generator:.2f}"
        )


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads what a server and a mongod, by their process ids, have used; and this process."""

    server: int
    mongod: int

    def __call__(self) -> Cpu:
        """Return it; the kernel counts in ticks of 10 ms, this process more finely."""
        return Cpu(of_tree(self.server), of_tree(self.mongod), time.process_time())


def of_tree(pid: int) -> float:
    """Return the CPU seconds of `pid`, its descendants, and those of them that have ended."""
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        children[int(words[_PARENT])].append(int(folder.name))
        ticks[int(folder.name)] = sum(map(int, words[_TIMES]))
    used, pending = 0, [pid]
    while pending:
        one = pending.pop()
        used += ticks.get(one, 0)
        pending += children[one]
    return used / _TICKS
