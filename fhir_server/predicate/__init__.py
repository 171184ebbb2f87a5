"""The only query language in the house: a tiny algebra over facts, and its meaning.

A predicate is data. `holds` reads it on one set of facts; `fhir_server.store.mongo.query` turns
the same value into a database query. The two agree by test (`tests/property`), which is what lets
a rule decide one document and filter a million with the same line.
"""

from fhir_server.predicate.algebra import (
    ALWAYS,
    EARTH_RADIUS,
    NEVER,
    After,
    All,
    Always,
    Any,
    Before,
    Contains,
    Ends,
    Has,
    Near,
    Never,
    Not,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Scalar,
    Some,
    Unlike,
    all_of,
    any_of,
    negate,
    one_of,
    under,
)
from fhir_server.predicate.joining import joined
from fhir_server.predicate.meaning import holds
from fhir_server.predicate.prepared import prepared

__all__ = [
    "ALWAYS",
    "EARTH_RADIUS",
    "NEVER",
    "After",
    "All",
    "Always",
    "Any",
    "Before",
    "Contains",
    "Ends",
    "Has",
    "Near",
    "Never",
    "Not",
    "OneOf",
    "Predicate",
    "Prefix",
    "Present",
    "Scalar",
    "Some",
    "Unlike",
    "all_of",
    "any_of",
    "holds",
    "joined",
    "negate",
    "one_of",
    "prepared",
    "under",
]
