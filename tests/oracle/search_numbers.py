"""Numbers and quantities: https://hl7.org/fhir/R4/search.html#number and #quantity.

By the text of R4 alone, as `search_values.py`, of which this is a part.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from tests.oracle import search_values as read


def implied(text: str) -> tuple[Decimal, Decimal]:
    """Return the range that the digits of a number stand for: 100 is 99.5 to 100.5.

    1e2 is 95 to 105 by the example of R4: a single digit counts as one with `.0` behind it.
    """
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    single = re.fullmatch(r"[+-]?\d[eE].*", text) is not None
    half = Decimal(5).scaleb(exponent - 1 - single)
    return number - half, number + half


def compared(low: Decimal, high: Decimal, prefix: str, text: str) -> bool:
    """Compare what the resource covers (a number, or a Range) with a number asked for."""
    number = Decimal(text)
    first, last = implied(text)
    # A value on the upper edge belongs to the number above.
    inside = first <= low and (high < last or low == high == first)
    slack = abs(number) / 10
    return {
        "eq": inside,
        "ne": not inside,
        "gt": high > number,
        "lt": low < number,
        "ge": high >= number,
        "le": low <= number,
        "sa": low > number,
        "eb": high < number,
        "ap": low <= number + slack and high >= number - slack,
    }[prefix]


def amount(value: Any) -> tuple[Decimal, Decimal] | None:
    """Return what a number, a Quantity or a Range covers."""
    endless = Decimal("1e30")
    match value:
        case bool() | str():
            return None
        case int() | float() | Decimal():
            return Decimal(str(value)), Decimal(str(value))
        case {"low": _} | {"high": _}:
            low, high = (amount(value.get(side, {})) for side in ("low", "high"))
            return (low[0] if low else -endless), (high[1] if high else endless)
        case {"value": number}:
            exact = Decimal(str(number))
            match value.get("comparator", ""):
                case "<" | "<=":
                    return -endless, exact
                case ">" | ">=":
                    return exact, endless
            return exact, exact
    return None


def number(value: Any, asked: str) -> bool:
    prefix, text = read.PREFIX.fullmatch(asked).groups()  # type: ignore[union-attr]
    found = amount(value)
    return found is not None and compared(*found, prefix or "eq", text)


def unit(value: Any) -> tuple[str, str, str]:
    """Return system, code and printed unit; those of a Range are those of its ends."""
    for side in ("low", "high"):
        if side in value:
            return unit(value[side])
    if "currency" in value:
        return "urn:iso:std:iso:4217", value["currency"], value["currency"]
    return value.get("system", ""), value.get("code", ""), value.get("unit", "")


def quantity(value: Any, asked: str) -> bool:
    """Compare in the unit asked for, or in grams where both are masses of UCUM."""
    amount_, _, rest = asked.partition("|")
    system, _, code = (read.plain(part) for part in rest.partition("|"))
    own_system, own_code, own_unit = unit(value)
    if system == own_system == UCUM and {code, own_code} <= GRAMS.keys():
        prefix, text = read.PREFIX.fullmatch(amount_).groups()  # type: ignore[union-attr]
        found = amount(value)
        by = GRAMS[own_code] / GRAMS[code]
        return found is not None and compared(found[0] * by, found[1] * by, prefix or "eq", text)
    if system and (own_system, own_code) != (system, code):
        return False
    if code and not system and code not in (own_code, own_unit):
        return False
    return number(value, amount_)


UCUM = "http://unitsofmeasure.org"
GRAMS = {"kg": Decimal(1000), "g": Decimal(1), "mg": Decimal("0.001"), "ug": Decimal("0.000001")}
