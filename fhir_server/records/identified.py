"""Which Patients a search can be about: those that bear an identifier, whoever asks.

What is found here is told to nobody. It says whose policies are read, and its facts are decided
one by one before a hop goes on from it (`records/hops.py`). Concurrent requests share a round trip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fhir_server.predicate import Has, Predicate
from fhir_server.records.scope import MOST
from fhir_server.search.registry import field
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.together import Together

Facts = Mapping[str, Any]
IDENTIFIER: Final = field("identifier")


class Identified:
    """Looks Patients up; one a process."""

    def __init__(self, store: MongoStore) -> None:
        """Look in `store`."""
        self._store = store
        self._asked: Together[str, dict[str, dict[str, Facts]] | None] = Together(self._together)

    def of(self, predicate: Predicate) -> dict[str, Facts]:
        """Return the facts by id of the Patients in which `predicate` holds, `MOST` and one more."""
        match predicate:
            case Has(name, str() as value) if name == IDENTIFIER:
                found = self._asked.do((value,))
                if found is not None:
                    return found.get(value, {})
        return self._store.facts("Patient", predicate, limit=MOST + 1)

    def _together(self, values: Sequence[str]) -> dict[str, dict[str, Facts]] | None:
        """Return the Patients of each of `values`; None where they are too many to be sure."""
        return self._store.facts_by("Patient", IDENTIFIER, values, limit=MOST)
