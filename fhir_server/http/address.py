"""Check what an address names, and say at which base it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest, NotFound

_LOGICAL_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_HOST = re.compile(r"(?:[A-Za-z0-9._\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SPELLED = {name.lower(): name for name in RESOURCE_TYPES}


def check_type(name: str) -> None:
    """Raise NotFound unless `name` is a resource type of R4."""
    if name in RESOURCE_TYPES:
        return
    shown = name[:64]
    if name[:1] in ("$", "_"):
        raise NotFound(f"`{shown}` is not supported here", code="not-supported")
    meant = _SPELLED.get(name.lower())
    hint = f"; did you mean `{meant}`?" if meant else ""
    raise NotFound(f"the resource type `{shown}` is not one of R4{hint}", code="not-supported")


def check_id(text: str, method: str) -> None:
    """Raise unless `text` can be a logical id: BadRequest to a PUT, NotFound otherwise.

    https://hl7.org/fhir/R4/datatypes.html#id
    """
    if _LOGICAL_ID.fullmatch(text):
        return
    shown = text[:80]
    if text[:1] in ("$", "_"):
        raise NotFound(f"`{shown}` is not supported here", code="not-supported")
    if method == "PUT":
        raise BadRequest(f"`{shown}` is not an id: 1 to 64 letters, digits, `-` and `.`")
    raise NotFound(f"`{shown}` can't be an id, so nothing has it")


def base_of(environ: Mapping[str, Any]) -> str:
    """Return the FHIR base as the caller wrote it; raise BadRequest for a strange Host."""
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return _base(environ["wsgi.url_scheme"], host)


@lru_cache(maxsize=64)
def _base(scheme: str, host: str) -> str:
    if not _HOST.fullmatch(host):
        raise BadRequest("the `Host` header names no host")
    return f"{scheme}://{host}/fhir"
