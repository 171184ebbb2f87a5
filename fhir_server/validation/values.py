"""Compile what one member of an object must be: a primitive or an object, one or an array.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.validation.primitives import Test
from fhir_server.validation.report import Place, Report

# Judges an object that stands at a place.
ObjectCheck = Callable[[dict[str, Any], Place, Report], None]
# Judges the value of a member of `owner`, which stands at a place.
MemberCheck = Callable[[Any, dict[str, Any], Place, Report], None]


def _array(value: Any, limit: int | None, place: Place, report: Report) -> bool:
    """Say whether `value` is an array that can be looked into; note what is wrong with it."""
    if type(value) is not list:
        report.add("structure", "an array expected", place)
        return False
    if not value:
        report.add("structure", "an array must not be empty", place)
    if limit is not None and len(value) > limit:
        report.add("structure", f"at most {limit} items are allowed", place)
    return True


def one_primitive(name: str, test: Test) -> MemberCheck:
    """Check a primitive that stands once."""

    def check(value: Any, owner: dict[str, Any], place: Place, report: Report) -> None:
        if fault := test(value):
            report.add(fault.code, fault.diagnostics, (place, name, -1))

    return check


def many_primitives(name: str, json_name: str, test: Test, limit: int | None) -> MemberCheck:
    """Check an array of primitives; null stands where only the sibling `_name` says something."""
    sibling = f"_{json_name}"

    def check(value: Any, owner: dict[str, Any], place: Place, report: Report) -> None:
        if not _array(value, limit, (place, name, -1), report):
            return
        for index, item in enumerate(value):
            if item is not None:
                if fault := test(item):
                    report.add(fault.code, fault.diagnostics, (place, name, index))
                continue
            others = owner.get(sibling)
            alone = type(others) is not list or index >= len(others) or others[index] is None
            if alone:
                report.add("structure", "null is not a value", (place, name, index))

    return check


def one_object(name: str, inner: ObjectCheck) -> MemberCheck:
    """Check an object that stands once."""

    def check(value: Any, owner: dict[str, Any], place: Place, report: Report) -> None:
        if type(value) is dict:
            inner(value, (place, name, -1), report)
        else:
            report.add("structure", "an object expected", (place, name, -1))

    return check


def many_objects(name: str, inner: ObjectCheck, limit: int | None) -> MemberCheck:
    """Check an array of objects."""

    def check(value: Any, owner: dict[str, Any], place: Place, report: Report) -> None:
        if not _array(value, limit, (place, name, -1), report):
            return
        for index, item in enumerate(value):
            if type(item) is dict:
                inner(item, (place, name, index), report)
            else:
                report.add("structure", "an object expected", (place, name, index))

    return check


def siblings(name: str, json_name: str, inner: ObjectCheck) -> MemberCheck:
    """Check `_name` beside an array of primitives: as long as it, with null for nothing to say."""

    def check(value: Any, owner: dict[str, Any], place: Place, report: Report) -> None:
        here = (place, name, -1)
        if not _array(value, None, here, report):
            return
        primitives = owner.get(json_name)
        if type(primitives) is list and len(primitives) != len(value):
            report.add("structure", f"`{json_name}` and `_{json_name}` differ in length", here)
        for index, item in enumerate(value):
            if type(item) is dict:
                inner(item, (place, name, index), report)
            elif item is not None:
                report.add("structure", "an object or null expected", (place, name, index))
        if value and all(item is None for item in value):
            report.add("structure", f"`_{json_name}` says nothing", here)

    return check
