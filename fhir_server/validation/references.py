"""Test where a Reference leads: https://hl7.org/fhir/R4/references.html."""

from __future__ import annotations

from typing import Any

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.references import Kind, parse_reference
from fhir_server.validation.report import Place, Report, quoted


def check_target(
    value: dict[str, Any], targets: frozenset[str], place: Place, report: Report
) -> None:
    """Note a reference to a type that is not among `targets` (empty: any) or to nothing.

    The type is taken from `reference` and from `type`; a logical reference without both passes.
    """
    text, stated = value.get("reference"), value.get("type")
    found = ""
    if isinstance(text, str):
        reference = parse_reference(text, "")
        found = reference.type
        if reference.kind is Kind.CONTAINED and reference.id:
            contained = report.contained.get(reference.id)
            if contained is None:
                report.add("value", f"no contained resource has the id {quoted(text)}", place)
            else:
                found = contained
        elif reference.kind is Kind.RELATIVE and found not in RESOURCE_TYPES:
            report.add("value", f"{quoted(text)} does not name a resource type", place)
            return
    for type_ in (found, stated):
        if not targets or not isinstance(type_, str) or type_ not in RESOURCE_TYPES:
            continue
        if type_ not in targets:
            wanted = ", ".join(sorted(targets))
            report.add("value", f"a reference to {type_} is not allowed here: {wanted}", place)
            return
    if found and isinstance(stated, str) and stated in RESOURCE_TYPES and found != stated:
        report.add("value", f"the reference names {found}, its type {quoted(stated)}", place)
