"""A server that trusts strangers, one that does not, and refusals as every client may read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir_server.app import create_app
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore

FHIR_JSON = "application/fhir+json"
PATCH_FORMATS = (
    "application/json-patch+json",
    "application/xml-patch+xml",
    FHIR_JSON,
    "application/fhir+xml",
)
LIMIT = 64 * 1024
PATIENT = json.dumps({"resourceType": "Patient", "active": True})
# What granian and gunicorn give for a body of unknown length.
CHUNKED = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
Serve = Callable[[str], FlaskClient]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def serve(mongo_uri: str, module_database_name: str, home: Path) -> Iterator[Serve]:
    """Give a client of a server with the `auth` asked for, on a real MongoDB."""
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, module_database_name)

        def client(auth: str) -> FlaskClient:
            given: dict[str, Any] = {"auth": auth, "data_dir": home, "max_body_bytes": LIMIT}
            return create_app(Settings(**given, log_level="error"), store=store).test_client()

        yield client


@pytest.fixture(scope="module")
def client(serve: Serve) -> FlaskClient:
    """Return a client that is trusted without a token."""
    return serve("off")


@pytest.fixture(scope="module")
def guarded(serve: Serve) -> FlaskClient:
    """Return a client that needs a token."""
    return serve("smart")


def issue(response: TestResponse, status: int) -> dict[str, Any]:
    """Return the first issue of a refusal, after checking that it is an OperationOutcome."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/fhir+json; charset=utf-8"
    outcome = json.loads(response.data)
    assert outcome["resourceType"] == "OperationOutcome"
    found: dict[str, Any] = outcome["issue"][0]
    assert found["severity"] in {"error", "fatal"}
    return found
