"""Make the embedded mongod a replica set of one, which is what gives it transactions.

https://www.mongodb.com/docs/manual/reference/command/replSetInitiate/
"""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.embedded_process import REPLICA_SET

POLL_SECONDS = 0.01
NOT_YET_INITIALIZED = 94
ALREADY_INITIALIZED = 23


def uri(path: Path) -> str:
    """Return the URI of the mongod listening at `path`."""
    address = quote(str(path), safe="")
    return f"mongodb://{address}/?replicaSet={REPLICA_SET}&directConnection=true"


def wait_for_primary(process: subprocess.Popen[bytes], path: Path, seconds: float) -> bool:
    """Wait until the mongod at `path` takes writes; return False if `process` ends or is late."""
    deadline = time.monotonic() + seconds
    while not _listens(path):
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    # Without the set's name: the driver turns down a member that doesn't know it yet.
    with connect(uri(path).replace(f"replicaSet={REPLICA_SET}&", "")) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if _is_primary(client, path):
                    return True
            except ConnectionFailure:
                continue  # the driver waited already
            time.sleep(POLL_SECONDS)
    return False


def _listens(path: Path) -> bool:
    """Tell whether a connection is taken: the driver would rest half a second after a refusal."""
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(str(path))
        except OSError:
            return False
    return True


def _is_primary(client: MongoClient[dict[str, Any]], path: Path) -> bool:
    hello = client.admin.command("hello")
    if hello.get("isWritablePrimary") and hello.get("setName"):
        return True
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == NOT_YET_INITIALIZED:
            _initiate(client, path)
        return False
    if config["members"][0]["host"] != str(path):
        _move(client, config, path)
    return False


def _initiate(client: MongoClient[dict[str, Any]], path: Path) -> None:
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": str(path)}]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        # At a later start mongod answers before it has read its own configuration.
        if error.code != ALREADY_INITIALIZED:
            raise


def _move(client: MongoClient[dict[str, Any]], config: dict[str, Any], path: Path) -> None:
    """Tell the set its new address: the data directory was moved, or restored elsewhere."""
    config["members"][0]["host"] = str(path)
    config["version"] += 1
    client.admin.command("replSetReconfig", config, force=True)
