"""The only door to data: a view bound to a requester.

`Records.as_seen_by` is how every interaction, operation and page gets at a record. Nothing else
outside `store` may hold a store (checked by import-linter).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fhir_server.audit.log import AccessLog
from fhir_server.consent import facts
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.requester import Kind, Requester
from fhir_server.consent.ruleset import ORIGINAL, RuleSet
from fhir_server.fhir.errors import FhirError, Unavailable
from fhir_server.predicate import After, Has, all_of
from fhir_server.records.additions import FRESH_SECONDS, KnownParameters
from fhir_server.records.context import Context
from fhir_server.records.emergency_tasks import EmergencyTerms
from fhir_server.records.facts import REVIEW
from fhir_server.records.identified import Identified
from fhir_server.records.installation import install
from fhir_server.records.naming import UpdateCreate
from fhir_server.records.policies import PolicyCompiler
from fhir_server.records.rulesets import shipped_matrix
from fhir_server.records.sights import Sights
from fhir_server.records.upgrading import upgrade
from fhir_server.records.view import View
from fhir_server.search.result import COUNTS, Counts
from fhir_server.search.types import Locale
from fhir_server.store.mongo.outbox import Outbox
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.tiles import TileStore
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Row

Clock = Callable[[], int]

_CANARY: Final = Row(
    type="DocumentReference",
    id="canary",
    version=1,
    updated=0,
    raw=b"{}",
    acl={
        facts.GOVERNANCE: "record",
        facts.PATIENT: "canary",
        facts.TYPES: ["11502-2"],
        facts.LABELS: ["N"],
        facts.AUTHORS: ["kind:canary"],
        facts.OWNER: "kind:canary",
        facts.DEPOSITED: 0,
    },
)
"""A document of a record that does not exist: nobody but the trusted system may know it."""
_STRANGER: Final = Requester(Kind.PROFESSIONAL, rpps="00000000000", profession="G15_10")


def system_clock() -> int:
    """Return microseconds since the epoch."""
    return time.time_ns() // 1000


class Records:
    """Everything stored, for those who may know it."""

    def __init__(
        self,
        store: MongoStore,
        *,
        clock: Clock = system_clock,
        locale: Locale | None = None,
        lifetime_days: int | None = None,
        hop_limit: int = 5000,
        include_limit: int = 1000,
        counts: Counts = COUNTS,
        max_entries: int = 5000,
        require_if_match: bool = False,
        update_create: UpdateCreate = "trusted",
        professional_consents: bool = False,
        matrix: Matrix | None = None,
        parameter_seconds: float = FRESH_SECONDS,
        rule_set: RuleSet = ORIGINAL,
        emergencies: EmergencyTerms | None = None,
    ) -> None:
        """Stand on `store`; reads the habilitation matrix, and nothing else yet.

        `lifetime_days` is for a site that bounds authorisations otherwise than `rule_set` (R21).
        """
        self._store = store
        self._clock = clock
        self._locale = locale or Locale()
        if lifetime_days is not None:
            rule_set = replace(rule_set, authorization_lifetime_days=lifetime_days)
        self._rule_set = rule_set
        self._hop_limit = hop_limit
        self._include_limit = include_limit
        self._counts = counts
        self._max_entries = max_entries
        self._require_if_match = require_if_match
        self._update_create: UpdateCreate = update_create
        self._professional_consents = professional_consents
        self._parameter_seconds = parameter_seconds
        self._matrix = matrix or shipped_matrix(rule_set.matrix)
        self._emergencies = emergencies or EmergencyTerms()
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """Return what views share; made on first use, when MongoDB answers.

        Nothing is served by a process in which enforcement does not prove itself first.
        """
        if self._context is None:
            self._store.prepare()
            self._context = Context(
                store=self._store,
                sights=Sights(self._store, self._matrix, self._rule_set),
                log=AccessLog(self._store, Outbox(self._store)),
                identified=Identified(self._store),
                tree=TileStore(self._store),
                locale=self._locale,
                policies=PolicyCompiler(self._locale, self._rule_set),
                cursor_key=self._store.secret("cursor"),
                parameters=KnownParameters(
                    self._store, self._locale, fresh_seconds=self._parameter_seconds
                ),
                hop_limit=self._hop_limit,
                include_limit=self._include_limit,
                counts=self._counts,
                max_entries=self._max_entries,
                require_if_match=self._require_if_match,
                update_create=self._update_create,
                professional_consents=self._professional_consents,
                emergencies=self._emergencies,
            )
            self._store.prepare_types(["AuditEvent"])
            upgrade(self._store)
            install(self._store, self._locale, self._clock())
            if problems := self._prove():
                self._context = None
                raise Unavailable(problems[0])
        return self._context

    def as_seen_by(self, requester: Requester, *, request_id: str, at: int | None = None) -> View:
        """Return the records as `requester` may see them now (or at `at`, microseconds)."""
        self.context.parameters.fresh()
        return View(self.context, requester, request_id, self._clock() if at is None else at)

    def holds(self, type_: str, id_: str) -> bool:
        """Tell whether a resource exists: for the installation's own set-up, not for callers."""
        return self._store.exists(type_, id_)

    def ready(self) -> list[str]:
        """Return what keeps the server from serving: MongoDB away, or the consent proof failing."""
        try:
            self._store.ping()
            return self._prove()
        except FhirError as error:
            return [str(error)]

    def reviews(self) -> tuple[int, int]:
        """Return how many emergencies wait for review, and how long the oldest has, or 0.

        In microseconds; without a word about any record.
        """
        waiting = After(f"acl.{REVIEW}", 0)
        found = self._store.find("Task", waiting, sort=[(f"acl.{REVIEW}", False)], limit=1)
        if not found:
            return 0, 0
        return self._store.count("Task", waiting), self._clock() - found[0].acl[REVIEW]

    def _prove(self) -> list[str]:
        """Show that what nobody may see is seen by nobody, by query and by decision.

        The canary is planted and looked for inside a transaction that is then undone, so it
        never exists for anyone else.
        """
        seeing = self.as_seen_by(_STRANGER, request_id="self-test").seeing
        self._store.prepare_types([_CANARY.type])

        def look(unit: Unit) -> list[str]:
            unit.insert(_CANARY)
            known = seeing.known(_CANARY.type, seeing.sight(None))
            found = unit.find(_CANARY.type, all_of(Has("_id", _CANARY.id), known))
            raise _Undone(bool(found), seeing.knows(_CANARY))

        try:
            self._store.transact(look)
        except _Undone as proof:
            if not any(proof.args):
                return []
        return ["the consent self-test failed: a document that nobody may know is shown"]


class _Undone(Exception):
    """Leaves the proof's transaction without a trace; carries what was seen."""
