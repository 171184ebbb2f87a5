"""Test primitive values: JSON type, format, range, https://hl7.org/fhir/R4/datatypes.html.

Each test returns what is wrong, or None.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from fhir_server.definitions import PRIMITIVES
from fhir_server.fhir.exact import Exact
from fhir_server.validation.narrative import narrative_fault
from fhir_server.validation.report import quoted


class Fault(NamedTuple):
    """What is wrong with a value; `code` is of value set issue-type."""

    diagnostics: str
    code: str = "value"


Test = Callable[[Any], Fault | None]

MAX_STRING: Final = 1024 * 1024

# Characters below 32 but tab, line feed and carriage return: datatypes.html#string. And the two
# that XML can't hold beside them, so that what is stored can be sent in both forms.
_control = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]").search

_RANGES: Final = {
    "integer": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
}
_CALENDAR: Final = frozenset({"date", "dateTime", "instant"})


def _boolean(value: Any) -> Fault | None:
    return None if value is True or value is False else Fault("true or false expected")


def _decimal(value: Any) -> Fault | None:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return None if number else Fault("a number expected")


def _integer(code: str) -> Test:
    low, high = _RANGES[code]
    written_whole = re.compile(r"-?\d+", re.ASCII).fullmatch

    def test(value: Any) -> Fault | None:
        whole = type(value) is int or (isinstance(value, Exact) and written_whole(value.text))
        if not whole:
            return Fault("a whole number expected")
        if low <= value <= high:
            return None
        return Fault(f"{quoted(value)} is not between {low} and {high}")

    return test


def _string(value: Any) -> Fault | None:
    if type(value) is not str:
        return Fault("a string expected")
    if not value:
        return Fault("a string must not be empty")
    if found := _control(value):
        return Fault(f"the character U+{ord(found[0]):04X} is not allowed in a text")
    if len(value) > MAX_STRING:
        return Fault(f"a string is longer than {MAX_STRING} characters")
    return None


def _base64(value: Any) -> Fault | None:
    if type(value) is not str or not value:
        return _string(value)
    try:
        # White space is allowed. Decoded, because the official expression backtracks.
        binascii.a2b_base64("".join(value.split()), strict_mode=True)
    except ValueError:
        return Fault("not base64")
    return None


def _pattern(code: str) -> Test:
    # ASCII, as in the XML schema that the expressions come from: \S takes a no-break space.
    match = re.compile(PRIMITIVES[code], re.ASCII).fullmatch
    calendar = code in _CALENDAR

    def test(value: Any) -> Fault | None:
        if type(value) is not str or not value or _control(value):
            return _string(value)
        if not match(value):
            return Fault(f"{quoted(value)} is not of type {code}")
        if calendar and len(value) >= 10:
            try:
                date.fromisoformat(value[:10])
            except ValueError:
                return Fault(f"{quoted(value)} is not a day of the calendar")
        return None

    return test


def _xhtml(value: Any) -> Fault | None:
    if type(value) is not str or _control(value):
        return _string(value)
    fault = narrative_fault(value)
    return Fault(fault, "invariant") if fault else None


TESTS: Final[dict[str, Test]] = {
    **{code: _pattern(code) for code in PRIMITIVES},
    **{code: _integer(code) for code in _RANGES},
    "boolean": _boolean,
    "decimal": _decimal,
    "string": _string,
    "markdown": _string,
    "base64Binary": _base64,
    "xhtml": _xhtml,
}
"""What to ask of a value, by primitive type."""
