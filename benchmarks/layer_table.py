"""Which functions of the server make up which layer of a profile.

The names are looked up where they are called from. One that is gone ends the profile, and a test
says so sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

OTHER: Final = "HTTP, routing, the rest"
_STORE: Final = "fhir_server.store.mongo.store"
_UNIT: Final = "fhir_server.store.mongo.unit"
_WRITING: Final = "fhir_server.records.writing"

BOTH: Final = (
    ("token", "fhir_server.identity.tokens", "TokenReader.read"),
    ("policy look-up", "fhir_server.records.sights", "Sights.of"),
    ("policy look-up", _STORE, "MongoStore.policy_versions"),
    ("policy look-up", _STORE, "MongoStore.policies"),
    ("consent predicate", "fhir_server.records.seeing", "Seeing.known"),
    ("consent predicate", "fhir_server.records.seeing", "Seeing.knows"),
    ("consent predicate", "fhir_server.records.seeing", "Seeing.hidden_in"),
    ("consent predicate", "fhir_server.consent.engine", "Sight.rules_used"),
    ("predicate to query", _STORE, "to_query"),
    ("data query", _STORE, "MongoStore.get"),
    ("data query", _STORE, "MongoStore.find"),
    ("data query", _STORE, "MongoStore.count"),
    ("audit event building", "fhir_server.records.trace", "Tracer.entries"),
)
READING: Final = (
    ("query reading", "fhir_server.interactions.search", "read_query"),
    ("audit commit", "fhir_server.audit.log", "AccessLog.commit"),
    ("bundle writing", "fhir_server.interactions.search", "searchset"),
)
WRITING: Final = (
    ("body parsing", "fhir_server.interactions.bodies", "parse"),
    ("body parsing", "fhir_server.interactions.transaction", "parse"),
    ("structure tables", "fhir_server.validation", "check_resource"),
    ("invariants", "fhir_server.validation", "check_invariants"),
    ("links of a bundle", "fhir_server.interactions.links", "resolve"),
    ("index extraction", _WRITING, "index"),
    ("consent facts", _WRITING, "consent_facts"),
    ("stamping", _WRITING, "stamp"),
    ("authority", "fhir_server.records.authority", "create"),
    ("authority", "fhir_server.records.authority", "touch"),
    ("authority", "fhir_server.records.authority", "update"),
    ("effects", "fhir_server.records.effects", "Effects.prepared"),
    ("effects", "fhir_server.records.effects", "Effects.written"),
    ("transaction: reads", _UNIT, "Unit.get"),
    ("transaction: reads", _UNIT, "Unit.find"),
    ("transaction: reads", _UNIT, "Unit.last"),
    ("transaction: writes", _UNIT, "Unit.flush"),
    ("transaction: writes", _UNIT, "Unit.insert"),
    ("transaction: writes", _UNIT, "Unit.append"),
    ("transaction: writes", _UNIT, "Unit.replace"),
    ("transaction: writes", _UNIT, "Unit.set_acl"),
    ("transaction: commit", "pymongo.client_session", "ClientSession.commit_transaction"),
    ("transaction: the rest", _STORE, "MongoStore.transact"),
)
LAYERS: Final = (*BOTH, *READING, *WRITING)


@dataclass(frozen=True, slots=True)
class Timed:
    """One function of a layer, and where it hangs."""

    layer: str
    holder: Any
    name: str

    @property
    def call(self) -> Callable[..., Any]:
        """Return the function as it hangs there now."""
        found: Callable[..., Any] = getattr(self.holder, self.name)
        return found


def timed_functions() -> list[Timed]:
    """Find every function of `LAYERS`. Raises AttributeError for one that is gone."""
    found = []
    for layer, module, path in LAYERS:
        holder: Any = import_module(module)
        *names, last = path.split(".")
        for name in names:
            holder = getattr(holder, name)
        if not hasattr(holder, last):
            raise AttributeError(f"layer `{layer}`: {module} has no `{path}` any more")
        found.append(Timed(layer, holder, last))
    return found
