"""Judge the invariants of R4 at each place where their type stands.

https://hl7.org/fhir/R4/conformance-rules.html#constraints and
https://hl7.org/fhir/R4/fhirpath.html#variables

One walk over the resource, the types known from the element tables. A type's constraints are
compiled when the first value of it comes (`invariants_compile.py`); which are skipped, and which
are read otherwise than R4 writes them, is in `invariants_readings.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from fhir_server.definitions import (
    PRIMITIVES,
    Constraint,
    Element,
    child,
    constraints,
    elements,
)
from fhir_server.fhir.errors import Issue
from fhir_server.validation.invariants_compile import (
    ExpressionError,
    Scope,
    Test,
    compile_constraint,
)
from fhir_server.validation.invariants_contained import all_referred_to, has_narrative
from fhir_server.validation.invariants_readings import COVERED, EXEMPT, NATIVE, READINGS
from fhir_server.validation.report import MAX_ISSUES, Place, expression

# What evaluation may meet: an answer is then neither yes nor no, and never a fault of the server.
_FAILURES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_NATIVE: Final[dict[str, Test]] = {"dom-3": all_referred_to, "dom-6": has_narrative}


@dataclass(slots=True)
class _Visit:
    """The walk so far: where it is, and what it found."""

    scope: Scope
    warnings: bool
    issues: list[Issue] = field(default_factory=list)

    def judge(self, rule: _Rule, value: Any, place: Place) -> None:
        """Note that `rule` isn't met by `value`, or that it can't be told."""
        constraint = rule.constraint
        try:
            if rule.test(value, self.scope) is True:
                return
        except _FAILURES:
            what = f"{constraint.key} could not be evaluated: `{constraint.expression}`"
            if self.warnings:
                self._add("not-supported", what, place, "warning")
            return
        what = f"{constraint.key} is not met: `{constraint.expression}`"
        self._add("invariant", what, place, constraint.severity)

    def _add(self, code: str, diagnostics: str, place: Place, severity: str) -> None:
        if len(self.issues) < MAX_ISSUES:
            self.issues.append(Issue(code, diagnostics, expression(place), severity))


@dataclass(frozen=True, slots=True)
class _Rule:
    constraint: Constraint
    test: Test


# Judges a value that stands at a place, and all that is in it.
_Check = Callable[[Any, Place, _Visit], None]


def check_invariants(
    resource: dict[str, Any], resource_type: str, *, warnings: bool = False
) -> list[Issue]:
    """Return the invariants that `resource`, whose structure is sound, doesn't meet.

    Without `warnings` those of R4 with that severity aren't looked at. At most `MAX_ISSUES` come.
    """
    visit = _Visit(Scope(resource, resource), warnings)
    _object_check(resource_type, warnings)(resource, (None, resource_type, -1), visit)
    return visit.issues


def rules(type_path: str, value_type: str, *, warnings: bool) -> Iterator[_Rule]:
    """Yield what is to be tested of `type_path` on its own, compiled for values of `value_type`."""
    for constraint in constraints(type_path):
        skipped = constraint.key in COVERED or constraint.key in EXEMPT
        if not skipped and (warnings or constraint.severity == "error"):
            yield _Rule(constraint, _test(constraint, value_type))


def _test(constraint: Constraint, value_type: str) -> Test:
    if constraint.key in NATIVE:
        return _NATIVE[constraint.key]
    reading = READINGS.get(constraint.expression)
    written = reading.expression if reading else constraint.expression
    try:
        return compile_constraint(written, value_type)
    except ExpressionError as error:
        reason = str(error)

        def unsupported(this: Any, scope: Scope) -> bool | None:
            raise ExpressionError(reason)

        return unsupported


@cache
def _object_check(type_path: str, warnings: bool) -> _Check:
    """Return the check of an object of `type_path`, compiled when the first one comes."""
    own = tuple(rules(type_path, type_path, warnings=warnings))
    members = _members(type_path, warnings)

    def check(value: Any, place: Place, visit: _Visit) -> None:
        if own:
            visit.scope.context = value
            for rule in own:
                visit.judge(rule, value, place)
        for name, item in value.items():
            member = members.get(name)
            if member is None:
                continue
            if type(item) is not list:
                member(item, (place, name.removeprefix("_"), -1), visit)
                continue
            for index, one in enumerate(item):
                if one is not None:
                    member(one, (place, name.removeprefix("_"), index), visit)

    return check


def _members(type_path: str, warnings: bool) -> dict[str, _Check]:
    """Return the check of each member in JSON that an invariant may concern."""
    found: dict[str, _Check] = {}
    for element in elements(type_path).values():
        for json_name in dict.fromkeys(element.json_name(t.code) for t in element.types):
            known = child(type_path, json_name)
            if known:
                found.update(_member(type_path, element, json_name, known[1], warnings))
        if element.content:
            found[element.name] = _later(element.content, warnings)
    return found


def _member(
    type_path: str, element: Element, json_name: str, code: str, warnings: bool
) -> Iterator[tuple[str, _Check]]:
    path = f"{type_path}.{element.name}"
    # A backbone element has its constraints from its own path, others beside those of the type.
    own = () if code == path else tuple(rules(path, code, warnings=warnings))
    if code in PRIMITIVES:
        if own:
            yield json_name, _with(own, None)
        if not element.attribute:
            yield f"_{json_name}", _later("Element", warnings)
        return
    inner = _contained if element.name == "contained" else _resource
    check = inner if code == "Resource" else _later(code, warnings)
    yield json_name, _with(own, check) if own else check


def _later(type_path: str, warnings: bool) -> _Check:
    """Check what is of `type_path`: compiled when it is met, because types hold themselves."""

    def check(value: Any, place: Place, visit: _Visit) -> None:
        _object_check(type_path, warnings)(value, place, visit)

    return check


def _with(own: tuple[_Rule, ...], inner: _Check | None) -> _Check:
    """Judge the rules of an element before those of its type."""

    def check(value: Any, place: Place, visit: _Visit) -> None:
        visit.scope.context = value
        for rule in own:
            visit.judge(rule, value, place)
        if inner is not None:
            inner(value, place, visit)

    return check


def _contained(value: Any, place: Place, visit: _Visit) -> None:
    """Judge a contained resource: it is `%resource`, its container `%rootResource`."""
    _within(value, place, visit, visit.scope.root)


def _resource(value: Any, place: Place, visit: _Visit) -> None:
    """Judge a resource of a Bundle or of Parameters, which stands for itself."""
    _within(value, place, visit, value)


def _within(value: Any, place: Place, visit: _Visit, root: Any) -> None:
    outer = visit.scope
    visit.scope = Scope(value, root)
    _object_check(value["resourceType"], visit.warnings)(value, place, visit)
    visit.scope = outer
