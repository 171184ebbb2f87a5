"""Which records a search can be about, so that only their policies need be read.

A scope only ever narrows what is looked at: the query itself still carries the whole predicate,
and a record that was left out of the scope is closed. Where a parameter may also point to a Group
or a Device, a resource about one of those is in no record, so the Patients alone are the scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from fhir_server.definitions import child, compartment, search_parameters
from fhir_server.predicate import Has, OneOf, Predicate
from fhir_server.search.clauses import AllOf, AnyOf, Clause, Hop, Leaf
from fhir_server.search.paths import ways

Candidates = Callable[[Clause], frozenset[str] | None]
"""Ids of the Patients that a clause on Patient selects, whoever asks; None for too many."""

_BY_PATIENT: Final = frozenset({"patient", "subject"})
_EXACT: Final = frozenset({"identifier", "_id"})
MOST: Final = 100
NOBODY: Final = frozenset({""})
"""The record of no patient: asked for where there is none, so that as much is asked (L46)."""


def patients(
    type_: str, clauses: Iterable[Clause], candidates: Candidates
) -> frozenset[str] | None:
    """Return the ids of the only records that a search can find something in, or None for any."""
    scopes = [
        found for clause in clauses if (found := _of_clause(type_, clause, candidates)) is not None
    ]
    return frozenset.intersection(*scopes) if scopes else None


def _of_clause(type_: str, clause: Clause, candidates: Candidates) -> frozenset[str] | None:
    match clause:
        case AnyOf(parts):
            return _of_any([patients(type_, (part,), candidates) for part in parts])
        case AllOf(parts):
            return patients(type_, parts, candidates)
        case Leaf(code, predicate):
            if type_ == "Patient":
                return candidates(clause) if code in _EXACT else None
            return _named(predicate) if speaks(type_, code) else None
        case Hop(code, _, {"Patient": Leaf() as inner}) if inner.code in _EXACT:
            return candidates(inner) if speaks(type_, code) else None
    return None


def _of_any(scopes: list[frozenset[str] | None]) -> frozenset[str] | None:
    """Join the records of alternatives, when each has some."""
    found = [scope for scope in scopes if scope is not None]
    return frozenset().union(*found) if found and len(found) == len(scopes) else None


def speaks(type_: str, code: str) -> bool:
    """Tell whether a Patient that `code` of a `type_` points to is the record it belongs to."""
    return type_ != "Patient" and code in _BY_PATIENT and code in _speaking(type_)


def _speaking(type_: str) -> frozenset[str]:
    """Return the parameters whose value, when it is a Patient, is the resource's record."""
    codes = compartment("Patient").get(type_, ())
    return frozenset({"patient"}) if "patient" in codes else frozenset({*codes, "patient"})


@lru_cache(maxsize=256)
def about_one(type_: str) -> bool:
    """Tell whether a resource of `type_` names one patient at the most, by its `patient`."""
    known = search_parameters(type_).get("patient")
    found = ways(known.expression, type_) if known else ()
    if len(found) != 1 or len(found[0]) != 1:
        return False
    element = child(type_, found[0][0])
    return element is not None and not element[0].repeats


def _named(predicate: Predicate) -> frozenset[str] | None:
    match predicate:
        # A logical identifier is no address, whatever it looks like.
        case Has(name, str() as value) if not name.endswith(":identifier"):
            values: tuple[object, ...] = (value,)
        case OneOf(name, values) if not name.endswith(":identifier"):
            pass
        case _:
            return None
    refs = [value for value in values if isinstance(value, str) and value.startswith("Patient/")]
    if not 0 < len(refs) <= MOST:
        return None
    return frozenset(ref.removeprefix("Patient/") for ref in refs)
