"""Wire the server: the only place where a room is given what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Flask

from fhir_server import observe
from fhir_server.audit.sealing import Sealing
from fhir_server.http.counting import Counting
from fhir_server.http.limits import Limits, networks
from fhir_server.http.metrics import Metrics
from fhir_server.http.service import Service
from fhir_server.http.wire import wire
from fhir_server.identity.keys import load
from fhir_server.identity.signing import HEAD, signed
from fhir_server.identity.tokens import TokenReader
from fhir_server.records.door import Records
from fhir_server.records.emergency_tasks import EmergencyTerms
from fhir_server.records.rulesets import rule_set
from fhir_server.search.result import Counts
from fhir_server.search.types import Locale
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.rates import RateCounts
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.tiles import TileStore

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Clock = Callable[[], int]
"""Microseconds since the epoch, UTC."""


class Server(Flask):
    """A Flask application that logs no address: an address may name a patient."""

    def log_exception(self, exc_info: Any) -> None:
        """Say nothing: the room's handler logs what failed, Flask would log its path and words."""


def machine_clock() -> int:
    """Return the machine's time in microseconds since the epoch."""
    return time.time_ns() // 1000


def create_app(
    settings: Settings, *, store: MongoStore | None = None, clock: Clock | None = None
) -> Flask:
    """Return the server as a WSGI application.

    Without a `store` it connects to `settings.mongodb_uri`; without a `clock` it takes the
    machine's. Raise ValueError when there is neither store nor URI.
    """
    observe.configure(settings.log_level)
    now = clock or machine_clock
    store = store or _open_store(settings)
    app = Server("fhir_server", static_folder=None)
    metrics = Metrics(settings.data_dir)
    service = Service(
        records=open_records(settings, store=store, clock=now, count=metrics.emergency),
        tokens=TokenReader(settings.data_dir, lambda: now() / 1_000_000),
        metrics=metrics,
        fhir_url=settings.base_url,
        trusts_strangers=settings.auth == "off",
        max_body_bytes=settings.max_body_bytes,
        max_binary_bytes=settings.max_binary_bytes,
        limits=open_limits(settings, store, now),
        compression=settings.compression,
        update_create=settings.update_create,
    )
    wire(app, service)
    return app


def open_records(
    settings: Settings,
    *,
    store: MongoStore | None = None,
    clock: Clock | None = None,
    count: Callable[[str], None] = lambda _: None,
) -> Records:
    """Return the door to the records, for the server and for console commands.

    `count` is told of each emergency what became of it, and nothing else.
    """
    return Records(
        store or _open_store(settings),
        clock=clock or machine_clock,
        locale=Locale(settings.fhir_url, ZoneInfo(settings.timezone)),
        lifetime_days=settings.authorization_lifetime_days,
        rule_set=rule_set(settings.rule_set),
        hop_limit=settings.hop_limit,
        include_limit=settings.include_limit,
        counts=Counts(settings.page_size, settings.max_page_size),
        max_entries=settings.max_bundle_entries,
        require_if_match=settings.require_if_match == "on",
        update_create=settings.update_create,
        parameter_seconds=settings.parameter_seconds,
        professional_consents=settings.professional_consents == "on",
        emergencies=EmergencyTerms(settings.break_glass_minutes, settings.emergency_alert, count),
    )


def open_limits(settings: Settings, store: MongoStore, clock: Clock) -> Limits:
    """Return the limits of the settings; their counts are shared through `store`."""
    is_on = settings.rate_limit == "on"
    return Limits(
        Counting(RateCounts(store).exchange, lambda: clock() / 1_000_000) if is_on else None,
        settings.rate_limit_per_minute,
        settings.rate_limit_refused_per_minute,
        networks(settings.trusted_proxies),
    )


def open_sealing(settings: Settings, store: MongoStore, clock: Clock | None = None) -> Sealing:
    """Return what seals the access log, with the key of the data directory."""
    keys = load(settings.data_dir)
    return Sealing(
        TileStore(store), lambda members: signed(keys, HEAD, members), clock or machine_clock
    )


def _open_store(settings: Settings) -> MongoStore:
    if settings.mongodb_uri is None:
        raise ValueError(
            "no MongoDB: set FHIR_SERVER_MONGODB_URI, or start with `fhir-server serve`"
        )
    return MongoStore(connect(settings.mongodb_uri), settings.database)


def __getattr__(name: str) -> WSGIApplication:
    """Build `wsgi` when a server first asks for it, with the settings of its environment."""
    if name != "wsgi":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings = Settings()
    store = _open_store(settings)
    application = create_app(settings, store=store)
    open_sealing(settings, store).begin()
    globals()["wsgi"] = application
    return application
