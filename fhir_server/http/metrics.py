"""Count requests and their time for Prometheus, over all the workers of one server.

Labels are the route's template, the method and the status: no path, no id, no query, no caller,
and no resource type, because counts by type tell about records (L59). Emergencies are counted by
what became of them, and those that wait for review with the age of the oldest: nobody is named.

Each worker keeps its numbers in a mapped file of `<data_dir>/metrics/<pid of the server>/`
(prometheus-client's multiprocess mode); whichever worker is asked adds them up. A worker that dies
leaves its file, so sums never fall while the server lives; a new server starts from nothing.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LABELS: Final = ("route", "method", "status")


_EVENTS: Final = ("opened", "refused", "access", "unusual", "reviewed")


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many emergencies wait for review, and the age of the oldest in seconds."""

    waiting: int
    seconds: float


class Metrics:
    """The numbers of one process, and the sum over its siblings."""

    def __init__(self, data_dir: Path | str) -> None:
        """Begin to count in a file below `data_dir`.

        The client library reads its directory from the environment when it is first imported,
        hence the order here; a second server in one process (tests) shares the first's directory.
        """
        if _VARIABLE not in os.environ:
            os.environ[_VARIABLE] = str(_directory(Path(data_dir) / "metrics"))
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._own: CollectorRegistry = CollectorRegistry()
        self._seconds = Histogram(
            "fhir_server_request_seconds",
            "Time to answer, by route template, method and status.",
            _LABELS,
            buckets=_BUCKETS,
            registry=self._own,
        )
        emergencies = Counter(
            "fhir_server_emergencies",
            "Emergencies: sessions opened and refused, accesses, unusual ones, reviews.",
            ("event",),
            registry=self._own,
        )
        # Each is there from the start, so that an alert can tell none from nothing counted.
        self._emergencies = {event: emergencies.labels(event) for event in _EVENTS}
        self._children: dict[tuple[str, str, int], Any] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer to `route`, a template such as `/fhir/{type}/{id}`."""
        key = (route, method, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._seconds.labels(*map(str, key))
        child.observe(seconds)

    def emergency(self, event: str) -> None:
        """Count what became of an emergency; `event` is one of those above."""
        self._emergencies[event].inc()

    def exposition(self, backlog: Backlog | None = None) -> bytes:
        """Return the numbers of all workers, and `backlog`, in Prometheus's text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        if backlog is not None:
            everyone.register(_Waiting(backlog))
        return generate_latest(everyone)


class _Waiting:
    """What waits now: the database's to say, so it is in no worker's file, to grow old there."""

    def __init__(self, backlog: Backlog) -> None:
        """Tell `backlog`, once."""
        self._backlog = backlog

    def collect(self) -> Iterator[Metric]:
        """Yield the two numbers, as the client library asks for them."""
        from prometheus_client.core import GaugeMetricFamily

        told = self._backlog
        reviews, age = "fhir_server_emergency_reviews", "fhir_server_emergency_review_age_seconds"
        yield GaugeMetricFamily(reviews, "Emergencies that wait for review.", told.waiting)
        yield GaugeMetricFamily(age, "How long the oldest of them has waited.", told.seconds)


def _directory(above: Path) -> Path:
    """Return the directory of this server's workers, after removing those of servers that ended."""
    server = os.getppid()
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in above.iterdir():
        if old.name.isdigit() and int(old.name) != server and not _alive(int(old.name)):
            shutil.rmtree(old, ignore_errors=True)
    mine = above / str(server)
    mine.mkdir(mode=0o700, exist_ok=True)
    return mine


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
