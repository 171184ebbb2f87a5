"""`fhir-server policy lint`: what is wrong, or has no effect, in the policy of an installation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from fhir_server.consent import facts
from fhir_server.consent.linting import Finding, lint_matrix, lint_rule_sets
from fhir_server.consent.linting_consents import lint_record
from fhir_server.consent.policy import from_json
from fhir_server.console.database import reachable
from fhir_server.console.policy_files import codes, matrices, rule_set_entries
from fhir_server.data import mappings_dir
from fhir_server.fhir.json import parse
from fhir_server.predicate import ALWAYS, one_of
from fhir_server.records.governance_lint import lint_governance
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import check_topology, connect
from fhir_server.store.mongo.store import MongoStore

_AT_ONCE: Final = 500
"""Records whose Consents are read at once."""


def lint_tables() -> Iterator[Finding]:
    """Yield findings on the matrices, the rule sets and the governance table of `mappings/`."""
    known = codes()
    found = list(matrices())
    for file, _ in found:
        yield from lint_matrix(file, known)
    try:
        entries = rule_set_entries()
    except (ValueError, TypeError) as error:
        yield Finding(True, "rulesets.json", f"can't be read: {error}")
    else:
        today = datetime.now(UTC).date().isoformat()
        yield from lint_rule_sets(entries, {file.name: matrix for file, matrix in found}, today)
    text = mappings_dir().joinpath("governance.json").read_text(encoding="utf-8")
    yield from lint_governance(text, known.types)


def lint_stored(settings: Settings) -> Iterator[Finding]:
    """Yield findings on the Consents that are stored; changes nothing.

    Raises ConfigurationError or Unavailable when there is no database to read.
    """
    types = codes().types
    at = time.time_ns() // 1000
    with reachable(settings) as uri, connect(uri) as client:
        check_topology(client)
        store = MongoStore(client, settings.database)
        patients = sorted(store.ids("Patient", ALWAYS))
        for start in range(0, len(patients), _AT_ONCE):
            yield from _records(store, patients[start : start + _AT_ONCE], at, types)


def _records(
    store: MongoStore, patients: Sequence[str], at: int, types: Sequence[str]
) -> Iterator[Finding]:
    speaking: set[str] = set()
    for row in store.policies(one_of("_id", patients)):
        policy = from_json(row.patient, row.version, row.body)
        speaking.update(consent.id for consent in policy.consents)
        yield from lint_record(policy, at, types)
    for stored in store.find("Consent", one_of(f"acl.{facts.PATIENT}", patients)):
        if stored.id not in speaking and parse(stored.raw).resource.get("status") == "active":
            words = "is active and says nothing here: look at `scope`, `provision`, `verification`"
            yield Finding(False, stored.ref, words)
