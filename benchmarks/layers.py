"""Where the time of a request goes: the server in this process, its layers' functions timed.

1. The functions of `LAYERS` are wrapped here, for the length of the profile; the product has no
   hook. A layer's share is the time in its functions less that in layers they call.
2. Requests go straight to the WSGI application, one at a time, without sockets.
3. The same requests are then sent once more to count MongoDB's commands and the time they take.

Alone, a request waits for every round trip; at concurrency those waits are shared, the rest isn't.
"""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from pymongo import monitoring

from benchmarks.load import Shot, WrongAnswer
from fhir_server.app import create_app
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore

OTHER: Final = "HTTP, routing, the rest"
LAYERS: Final = (
    ("token", "fhir_server.identity.tokens", "TokenReader.read"),
    ("query reading", "fhir_server.interactions.search", "read_query"),
    ("policy look-up", "fhir_server.records.sights", "Sights.of"),
    ("policy look-up", "fhir_server.store.mongo.store", "MongoStore.policy_versions"),
    ("policy look-up", "fhir_server.store.mongo.store", "MongoStore.policies"),
    ("consent predicate", "fhir_server.records.seeing", "Seeing.known"),
    ("consent predicate", "fhir_server.records.seeing", "Seeing.knows"),
    ("consent predicate", "fhir_server.records.seeing", "Seeing.hidden_in"),
    ("consent predicate", "fhir_server.consent.engine", "Sight.rules_used"),
    ("predicate to query", "fhir_server.store.mongo.store", "to_query"),
    ("data query", "fhir_server.store.mongo.store", "MongoStore.get"),
    ("data query", "fhir_server.store.mongo.store", "MongoStore.find"),
    ("data query", "fhir_server.store.mongo.store", "MongoStore.count"),
    ("audit event building", "fhir_server.records.trace", "Tracer.entries"),
    ("audit commit", "fhir_server.audit.log", "AccessLog.commit"),
    ("bundle writing", "fhir_server.interactions.search", "searchset"),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """Of one operation: microseconds a request by layer, and MongoDB's commands by name."""

    name: str
    total: float
    layers: dict[str, float]
    commands: dict[str, tuple[float, float]]

    def text(self) -> str:
        """Return the profile for people."""
        lines = [f"{self.name}: {self.total:,.0f} µs a request, alone and without sockets"]
        for layer, spent in sorted(self.layers.items(), key=lambda item: -item[1]):
            lines.append(f"  {layer:<26}{spent:>8.0f} µs {spent / self.total:>6.1%}")
        for command, (times, spent) in sorted(self.commands.items()):
            lines.append(f"  MongoDB {command:<18}{spent:>8.0f} µs, {times:.2f} a request")
        return "\n".join(lines)


class _Stopwatch:
    """Charges time to the layer on top of a stack."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._stack: list[str] = [OTHER]
        self._since = time.perf_counter()

    def wrap(self, layer: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._charge()
            self._stack.append(layer)
            try:
                return call(*args, **kwargs)
            finally:
                self._charge()
                self._stack.pop()

        return timed

    def _charge(self) -> None:
        now = time.perf_counter()
        self.spent[self._stack[-1]] += now - self._since
        self._since = now

    def start(self) -> None:
        self.spent.clear()
        self._since = time.perf_counter()

    def stop(self) -> float:
        self._charge()
        return sum(self.spent.values())


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
    settings: Settings, operations: Sequence[tuple[str, Sequence[Shot]]], requests: int
) -> list[Profile]:
    """Profile each of `operations` over `requests` requests."""
    return [
        Profile(
            name,
            *_timed(settings, shots, requests),
            _counted(settings, shots, min(requests, 200)),
        )
        for name, shots in operations
    ]


def _timed(
    settings: Settings, shots: Sequence[Shot], requests: int
) -> tuple[float, dict[str, float]]:
    watch = _Stopwatch()
    with _wrapped(watch), _sender(settings) as send:
        _send_all(send, shots, requests // 4 + 1)
        watch.start()
        _send_all(send, shots, requests)
        total = watch.stop()
    micros = 1e6 / requests
    return total * micros, {layer: spent * micros for layer, spent in watch.spent.items()}


def _counted(
    settings: Settings, shots: Sequence[Shot], requests: int
) -> dict[str, tuple[float, float]]:
    listener = _Commands()
    monitoring.register(listener)
    with _sender(settings) as send:
        _send_all(send, shots, requests)
        listener.listening = True
        _send_all(send, shots, requests)
        listener.listening = False
    return {
        command: (len(spent) / requests, sum(spent) / requests)
        for command, spent in listener.seen.items()
    }


@contextmanager
def _wrapped(watch: _Stopwatch) -> Iterator[None]:
    """Put a timer around every function of `LAYERS`; take it away again."""
    kept: list[tuple[Any, str, Any]] = []
    try:
        for layer, module, path in LAYERS:
            holder: Any = import_module(module)
            *names, last = path.split(".")
            for name in names:
                holder = getattr(holder, name)
            call = getattr(holder, last)
            kept.append((holder, last, call))
            setattr(holder, last, watch.wrap(layer, call))
        yield
    finally:
        for holder, last, call in reversed(kept):
            setattr(holder, last, call)


Send = Callable[[Shot], None]


@contextmanager
def _sender(settings: Settings) -> Iterator[Send]:
    """Give what sends one request to an application of this process."""

    def send(shot: Shot) -> None:
        told: list[str] = []

        def start_response(status: str, _: Any, __: Any = None) -> Callable[[bytes], object]:
            told.append(status)
            return lambda _: None

        body = b"".join(application(_environ(shot.request), start_response))
        if told[0].encode()[:3] != shot.status or not shot.is_right(body):
            raise WrongAnswer(f"in this process: {told[0]} {body[:400]!r}")

    with connect(settings.mongodb_uri or "") as client:
        store = MongoStore(client, settings.database)
        application = create_app(settings, store=store).wsgi_app
        yield send


def _send_all(send: Send, shots: Sequence[Shot], requests: int) -> None:
    for number in range(requests):
        send(shots[number % len(shots)])


def _environ(request: bytes) -> dict[str, Any]:
    """Return what a WSGI server makes of `request`."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    method, address, _ = first.split(" ")
    path, _, query = address.partition("?")
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value.strip()
        for name, _, value in (line.partition(":") for line in rest)
    }
    return headers | {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": headers.get("HTTP_CONTENT_LENGTH", ""),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
