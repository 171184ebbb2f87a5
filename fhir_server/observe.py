"""Log to standard error: one line an event, JSON unless a person is looking.

No line carries a path, a query, an id, a body or the words of an exception: any of them may name a
patient (contract, HTTP conventions; L59). A request is its route's template, and a fault is the
places of the code that it went through.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any, Final

import msgspec
import structlog

SLOW_SECONDS: Final = 1.0
_log: Any = structlog.get_logger()


def configure(level: str = "info") -> None:
    """Log events of `level` and above, from now on, in this process."""
    global _log
    looked_at = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.dev.ConsoleRenderer() if looked_at else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    # Bound once: a lookup at each event costs more than the event.
    _log = structlog.get_logger().bind()


def _line(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    return msgspec.json.encode(event).decode()


def answered(route: str, method: str, status: int, seconds: float, request_id: str) -> None:
    """Log one answer: an error of the server, a slow answer, or the usual."""
    if status >= 500:
        write = _log.error
    elif seconds >= SLOW_SECONDS:
        write = _log.warning
    else:
        write = _log.info
    write(
        "answered",
        route=route,
        method=method,
        status=status,
        ms=round(seconds * 1000, 3),
        request=request_id,
    )


def failed(error: BaseException, request_id: str) -> None:
    """Log a fault of the server by its class and its places, never by its words."""
    _log.error("failed", error=type(error).__name__, places=_places(error), request=request_id)


def _places(error: BaseException) -> list[str]:
    """Return the innermost places of `error`, last call first."""
    frames: list[Any] = list(traceback.extract_tb(error.__traceback__))[-12:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
