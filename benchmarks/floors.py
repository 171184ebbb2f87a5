"""The floors: the least that Flask, and Flask with MongoDB, cost on this machine.

They run under the same HTTP server, with as many workers and threads, as what is measured, and with
the same guarantees: a write is in the journal of a majority before it is acknowledged.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec
from flask import Flask, Response, request
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure

from fhir_server.store.mongo.connect import connect

CONSTANT = b'{"resourceType":"Basic","id":"constant","code":{"text":"constant"}}'
URI, DATABASE = "BENCH_MONGODB_URI", "BENCH_DATABASE"
WRITTEN = "bench_floor"
"""Collection of what the write floors insert."""
PAGE = 20
_NEWEST = [("srt.date", -1), ("_id", 1)]
"""The order of the index that the server's own page is read from."""
_EXISTS = 48
"""MongoDB's NamespaceExists."""
_TYPE = "application/fhir+json; charset=utf-8"


class _Entry(msgspec.Struct):
    resource: msgspec.Raw


class _Bundle(msgspec.Struct):
    entry: list[_Entry]


def create_app(client: MongoClient[dict[str, Any]], database: str) -> Flask:
    """Return the application with its routes."""
    app = Flask(__name__, static_folder=None)
    documents = client[database]["DocumentReference"]
    written = client[database][WRITTEN]
    _create(client[database])
    bundles = msgspec.json.Decoder(_Bundle)

    @app.get("/constant")
    def constant() -> Response:
        return Response(CONSTANT, content_type=_TYPE)

    @app.get("/stored/<id_>")
    def stored(id_: str) -> Response:
        found = documents.find_one({"_id": id_}, {"raw": 1})
        if found is None:
            return Response(b"", 404)
        return Response(found["raw"], content_type=_TYPE)

    @app.get("/page/<patient>")
    def page(patient: str) -> Response:
        found = documents.find({"acl.patient": patient}, {"raw": 1}).sort(_NEWEST).limit(PAGE)
        return Response(b",".join(each["raw"] for each in found), content_type=_TYPE)

    @app.post("/inserted")
    def inserted() -> Response:
        body = request.get_data()
        written.insert_one({"raw": body})
        return Response(body, 201, content_type=_TYPE)

    @app.post("/inserted-together")
    def inserted_together() -> Response:
        bodies = [bytes(entry.resource) for entry in bundles.decode(request.get_data()).entry]
        with client.start_session() as session, session.start_transaction():
            written.insert_many([{"raw": body} for body in bodies], session=session)
        return Response(b"%d" % len(bodies), 200, content_type=_TYPE)

    return app


def _create(database: Database[dict[str, Any]]) -> None:
    """Create the collection before a transaction needs it; each worker tries at the same time."""
    try:
        database.create_collection(WRITTEN, check_exists=False)
    except OperationFailure as error:
        if error.code != _EXISTS:
            raise


def wsgi_of_environment() -> Flask:
    """Return the application that `servers.floors` asks a worker for."""
    return create_app(connect(os.environ[URI]), os.environ[DATABASE])
