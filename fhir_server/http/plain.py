"""Answers of the addresses beside `/fhir`: JSON, text or a page, with their request id."""

from __future__ import annotations

import json

from flask import request

from fhir_server.http.request_id import request_id_of
from fhir_server.http.respond import Fixed, Sent, sent
from fhir_server.http.security import FRESH
from fhir_server.interactions.exchange import Answer

JSON = "application/json"


def plain(
    content: object, *, status: int = 200, content_type: str = JSON, fixed: Fixed = FRESH
) -> Sent:
    """Return `content` as it is when it is bytes, as JSON otherwise."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = Answer(status, body, {}, content_type)
    return sent(answer, fixed, request_id_of(request.environ))
