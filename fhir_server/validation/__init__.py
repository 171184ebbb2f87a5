"""Validate resources against R4, https://hl7.org/fhir/R4/validation.html."""

from __future__ import annotations

from typing import Any

from fhir_server.fhir.errors import Issue
from fhir_server.validation.invariants import check_invariants
from fhir_server.validation.models import second_reading
from fhir_server.validation.report import Report
from fhir_server.validation.structure import check_resource

__all__ = ["validate"]


def validate(
    resource: dict[str, Any],
    resource_type: str,
    *,
    models: bool = False,
    invariants: bool = True,
    warnings: bool = False,
) -> list[Issue]:
    """Return every fault of `resource`, which should be of `resource_type`; none when it is valid.

    The element tables judge first. Where they find nothing the invariants of R4 do (`invariants`),
    and, if asked, the model of the type that R4B shares reads a second time (`models`). With `warnings`
    come also, as issues of that severity, the invariants that R4 only recommends and those that
    could not be evaluated; without it every issue is an error. Raises nothing. Does *not* look at
    profiles, nor at whether the targets of references exist.
    """
    found = resource.get("resourceType")
    if found != resource_type:
        return [Issue("invalid", f"a resource of type {resource_type} expected", "resourceType")]
    report = Report()
    check_resource(resource, (None, resource_type, -1), report)
    issues = report.issues
    if issues:
        return issues
    if invariants:
        issues += check_invariants(resource, resource_type, warnings=warnings)
    if models:
        issues += second_reading(resource, resource_type)
    return issues
