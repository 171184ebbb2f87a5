"""The two floors: the least that Flask, and Flask with one MongoDB look-up, cost on this machine.

They run under the same HTTP server, with as many workers and threads, as what is measured.
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response
from pymongo import MongoClient

from fhir_server.store.mongo.connect import connect

CONSTANT = b'{"resourceType":"Basic","id":"constant","code":{"text":"constant"}}'
URI, DATABASE = "BENCH_MONGODB_URI", "BENCH_DATABASE"
_TYPE = "application/fhir+json; charset=utf-8"


def create_app(client: MongoClient[dict[str, Any]], database: str) -> Flask:
    """Return the application with both routes."""
    app = Flask(__name__, static_folder=None)
    documents = client[database]["DocumentReference"]

    @app.get("/constant")
    def constant() -> Response:
        return Response(CONSTANT, content_type=_TYPE)

    @app.get("/stored/<id_>")
    def stored(id_: str) -> Response:
        found = documents.find_one({"_id": id_}, {"raw": 1})
        if found is None:
            return Response(b"", 404)
        return Response(found["raw"], content_type=_TYPE)

    return app


def wsgi_of_environment() -> Flask:
    """Return the application that `servers.floors` asks a worker for."""
    return create_app(connect(os.environ[URI]), os.environ[DATABASE])
