"""Describe the addresses beside `/fhir`: health, metrics, discovery, documentation."""

from __future__ import annotations

from typing import Any, Final

from fhir_server.http.metrics import CONTENT_TYPE as METRICS

Json = dict[str, Any]

TAG: Final = "server"
_JSON: Final = "application/json"
_HTML: Final = "text/html"
# path → summary, type of the body, statuses
_ADDRESSES: Final[dict[str, tuple[str, str, tuple[int, ...]]]] = {
    "/health/live": ("The process answers", _JSON, (200,)),
    "/health/ready": ("Requests can be sent here", _JSON, (200, 503)),
    "/metrics": ("Counts and times of requests, for Prometheus", METRICS, (200,)),
    "/.well-known/smart-configuration": ("What a client may discover", _JSON, (200,)),
    "/fhir/.well-known/smart-configuration": ("What a client may discover", _JSON, (200,)),
    "/.well-known/jwks.json": ("The keys that verify tokens", _JSON, (200,)),
    "/openapi.json": ("This document", _JSON, (200, 304)),
    "/docs": ("This document for people: an index", _HTML, (200, 304)),
    "/docs/{type}": ("This document for people: one type", _HTML, (200, 304, 404)),
}
_SCHEMAS: Final[dict[str, Json]] = {_JSON: {"type": "object"}}
_NAMES: Final = {200: "Done", 304: "The caller has it", 404: "No such type", 503: "Not ready"}


def paths() -> dict[str, Json]:
    """Return the path items of the addresses beside `/fhir`."""
    return {path: _item(path) for path in _ADDRESSES}


def _item(path: str) -> Json:
    summary, content_type, statuses = _ADDRESSES[path]
    words = path.strip("/").replace("/", "-").replace("{", "").replace("}", "")
    item: Json = {
        "get": {
            "operationId": f"get.{words.lstrip('.')}",
            "summary": summary,
            "tags": [TAG],
            "security": [],
            "responses": {str(status): _response(status, content_type) for status in statuses},
        }
    }
    if "{type}" in path:
        place = {"name": "type", "in": "path", "required": True, "schema": {"type": "string"}}
        item["parameters"] = [place]
    return item


def _response(status: int, content_type: str) -> Json:
    found: Json = {"description": _NAMES[status]}
    if status == 304:
        return found
    schema = _SCHEMAS.get(content_type, {"type": "string"})
    return found | {"content": {content_type.partition(";")[0]: {"schema": schema}}}
