"""Send requests straight to the server's WSGI application, in this process and without sockets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from benchmarks.load import Shot, WrongAnswer
from fhir_server.app import create_app
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore

Send = Callable[[Shot], None]


@contextmanager
def sender(settings: Settings) -> Iterator[Send]:
    """Give what sends one request to an application of this process, and checks its answer."""

    def send(shot: Shot) -> None:
        told: list[str] = []

        def start_response(status: str, _: Any, __: Any = None) -> Callable[[bytes], object]:
            told.append(status)
            return lambda _: None

        body = b"".join(application(_environ(shot.request), start_response))
        if told[0].encode()[:3] != shot.status or not shot.is_right(body):
            raise WrongAnswer(f"in this process: {told[0]} {body[:400]!r}")
        shot.then()

    with connect(settings.mongodb_uri or "") as client:
        store = MongoStore(client, settings.database)
        application = create_app(settings, store=store).wsgi_app
        yield send


def send_all(send: Send, coming: Iterator[Shot], requests: int) -> None:
    """Send the next `requests` of what is coming, one after another."""
    for shot in islice(coming, requests):
        send(shot)


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
