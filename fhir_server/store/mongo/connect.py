"""Open MongoDB with the guarantees the server promises, and refuse one that can't give them.

https://www.mongodb.com/docs/manual/reference/write-concern/
https://www.mongodb.com/docs/manual/core/transactions/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConfigurationError as DriverConfigurationError
from pymongo.errors import InvalidURI, OperationFailure, PyMongoError

from fhir_server.store.mongo.index_state import Indexes, IndexState
from fhir_server.store.mongo.large import Files

MINIMUM_VERSION = (6, 0)
SELECTION_TIMEOUT_MS = 3_000
SOCKET_TIMEOUT_MS = 30_000


class ConfigurationError(Exception):
    """The installation can't serve as it is; the text is the one line shown on the console."""


def connect(uri: str) -> MongoClient[dict[str, Any]]:
    """Return a client for `uri`; nothing is sent before its first use.

    One process makes one client, after any fork. Raises `ConfigurationError` if `uri` can't be
    read; its text never holds the URI, which may contain a password.
    """
    try:
        return MongoClient(
            uri,
            appname="fhir-server",
            # INVARIANT: an acknowledged write is in the journal of a majority.
            w="majority",
            journal=True,
            # What was read can't be rolled back, so it was not disclosed in error.
            readConcernLevel="majority",
            # INVARIANT: whatever the URI says, a secondary is not asked: its Consents may be old
            # (L67).
            readPreference="primary",
            retryWrites=True,
            retryReads=True,
            serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
            connectTimeoutMS=SELECTION_TIMEOUT_MS,
            socketTimeoutMS=SOCKET_TIMEOUT_MS,
            tz_aware=True,
            uuidRepresentation="standard",
        )
    except (InvalidURI, DriverConfigurationError, ValueError) as error:
        raise ConfigurationError(
            "the mongodb uri can't be read: it looks like `mongodb://host:27017/?replicaSet=rs0`"
        ) from error


def check_topology(client: MongoClient[dict[str, Any]]) -> tuple[int, ...]:
    """Return the version of the MongoDB behind `client`, once it is known to be fit.

    Raises `ConfigurationError` if nothing answers, for a standalone server (which has no
    transactions, so a bundle could be half written), or for a version under 6.0.
    """
    try:
        hello = client.admin.command("hello")
        version = tuple(client.server_info()["versionArray"][:3])
    except OperationFailure as error:
        raise ConfigurationError(
            "MongoDB refused the connection: check the user and password in the mongodb uri"
        ) from error
    except PyMongoError as error:
        raise ConfigurationError(
            f"no MongoDB answers at {_addresses(client)}: start it, or correct the mongodb uri"
        ) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise ConfigurationError(
            f"the MongoDB at {_addresses(client)} is a standalone server, without transactions: "
            "start it with --replSet and run rs.initiate(), or leave the mongodb uri out"
        )
    if version < MINIMUM_VERSION:
        found = ".".join(map(str, version))
        raise ConfigurationError(f"MongoDB {found} is too old: 6.0 or later is needed")
    return version


@dataclass(frozen=True, slots=True)
class State:
    """What `fhir-server doctor` tells of a MongoDB; `left_over` counts files (`Files.left_over`).

    `wrong` are the indexes that are missing, different or unknown; `unused` the names of those that
    no query used since MongoDB started.
    """

    version: str
    replica_set: str
    collections: int
    indexes: int
    left_over: int
    wrong: tuple[IndexState, ...]
    unused: tuple[str, ...]


def state(uri: str, database: str) -> State:
    """Return the state of the MongoDB at `uri`, or raise `ConfigurationError`."""
    with connect(uri) as client:
        version = ".".join(map(str, check_topology(client)))
        hello = client.admin.command("hello")
        names = client[database].list_collection_names()
        indexes = Indexes(client, database)
        return State(
            version=version,
            replica_set=hello.get("setName", "sharded cluster"),
            collections=len(names),
            indexes=sum(len(client[database][name].index_information()) for name in names),
            left_over=len(Files(client[database]).left_over()),
            wrong=tuple(one for one in indexes.states() if one.state != "present"),
            unused=tuple(indexes.unused()),
        )


def _addresses(client: MongoClient[dict[str, Any]]) -> str:
    servers = sorted(client.topology_description.server_descriptions(), key=str)
    return ", ".join(f"`{host}:{port}`" if port else f"`{host}`" for host, port in servers)
