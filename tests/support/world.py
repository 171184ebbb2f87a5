"""A server on a real MongoDB, and the records that a test gives it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from fhir_server.app import create_app, open_sealing
from fhir_server.consent.requester import TRUSTED, Requester
from fhir_server.identity.tokens import mint
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.replies import Caller, Json, entry

DAY = 24 * 3600


class World:
    """A running server under `--auth off`: without a token one is the trusted system.

    Every test makes records of its own in it; nothing is emptied between two tests.
    """

    def __init__(self, store: MongoStore, home: Path, **settings: Any) -> None:
        """Serve `store`; tokens are signed with the key in `home`."""
        self._home = home
        self._store = store
        self._ahead = 0.0
        chosen: dict[str, Any] = {"auth": "off", "data_dir": home, "log_level": "error"}
        self._app = create_app(
            Settings(**(chosen | settings)), store=store, clock=lambda: int(self.now * 1_000_000)
        )
        self.trusted = Caller(self._app.test_client())

    @property
    def app(self) -> Flask:
        """Return the application itself."""
        return self._app

    @property
    def home(self) -> Path:
        """Return the data directory, with the key that signs."""
        return self._home

    @property
    def store(self) -> MongoStore:
        """Return what the server stands on, for what no caller is told."""
        return self._store

    @property
    def now(self) -> float:
        """Return the server's time, in seconds since the epoch."""
        return time.time() + self._ahead

    @contextmanager
    def later(self, *, seconds: float = 0, days: float = 0) -> Iterator[None]:
        """Let time have passed inside."""
        self._ahead += seconds + days * DAY
        yield
        self._ahead -= seconds + days * DAY

    def as_(self, who: Requester) -> Caller:
        """Return `who` with a token of their own."""
        return self.trusted if who is TRUSTED else self.bearing(self.token(who))

    def bearing(self, token: str) -> Caller:
        """Return who sends `token`; nothing, when it is empty."""
        return Caller(self.app.test_client(), token)

    def token(self, who: Requester) -> str:
        """Return a bearer token of `who`."""
        return mint(self._home, who, now=self.now)

    # records -----------------------------------------------------------------------------------

    def has(self, resource: Json | make.Document) -> str:
        """Store `resource` as the trusted system would, now; return its id."""
        body = resource.json() if isinstance(resource, make.Document) else resource
        reply = self.trusted.put(body)
        assert reply.status in (200, 201), reply.body
        return str(body["id"])

    def lacks(self, ref: str) -> None:
        """Delete `ref` as the trusted system would."""
        assert self.trusted.delete(ref).status == 204

    def patient(self, *attending: Requester, **rest: Any) -> str:
        """Open a record, with attending doctors; return its id."""
        return self.has(make.a_patient(*attending, **rest))

    def team(self, of: str, *members: Requester, **rest: Any) -> str:
        return self.has(make.a_care_team(of, *members, **rest))

    def document(self, of: str, *labels: str, **but: Any) -> str:
        """Deposit a biology report with `labels`; return its id."""
        return self.has(make.a_document(of).labelled(*labels).but(**but))

    def consent(self, of: str, type_: str, *actors: Requester, **rest: Any) -> str:
        return self.has(make.a_consent(of, type_, *actors, **rest))

    def seal(self) -> None:
        """Put the access log under its tree, as the server's own process does each second."""
        assert open_sealing(Settings(data_dir=self._home), self._store).catch_up()

    # questions ---------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Return how many resources of each type there are, but for the server's own."""
        own = ("AuditEvent", "OperationDefinition", "SearchParameter", "StructureDefinition")
        types = [type_ for type_ in self._store.types() if type_ not in own]
        questions = [entry("GET", f"{type_}?_summary=count") for type_ in types]
        answers = self.trusted.transact(*questions, kind="batch").entries if types else []
        totals = (one["resource"]["total"] for one in answers)
        return {type_: total for type_, total in zip(types, totals, strict=True) if total}

    def traces(self, of: str = "", request_id: str = "") -> list[Json]:
        """Return AuditEvents, newest first: of a record, or of one request."""
        pairs = "_sort=-date&_count=1000" + (f"&patient={of}" if of else "")
        found = [entry["resource"] for entry in self.trusted.get(f"AuditEvent?{pairs}").entries]
        return [one for one in found if not request_id or request_id == request_of(one)]


def request_of(event: Json) -> str:
    """Return the `X-Request-Id` that an AuditEvent carries."""
    for entity in event["entity"]:
        if entity.get("type", {}).get("code") == "XrequestId":
            return str(entity["what"]["identifier"]["value"])
    return ""


@pytest.fixture(scope="module")
def world(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server on a database that the tests of one module share."""
    with connect(mongo_uri) as mongo:
        yield World(MongoStore(mongo, module_database_name), tmp_path_factory.mktemp("home"))
