"""The invariants of R4: https://hl7.org/fhir/R4/conformance-rules.html#constraints.

The table lists each where it is defined; a type has those of what it specialises too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fhir_server.definitions.tables import table
from fhir_server.definitions.types import ancestry


@dataclass(frozen=True, slots=True)
class Constraint:
    """An `expression` in FHIRPath that is true at each `path`, a type or an element.

    `key` is unique within a type only (`inv-1` is four constraints). `severity` is error or
    warning. R4 writes elements of several types as in `RiskAssessment.prediction.probability`.
    """

    path: str
    key: str
    severity: str
    expression: str


@lru_cache(maxsize=2048)  # bounded, since a caller may ask for names that don't exist
def constraints(type_path: str) -> tuple[Constraint, ...]:
    """Return the constraints of a type, a backbone path or an element path; none for the unknown.

    Those of `DomainResource` come with every resource that is one, those of `Quantity` with
    `Age`. What backbone elements have of `Element` (ele-1) isn't repeated for them.
    """
    return tuple(
        Constraint(path, *row)
        for path in ancestry(type_path)
        for row in table("constraints").get(path, ())
    )
