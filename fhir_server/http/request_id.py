"""Name each request, with the caller's name for it when that is fit to be logged."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

_FIT = re.compile(r"[A-Za-z0-9._\-]{1,64}")


def request_id_of(environ: Mapping[str, Any]) -> str:
    """Return `X-Request-Id` as it came, or 32 random hexadecimal digits when it is not fit.

    Fit is 1 to 64 letters, digits, `.`, `_` and `-`: it goes into headers, logs and AuditEvents.
    """
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return str(given) if _FIT.fullmatch(given) else secrets.token_hex(16)
