"""Test codes against required bindings: https://hl7.org/fhir/R4/terminologies.html#required."""

from __future__ import annotations

from typing import Any

from fhir_server.definitions import value_set, value_set_by_system
from fhir_server.validation.primitives import Fault, Test
from fhir_server.validation.report import Place, Report, quoted
from fhir_server.validation.values import ObjectCheck


def bound_code(test: Test, url: str | None) -> Test:
    """Add to the test of a `code` that it is one of the value set `url`, if that can be listed."""
    codes = value_set(url) if url else None
    if codes is None:
        return test

    def bound(value: Any) -> Fault | None:
        if type(value) is str and value in codes:
            return None
        return test(value) or Fault(f"{quoted(value)} is not a code of {url}", "code-invalid")

    return bound


def bound_concept(inner: ObjectCheck, url: str | None) -> ObjectCheck:
    """Add to the check of a CodeableConcept that one coding is of the value set `url`.

    A concept of which only an extension is known (why it is absent) passes.
    """
    systems = value_set_by_system(url) if url else None
    if systems is None:
        return inner

    def bound(value: dict[str, Any], place: Place, report: Report) -> None:
        inner(value, place, report)
        codings = value.get("coding")
        for coding in codings if type(codings) is list else ():
            if type(coding) is dict:
                system, code = coding.get("system"), coding.get("code")
                if type(system) is str and type(code) is str and code in systems.get(system, ()):
                    return
        if codings or "text" in value:
            report.add("code-invalid", f"no coding is of {url}", place)

    return bound
