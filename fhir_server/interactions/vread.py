"""vread: https://hl7.org/fhir/R4/http.html#vread."""

from __future__ import annotations

from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.native import representation
from fhir_server.interactions.read import Pairs, unchanged
from fhir_server.search.result import read_subset


def vread(x: Exchange, type_: str, id_: str, version: str, pairs: Pairs = ()) -> Answer:
    """Return one version; what hides the resource today hides its past too (L19)."""
    subset = read_subset(pairs)
    row = x.view.version(type_, id_, version)
    if unchanged(x, row):
        return Answer(304, b"", version_headers(row))
    return representation(x, row, subset)
