"""The process that runs granian or gunicorn: started by `fhir_server.serve`, restarted if it ends.

A process of its own, so that its workers are forked from one without threads and without a
connection to MongoDB. Its settings are those of its environment.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from fhir_server.console.parent_death import end_with
from fhir_server.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MODULE = "fhir_server.app"
MASTER = "FHIR_SERVER_MASTER_PID"
STOP_SECONDS = 15
"""What a worker gets to finish what it is answering."""
HEADER_SECONDS = 15
HEADER_BYTES = 128 * 1024
CONNECTIONS = 4096
"""Connections that one worker holds open; more wait in the backlog. An idle one costs little."""


def main() -> None:
    """Serve until SIGTERM; the argument is the process id of the supervisor."""
    settings = Settings()
    end_with(int(sys.argv[1]))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * CONNECTIONS), most))
    os.environ[MASTER] = str(os.getpid())
    # Before the fork, so that the workers share its memory and a new one is there at once. The
    # application itself, with its connections, is made in each worker.
    importlib.import_module(MODULE)
    gc.collect()
    gc.freeze()
    {"granian": _run_granian, "gunicorn": _run_gunicorn}[settings.server](settings)


def _run_granian(settings: Settings) -> None:
    Granian(
        f"{MODULE}:wsgi",
        address=socket.gethostbyname(settings.host) if ":" not in settings.host else settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        # HTTP/2 would be one more surface; a proxy in front speaks it if wanted.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES
        ),
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=settings.backlog,
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        websockets=False,
        # At `info` its lines are about processes; its warnings, about choices made here on purpose.
        log_level=LogLevels.info if settings.log_level == "debug" else LogLevels.error,
    ).serve(target_loader=load_application, wrap_loader=False)


def load_application() -> WSGIApplication:
    """Return the application, in a worker that ends with the process that forked it.

    If it can't be made, end the master too: granian would try without a pause or an end, while
    the supervisor waits between its attempts and gives up.
    """
    master = int(os.environ[MASTER])
    end_with(master)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until granian listens to them here, the master's handlers, inherited, would swallow them.
        signal.signal(number, signal.SIG_DFL)
    try:
        application: WSGIApplication = importlib.import_module(MODULE).wsgi
    except BaseException:
        os.kill(master, signal.SIGTERM)
        raise
    return application


def _run_gunicorn(settings: Settings) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):  # type: ignore[misc, unused-ignore]
        """Gunicorn with threads, configured from the settings and nothing else."""

        def load_config(self) -> None:
            for name, value in gunicorn_options(settings).items():
                self.cfg.set(name, value)

        def load(self) -> WSGIApplication:
            return load_application()

    Application().run()


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """Return what gunicorn is told; https://docs.gunicorn.org/en/stable/settings.html."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "worker_class": "gthread",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_connections": CONNECTIONS,
        "backlog": settings.backlog,
        "keepalive": HEADER_SECONDS,
        "graceful_timeout": STOP_SECONDS,
        "timeout": 60,
        "limit_request_line": 8190,
        "loglevel": settings.log_level,
        "proc_name": "fhir-server",
    }


if __name__ == "__main__":
    main()
