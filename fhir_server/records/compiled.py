"""A record's policy compiled from somewhere else than the present: the past, or what is supposed.

The compiler is the one that stores policies (`policies`), so a rule about who is linked or what a
Consent says has no second reading here. What it would store is taken instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from fhir_server.consent.policy import RecordPolicy, from_json
from fhir_server.predicate import Predicate
from fhir_server.records.context import Context
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import PolicyRow, Row


class Source(Protocol):
    """Where a policy is read from."""

    def get(self, type_: str, id_: str) -> Row | None:
        """Return the version in force, or None."""

    def find(self, type_: str, predicate: Predicate) -> list[Row]:
        """Return the rows in which `predicate` holds, by id."""


def compiled(context: Context, source: Source, patient: str) -> RecordPolicy | None:
    """Return what record `patient` says of itself in `source`; None when there is no such record."""
    taken = _Taken(source)
    context.policies.compile(cast(Unit, taken), patient)
    row = taken.policy
    return None if row is None else from_json(patient, row.version, row.body)


class _Taken:
    """As much of a `Unit` as a compiler uses; what is put is taken, and nothing is written."""

    def __init__(self, source: Source) -> None:
        self.get = source.get
        self.find = source.find
        self.policy: PolicyRow | None = None

    def put_policy(self, policy: PolicyRow, *, is_new: bool = False) -> None:
        self.policy = policy

    def drop_policy(self, patient: str) -> None:
        self.policy = None

    def share(self, refs: Iterable[str]) -> None:
        """Do nothing: what writes nothing meets no other write."""

    def pin(self, refs: Iterable[str]) -> None:
        """Do nothing, as `share`."""
