"""Clients in processes of their own. Imports nothing of the server, so that they start at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from json import dumps, loads
from multiprocessing import get_context
from typing import Any

PROCESSES = 4
Json = dict[str, Any]
Request = tuple[str, str, Json | None, dict[str, str]]
"""Method, path below `/fhir`, body, headers."""
Answer = tuple[int, Json]
Race = Callable[[list[Request]], list[Answer]]

_gate: Any = None


def ask(port: int, request: Request) -> Answer:
    """Send one request over a connection of its own."""
    method, path, body, headers = request
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        sent = None if body is None else dumps(body)
        told = {"Content-Type": "application/fhir+json", **headers}
        connection.request(method, f"/fhir/{path}".rstrip("/"), sent, told)
        reply = connection.getresponse()
        return reply.status, loads(reply.read() or b"{}")
    finally:
        connection.close()


@contextmanager
def racing(port: int) -> Iterator[Race]:
    """Give what sends requests from several processes at once, and returns their answers."""
    context = get_context("spawn")
    gate = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, _keep, (gate,)) as processes:

        def run(requests: list[Request]) -> list[Answer]:
            shares = [requests[first::PROCESSES] for first in range(PROCESSES)]
            runs = [processes.submit(_client, port, share) for share in shares]
            return [answer for run in runs for answer in run.result(90)]

        yield run


def _keep(gate: Any) -> None:
    """Keep what the processes wait for one another at; called as each starts."""
    global _gate
    _gate = gate


def _client(port: int, requests: list[Request]) -> list[Answer]:
    """Send `requests` at once, when every other process is about to."""
    with ThreadPoolExecutor(len(requests)) as threads:
        _gate.wait(30)
        return list(threads.map(lambda request: ask(port, request), requests))
