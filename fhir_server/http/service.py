"""What the HTTP room was wired with, once per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_server.http.limits import Limits
from fhir_server.http.metrics import Metrics
from fhir_server.identity.tokens import TokenReader

if TYPE_CHECKING:
    from fhir_server.records.door import Records


@dataclass(frozen=True, slots=True)
class Service:
    """Who reads tokens, who opens records, and the bounds that hold for every request.

    `fhir_url` is the public address of the FHIR base, or empty to use the one that the caller
    wrote. `trusts_strangers` is `--auth off`: a request without a token is the trusted system.
    `compression` and `update_create` are the settings of these names.
    """

    records: Records
    tokens: TokenReader
    metrics: Metrics
    fhir_url: str
    trusts_strangers: bool
    max_body_bytes: int
    max_binary_bytes: int
    limits: Limits
    compression: str
    update_create: str
