"""The functions of FHIRPath on strings: http://hl7.org/fhirpath/N1/#string-manipulation.

Patterns must be literals, so that they are compiled once and none comes from a resource.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from fhir_server.validation.invariants_compiled import (
    Argument,
    Branch,
    Compiled,
    Condition,
    Fetch,
    Function,
    Path,
    Scope,
    as_path,
)
from fhir_server.validation.invariants_parse import ExpressionError, Literal
from fhir_server.validation.invariants_values import EvaluationError, single


def _string(fetch: Fetch, this: Any, scope: Scope) -> str | None:
    value = single(fetch(this, scope))
    if value is None or isinstance(value, str):
        return value
    raise EvaluationError("a string expected")


def _literal(argument: Argument) -> str:
    if isinstance(argument.tree, Literal) and isinstance(argument.tree.value, str):
        return argument.tree.value
    raise ExpressionError("a string expected")


def _tested(compare: Callable[[str, str], bool]) -> Function:
    def function(source: Path, argument: Argument) -> Condition:
        fetch, other = source.fetch, as_path(argument.on(None)).fetch

        def test(this: Any, scope: Scope) -> bool | None:
            value, wanted = _string(fetch, this, scope), _string(other, this, scope)
            return None if value is None or wanted is None else compare(value, wanted)

        return Condition(test)

    return function


def _matches(source: Path, pattern: Argument) -> Condition:
    """Test the whole string, as the authors of R4 meant it."""
    fetch, match = source.fetch, re.compile(_literal(pattern), re.DOTALL).fullmatch

    def test(this: Any, scope: Scope) -> bool | None:
        value = _string(fetch, this, scope)
        return None if value is None else match(value) is not None

    return Condition(test)


def _mapped(convert: Callable[[Any], Any], type_: str) -> Callable[[Path], Path]:
    def function(source: Path) -> Path:
        fetch = source.fetch

        def converted(this: Any, scope: Scope) -> list[Any]:
            value = single(fetch(this, scope))
            result = None if value is None else convert(value)
            return [] if result is None else [result]

        return Path((Branch(type_, converted),))

    return function


def _replace_matches(source: Path, pattern: Argument, substitution: Argument) -> Compiled:
    sub, new = re.compile(_literal(pattern), re.DOTALL).sub, _literal(substitution)
    return _mapped(lambda value: sub(lambda found: new, str(value)), "string")(source)


def _substring(source: Path, start: Argument) -> Compiled:
    if not isinstance(start.tree, Literal) or not isinstance(start.tree.value, int):
        raise ExpressionError("a number expected")
    at = start.tree.value
    return _mapped(lambda value: str(value)[at:] or None, "string")(source)


def _integer(value: Any) -> int | None:
    if isinstance(value, str):
        # Ten digits hold every integer of FHIRPath; without a bound a text could cost seconds.
        return int(value) if re.fullmatch(r"[+-]?[0-9]{1,10}", value) else None
    return value if isinstance(value, int) else None


def _written(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if isinstance(value, dict) else str(value)


STRING_FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    ("startsWith", 1): _tested(str.startswith),
    ("contains", 1): _tested(str.__contains__),
    ("matches", 1): _matches,
    ("replaceMatches", 2): _replace_matches,
    ("substring", 1): _substring,
    ("toInteger", 0): _mapped(_integer, "integer"),
    ("toString", 0): _mapped(_written, "string"),
}
"""The functions by name and number of arguments."""
