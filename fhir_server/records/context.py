"""What every view shares in one process."""

from __future__ import annotations

from dataclasses import dataclass, field

from fhir_server.audit.log import AccessLog
from fhir_server.records.additions import KnownParameters
from fhir_server.records.emergency_tasks import EmergencyTerms
from fhir_server.records.identified import Identified
from fhir_server.records.naming import UpdateCreate
from fhir_server.records.outbox import Known
from fhir_server.records.policies import PolicyCompiler
from fhir_server.records.sights import Sights
from fhir_server.search.result import COUNTS, Counts
from fhir_server.search.types import Locale
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.tiles import TileStore


@dataclass(frozen=True, slots=True)
class Context:
    """The store and what stands on it; made once by `door.Records`.

    `cursor_key` seals page links; `hop_limit` bounds one hop of a chain, in resources;
    `include_limit` what a page brings besides its matches;
    `max_entries` a Bundle. `require_if_match`, `update_create` and `professional_consents` are the
    settings of these names. `known` are the notices that are queued for sure.
    """

    store: MongoStore
    sights: Sights
    log: AccessLog
    identified: Identified
    tree: TileStore
    locale: Locale
    policies: PolicyCompiler
    cursor_key: bytes
    parameters: KnownParameters
    hop_limit: int = 5000
    include_limit: int = 1000
    counts: Counts = COUNTS
    max_entries: int = 5000
    require_if_match: bool = False
    update_create: UpdateCreate = "trusted"
    professional_consents: bool = False
    emergencies: EmergencyTerms = field(default_factory=EmergencyTerms)
    known: Known = field(default_factory=Known)
