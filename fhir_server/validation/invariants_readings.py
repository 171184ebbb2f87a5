"""Which constraints of R4 are judged elsewhere, and which are not taken as they are written.

An invariant is met when it is true; false and empty both break it, as in HL7's own validator.
Some expressions of R4 say with that less or more than the sentence beside them.

https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from typing import Final, NamedTuple

COVERED: Final = {
    "ele-1": "structure.py refuses empty objects, values.py empty arrays",
    "ext-1": "structure.py tests every extension, inside primitives too",
    "dom-2": "structure.py tests contained resources",
    "dom-4": "structure.py tests contained resources",
    "dom-5": "structure.py tests contained resources",
    "ref-1": "references.py looks up each `#id`; `#` alone is the container, as R4B mended it",
    "txt-1": "narrative.py reads the XHTML: no FHIRPath can (htmlChecks)",
    "txt-2": "narrative.py reads the XHTML: no FHIRPath can (htmlChecks)",
}
"""Constraints that the structural checks apply, by key, with the place."""

NATIVE: Final = {
    "dom-6": "not asked of contained resources: their narrative is their container's",
    "dom-3": "`as()` on all descendants is an error in FHIRPath; invariants_contained.py does it",
}
"""Constraints written in Python."""

EXEMPT: Final = {
    "cid-0": "ChargeItemDefinition has no `name` in R4",
}
"""Constraints that R4 itself has wrong and that no reading saves, by key."""


class Reading(NamedTuple):
    """The expression evaluated instead, and why."""

    expression: str
    reason: str


READINGS: Final = {
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": Reading(
        "name.empty() or name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
        "the form of a name is judged where there is one; R4B says so (cnl-0)",
    ),
    "fullUrl.contains('/_history/').not()": Reading(
        "fullUrl.empty() or fullUrl.contains('/_history/').not()",
        "`fullUrl` is optional (bdl-8)",
    ),
    "clinicalStatus.exists() or verificationStatus.coding.where(system="
    "'http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error')"
    ".exists() or category.select($this='problem-list-item').empty()": Reading(
        "clinicalStatus.exists() or verificationStatus.coding.where(system="
        "'http://terminology.hl7.org/CodeSystem/condition-ver-status' and code ="
        " 'entered-in-error').exists() or category.coding.where(code='problem-list-item').empty()",
        "a concept never equals a string, and `select` drops no item (con-3)",
    ),
    "onBehalfOf.exists() implies (member.resolve().iif(empty(), true,"
    " ofType(Practitioner).exists()))": Reading(
        "onBehalfOf.exists() implies member.resolve().all($this is Practitioner)",
        "the same; what is nowhere said to be of another type passes (ctm-1)",
    ),
    "probability is decimal implies (probability as decimal) <= 100": Reading(
        "probability.empty() or (probability is decimal implies (probability as decimal) <= 100)",
        "`probability` is optional, and `is` of nothing is empty (ras-2)",
    ),
}
"""Other readings, by the expression in R4."""
