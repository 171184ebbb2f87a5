"""vread: https://hl7.org/fhir/R4/http.html#vread."""

from __future__ import annotations

from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.exchange import Answer, Exchange


def vread(x: Exchange, type_: str, id_: str, version: str) -> Answer:
    """Return one version; what hides the resource today hides its past too (L19)."""
    row = x.view.version(type_, id_, version)
    return Answer(200, row.raw, version_headers(row))
