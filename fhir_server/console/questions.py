"""What `explain`, `simulate` and `replay` share: a way to the records, and reading what they answer.

The console asks through the operations themselves, as the trusted system, and leaves the same trace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from fhir_server.app import open_records
from fhir_server.consent.requester import TRUSTED
from fhir_server.console.database import reachable
from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest
from fhir_server.identity.keys import load
from fhir_server.identity.receipts import sign
from fhir_server.interactions.exchange import Exchange, Invocation
from fhir_server.operations.table import invoke
from fhir_server.records.door import Records
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore

Json = dict[str, Any]


@contextmanager
def opened(settings: Settings) -> Iterator[Records]:
    """Give the records of the installation, whether its server runs or not."""
    with reachable(settings) as uri, connect(uri) as client:
        yield open_records(settings, store=MongoStore(client, settings.database))


@contextmanager
def asking(settings: Settings) -> Iterator[Exchange]:
    """Give an exchange of the trusted system, which signs with the key of the data directory."""

    def signed(content: Mapping[str, Any]) -> str:
        return sign(load(settings.data_dir), content)

    with opened(settings) as records:
        view = records.as_seen_by(TRUSTED, request_id=str(uuid4()))
        yield Exchange(view, settings.fhir_url, operate=invoke, sign=signed)


def answered(
    x: Exchange,
    name: str,
    ref: str,
    pairs: Sequence[tuple[str, str]] = (),
    body: Json | None = None,
) -> Json:
    """Return the Parameters that `ref/$name` answers; raises what the operation raises."""
    type_, _, id_ = ref.partition("/")
    if type_ not in RESOURCE_TYPES or not id_:
        raise BadRequest(f"`{ref[:80]}` names no resource: `Type/id`")
    sent = json.dumps(body).encode() if body is not None else b""
    method = "GET" if body is None else "POST"
    call = Invocation(name, method, type_, id_, "", tuple(pairs), sent)
    found: Json = json.loads(invoke(x, call).body)
    return found


def parts(of: Json, name: str) -> list[Json]:
    """Return the parameters of that name, of an answer or of one of its parts."""
    held: list[Json] = of.get("parameter") or of.get("part") or []
    return [one for one in held if one["name"] == name]


def value(part: Json) -> Any:
    """Return the value of a parameter; of a Reference, its text."""
    found = next(held for name, held in part.items() if name.startswith("value"))
    return found["reference"] if isinstance(found, dict) else found


def values(of: Json, name: str) -> list[Any]:
    """Return the values of the parts of that name."""
    return [value(part) for part in parts(of, name)]


def first(of: Json, name: str, otherwise: Any = "") -> Any:
    """Return the value of the first part of that name, or `otherwise`."""
    return next(iter(values(of, name)), otherwise)
