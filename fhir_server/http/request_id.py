"""Name each request, with the caller's name for it when that is fit to be logged."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import Headers

_LONGEST_ECHO = 256
_FIT = re.compile(r"[A-Za-z0-9._\-]{1,64}")


def request_id_of(environ: Mapping[str, Any]) -> str:
    """Return `X-Request-Id` as it came, or 32 random hexadecimal digits when it is not fit.

    Fit is 1 to 64 letters, digits, `.`, `_` and `-`: it goes into headers, logs and AuditEvents.
    """
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return str(given) if _FIT.fullmatch(given) else secrets.token_hex(16)


def correlate(headers: Headers, environ: Mapping[str, Any], request_id: str) -> None:
    """Add the caller's own name for the request to `headers`, where `request_id` is another.

    https://hl7.org/fhir/R4/http.html#custom: `X-Correlation-Id` as it came, or an `X-Request-Id`
    that was not fit. What is long or does not print is left out; it stands in no log.
    """
    given = environ.get("HTTP_X_CORRELATION_ID") or environ.get("HTTP_X_REQUEST_ID", "")
    if not given or given == request_id or len(given) > _LONGEST_ECHO:
        return
    if given.isascii() and given.isprintable():
        headers.add("X-Correlation-Id", given)
