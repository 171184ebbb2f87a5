"""Which records a search can be about, so that only their policies need be read.

A scope only ever narrows what is looked at: the query itself still carries the whole predicate,
and a record that was left out of the scope is closed. Where a parameter may also point to a Group
or a Device, a resource about one of those is in no record, so the Patients alone are the scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fhir_server.definitions import compartment
from fhir_server.predicate import Has, OneOf, Predicate
from fhir_server.search.query import Clause, Hop, Leaf, Query

Candidates = Callable[[Clause], frozenset[str] | None]
"""Ids of the Patients that a clause on Patient selects, whoever asks; None for too many."""

_BY_PATIENT: Final = frozenset({"patient", "subject"})
_EXACT: Final = frozenset({"identifier", "_id"})
MOST: Final = 100


def patients(query: Query, candidates: Candidates) -> frozenset[str] | None:
    """Return the ids of the only records that `query` can find something in, or None for any."""
    scopes = [
        found
        for clause in query.clauses
        if (found := _of_clause(query.type, clause, candidates)) is not None
    ]
    return frozenset.intersection(*scopes) if scopes else None


def _of_clause(type_: str, clause: Clause, candidates: Candidates) -> frozenset[str] | None:
    if type_ == "Patient":
        exact = isinstance(clause, Leaf) and clause.code in _EXACT
        return candidates(clause) if exact else None
    if clause.code not in _BY_PATIENT or clause.code not in _speaking(type_):
        return None
    match clause:
        case Leaf(_, predicate):
            return _named(predicate)
        case Hop(_, _, {"Patient": Leaf() as inner}) if inner.code in _EXACT:
            return candidates(inner)
    return None


def _speaking(type_: str) -> frozenset[str]:
    """Return the parameters whose value, when it is a Patient, is the resource's record."""
    codes = compartment("Patient").get(type_, ())
    return frozenset({"patient"}) if "patient" in codes else frozenset({*codes, "patient"})


def _named(predicate: Predicate) -> frozenset[str] | None:
    match predicate:
        case Has(_, str() as value):
            values: tuple[object, ...] = (value,)
        case OneOf(_, values):
            pass
        case _:
            return None
    refs = [value for value in values if isinstance(value, str) and value.startswith("Patient/")]
    if not 0 < len(refs) <= MOST:
        return None
    return frozenset(ref.removeprefix("Patient/") for ref in refs)
