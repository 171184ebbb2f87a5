"""Validate resources against R4, https://hl7.org/fhir/R4/validation.html."""

from __future__ import annotations

from typing import Any

from fhir_server.fhir.errors import Issue
from fhir_server.validation.models import second_reading
from fhir_server.validation.report import Report
from fhir_server.validation.structure import check_resource

__all__ = ["validate"]


def validate(resource: dict[str, Any], resource_type: str, *, models: bool = True) -> list[Issue]:
    """Return every fault of `resource`, which should be of `resource_type`; none when it is valid.

    The element tables judge first; where they find nothing the model of the type, if R4B shares
    it, reads a second time (`models`), which takes some 450 us more for 5 KB. Raises nothing.
    Does *not* look at profiles, nor at whether the targets of references exist.
    """
    found = resource.get("resourceType")
    if found != resource_type:
        return [Issue("invalid", f"a resource of type {resource_type} expected", "resourceType")]
    report = Report()
    check_resource(resource, (None, resource_type, -1), report)
    if report.issues or not models:
        return report.issues
    return second_reading(resource, resource_type)
