"""Tell an orchestrator whether to restart this process and whether to send it requests."""

from __future__ import annotations

from flask import Blueprint

from fhir_server.fhir.errors import FhirError
from fhir_server.http.metrics import CONTENT_TYPE, Backlog
from fhir_server.http.plain import plain
from fhir_server.http.respond import Sent
from fhir_server.http.service import Service


def health_blueprint(service: Service) -> Blueprint:
    """Return `/health/live`, `/health/ready` and `/metrics`, open to everybody."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/health/live")
    def live() -> Sent:
        """Say that the process answers; nothing else is looked at."""
        return plain({"status": "live"})

    @blueprint.get("/health/ready")
    def ready() -> Sent:
        """Say whether MongoDB answers and consent is enforced (consent.md section 4)."""
        problems = problems_of(service)
        if problems:
            return plain({"status": "unready", "problems": problems}, status=503)
        return plain({"status": "ready", "problems": []})

    @blueprint.get("/metrics")
    def metrics() -> Sent:
        told = service.metrics.exposition(backlog_of(service))
        return plain(told, content_type=CONTENT_TYPE)

    return blueprint


def backlog_of(service: Service) -> Backlog | None:
    """Return what waits for review; None while MongoDB is away, where numbers are wanted too."""
    try:
        waiting, age = service.records.reviews()
    except FhirError:
        return None
    return Backlog(waiting, age / 1_000_000)


def problems_of(service: Service) -> list[str]:
    """Return why requests should not be sent here, in words that name no record."""
    try:
        return list(service.records.ready())
    except FhirError as error:
        return [issue.diagnostics for issue in error.issues]
