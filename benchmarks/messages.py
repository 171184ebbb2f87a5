"""Write HTTP requests as the bytes that are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.load import Shot

Check = Callable[[bytes], bool]
FHIR_JSON: Final = "application/fhir+json"
JSON_PATCH: Final = "application/json-patch+json"


def get(path: str, bearer: str, is_right: Check) -> Shot:
    """Return a read whose answer is 200."""
    return Shot(message("GET", path, bearer), b"200", is_right)


def post(path: str, bearer: str, body: bytes, status: bytes, is_right: Check) -> Shot:
    """Return a POST of a resource."""
    return Shot(message("POST", path, bearer, body), status, is_right)


def message(
    method: str,
    path: str,
    bearer: str,
    body: bytes | None = None,
    *,
    content_type: str = FHIR_JSON,
    if_match: int = 0,
) -> bytes:
    """Return one request; `if_match` is a version, or 0 for whichever is current."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Accept: {FHIR_JSON}"]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    if if_match:
        lines.append(f'If-Match: W/"{if_match}"')
    if body is not None:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")
