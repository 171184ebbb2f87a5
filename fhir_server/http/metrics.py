"""Count requests and their time for Prometheus, over all the workers of one server.

Labels are the route's template, the method and the status: no path, no id, no query, no caller,
and no resource type, because counts by type tell about records (L59).

Each worker keeps its numbers in a mapped file of `<data_dir>/metrics/<pid of the server>/`
(prometheus-client's multiprocess mode); whichever worker is asked adds them up. A worker that dies
leaves its file, so sums never fall while the server lives; a new server starts from nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LABELS: Final = ("route", "method", "status")


class Metrics:
    """The numbers of one process, and the sum over its siblings."""

    def __init__(self, data_dir: Path | str) -> None:
        """Begin to count in a file below `data_dir`.

        The client library reads its directory from the environment when it is first imported,
        hence the order here; a second server in one process (tests) shares the first's directory.
        """
        if _VARIABLE not in os.environ:
            os.environ[_VARIABLE] = str(_directory(Path(data_dir) / "metrics"))
        from prometheus_client import CollectorRegistry, Histogram

        self._own: CollectorRegistry = CollectorRegistry()
        self._seconds = Histogram(
            "fhir_server_request_seconds",
            "Time to answer, by route template, method and status.",
            _LABELS,
            buckets=_BUCKETS,
            registry=self._own,
        )
        self._children: dict[tuple[str, str, int], Any] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer to `route`, a template such as `/fhir/{type}/{id}`."""
        key = (route, method, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._seconds.labels(*map(str, key))
        child.observe(seconds)

    def exposition(self) -> bytes:
        """Return the numbers of all workers in Prometheus's text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


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
