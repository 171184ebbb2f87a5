"""Compartments as clauses: https://hl7.org/fhir/R4/compartmentdefinition.html."""

from __future__ import annotations

from fhir_server.definitions import compartment
from fhir_server.predicate import Has
from fhir_server.search.clauses import AnyOf, Clause, Leaf
from fhir_server.search.registry import field, indexed, parameter


def inside(owner: str, id_: str, type_: str) -> Clause:
    """Return what a `type_` in the compartment of `owner/id_` fulfils; that resource is in it."""
    codes = dict.fromkeys(compartment(owner).get(type_, ()))
    if type_ == owner:
        codes["_id"] = None
    known = indexed(type_)
    parts = tuple(
        Leaf(
            parameter(type_, code).code,
            Has(field(code), id_ if code == "_id" else f"{owner}/{id_}"),
        )
        for code in codes
        if code in known  # and being indexed: refused (L55), it is not left out
    )
    return parts[0] if len(parts) == 1 else AnyOf(parts)
