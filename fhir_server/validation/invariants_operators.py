"""The operators of FHIRPath: http://hl7.org/fhirpath/N1/#operations.

Each takes two compiled operands and `shared`, which is given where the right operand is the
same for every `$this`. `a contains b` is compiled as `b in a`, `is` and `as` as functions.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, Protocol

from fhir_server.validation.invariants_compiled import (
    Branch,
    Compiled,
    Condition,
    Path,
    Scope,
    Shared,
    as_path,
    as_test,
    keys_of,
)
from fhir_server.validation.invariants_values import (
    EvaluationError,
    distinct,
    equal,
    is_number,
    keys,
    precedes,
    single,
)

_CALENDAR: Final = frozenset({"date", "dateTime", "instant"})


class Operator(Protocol):
    """Join two operands."""

    def __call__(self, left: Compiled, right: Compiled, shared: Shared | None) -> Compiled:
        """Return what they compile to."""


def _or(left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    one, other = as_test(left), as_test(right)

    def test(this: Any, scope: Scope) -> bool | None:
        first = one(this, scope)
        if first:
            return True
        second = other(this, scope)
        return second if second or first is False else None

    return Condition(test)


def _and(left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    one, other = as_test(left), as_test(right)

    def test(this: Any, scope: Scope) -> bool | None:
        first = one(this, scope)
        if first is False:
            return False
        second = other(this, scope)
        return second if first or second is False else None

    return Condition(test)


def _xor(left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    one, other = as_test(left), as_test(right)

    def test(this: Any, scope: Scope) -> bool | None:
        first, second = one(this, scope), other(this, scope)
        return None if first is None or second is None else first is not second

    return Condition(test)


def _implies(left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    one, other = as_test(left), as_test(right)

    def test(this: Any, scope: Scope) -> bool | None:
        first = one(this, scope)
        if first is False:
            return True
        second = other(this, scope)
        return second if first or second else None

    return Condition(test)


def _equals(wanted: bool, left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    one, other = as_path(left).fetch, as_path(right).fetch

    def test(this: Any, scope: Scope) -> bool | None:
        found = one(this, scope)
        if not found:
            return None
        answer = equal(found, other(this, scope))
        return None if answer is None else answer is wanted

    return Condition(test)


def _ordered(operator: str, left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    one, other = as_path(left), as_path(right)
    if operator[0] == ">":
        one, other = other, one
    dates = all(branch.type in _CALENDAR for path in (one, other) for branch in path.branches)
    before, after, strictly = one.fetch, other.fetch, len(operator) == 1

    def test(this: Any, scope: Scope) -> bool | None:
        first, second = single(before(this, scope)), single(after(this, scope))
        if first is None or second is None:
            return None
        return precedes(first, second, strictly=strictly, dates=dates)

    return Condition(test)


def _in(left: Compiled, right: Compiled, shared: Shared | None) -> Condition:
    """Test membership; several on the left must all be members, as in HL7's own validator."""
    one, others = as_path(left).fetch, keys_of(as_path(right).fetch, shared)

    def test(this: Any, scope: Scope) -> bool | None:
        found = one(this, scope)
        return keys(found) <= others(this, scope) if found else None

    return Condition(test)


def _union(left: Compiled, right: Compiled, shared: Shared | None) -> Path:
    """Merge without duplicates; only values of the same type can be equal."""
    found: dict[str, list[Branch]] = {}
    for branch in (*as_path(left).branches, *as_path(right).branches):
        found.setdefault(branch.type, []).append(branch)
    return Path(tuple(_merged(type_, Path(tuple(same))) for type_, same in found.items()))


def _merged(type_: str, path: Path) -> Branch:
    fetch = path.fetch
    return Branch(type_, lambda this, scope: distinct(fetch(this, scope)), path.members)


def _text(values: list[Any]) -> str:
    value = single(values)
    if value is not None and not isinstance(value, str):
        raise EvaluationError("a string expected")
    return value or ""


def _joined(left: Compiled, right: Compiled, shared: Shared | None) -> Path:
    one, other = as_path(left).fetch, as_path(right).fetch

    def fetch(this: Any, scope: Scope) -> list[Any]:
        return [_text(one(this, scope)) + _text(other(this, scope))]

    return Path((Branch("string", fetch),))


def _plus(left: Compiled, right: Compiled, shared: Shared | None) -> Path:
    one, other = as_path(left), as_path(right)
    first_of, second_of = one.fetch, other.fetch

    def fetch(this: Any, scope: Scope) -> list[Any]:
        first, second = single(first_of(this, scope)), single(second_of(this, scope))
        if first is None or second is None:
            return []
        if isinstance(first, str) and isinstance(second, str):
            return [first + second]
        if is_number(first) and is_number(second):
            return [first + second]
        raise EvaluationError("two strings or two numbers expected")

    return Path((Branch(one.branches[0].type if one.branches else "", fetch),))


OPERATORS: Final[dict[str, Operator]] = {
    "or": _or,
    "and": _and,
    "xor": _xor,
    "implies": _implies,
    "=": partial(_equals, True),
    "!=": partial(_equals, False),
    **{operator: partial(_ordered, operator) for operator in ("<", "<=", ">", ">=")},
    "in": _in,
    "|": _union,
    "&": _joined,
    "+": _plus,
}
