"""Numbers as texts that sort as the numbers do, and the range that a number asked for stands for.

A double can't hold `0.1`, MongoDB's Decimal128 holds 34 digits, and FHIR bounds neither. A text
holds any number exactly, is compared alike by Python and by MongoDB, and may follow a unit, so that
one range of an index is "so many of this unit".

The text is a sign (`0` below zero, `1` zero, `2` above), the exponent, the digits and an end mark.
Below zero exponent and digits are complemented, so that more comes first.

https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Final

from fhir_server.fhir.exact import OutOfRange, decimal

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
LOWEST: Final = ""
HIGHEST: Final = "9"
"""Stand below and above the text of every number."""
JUST_BELOW: Final = "<"
JUST_ABOVE: Final = ">"
"""Follow a number's text to name the place beside it: `5<` is before 5 and after all below it."""

_EXPONENT_OF_ONE: Final = 5000
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")
_NUMBER: Final = re.compile(r"([+-]?\d+)(\.\d+)?(?:[eE]([+-]?\d+))?", re.ASCII)
EXACTLY: Final = Context(prec=1200)
"""Digits enough for a sum of any two numbers that are read here."""


def sortable(number: Decimal) -> str:
    """Return `number` as a text; equal numbers have equal texts, however they are written."""
    sign, digits, _ = number.as_tuple()
    text = "".join(map(str, digits)).strip("0")
    if not text:
        return "1!"
    # `adjusted` counts from the first digit, which is never zero but for zero itself.
    size = f"{_EXPONENT_OF_ONE + number.adjusted():04d}"
    if sign:
        return f"0{(size + text).translate(_COMPLEMENT)}~"
    return f"2{size}{text}!"


def of_resource(value: Any) -> Decimal | None:
    """Return a number of a resource, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


@dataclass(frozen=True, slots=True)
class Sought:
    """A number asked for, and a range around it: what its digits stand for, or what is about it."""

    prefix: str
    exact: Decimal
    low: Decimal
    high: Decimal


def read_sought(text: str) -> Sought | None:
    """Read a number after a prefix or none; None if it can't be read."""
    prefix, digits = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
    found = _NUMBER.fullmatch(digits)
    if found is None:
        return None
    try:
        exact = Decimal(decimal(digits))
    except OutOfRange:
        return None
    slack = _half_a_digit(found)
    if prefix == "ap":
        slack = EXACTLY.multiply(abs(exact), Decimal("0.1"))
    return Sought(prefix, exact, EXACTLY.subtract(exact, slack), EXACTLY.add(exact, slack))


def _half_a_digit(found: re.Match[str]) -> Decimal:
    """Return half of what the last digit counts: 100 is 99.5 to 100.5, 5.40e-3 is ±0.000005.

    R4 itself reads 1e2 as 95 to 105: one digit before an exponent counts as if `.0` followed.
    """
    whole, fraction, exponent = found.groups()
    places = len(fraction) - 1 if fraction else 0
    if exponent is not None and not fraction and len(whole.lstrip("+-")) == 1:
        places = 1
    return Decimal(5).scaleb(int(exponent or 0) - places - 1)
