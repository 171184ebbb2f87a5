"""Quantity parameters: https://hl7.org/fhir/R4/search.html#quantity.

A number is indexed in several forms: alone (`v`), after its code (`c`) and its printed unit (`t`),
and either converted, after its canonical unit (`n`), or after its system and code as they are
written (`s`), when the unit is none that converts. So 5.4 mg finds 0.0054 g, by one range of `n`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from fhir_server.predicate import Predicate, Scalar, any_of
from fhir_server.search.decimals import (
    JUST_ABOVE,
    JUST_BELOW,
    of_resource,
    read_sought,
)
from fhir_server.search.escape import split, unescape
from fhir_server.search.extent import Form, compare
from fhir_server.search.number import ALONE
from fhir_server.search.sampled import bounds
from fhir_server.search.token import SEPARATOR, pair
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value
from fhir_server.search.ucum import UCUM, conversion

CURRENCY: Final = "urn:iso:std:iso:4217"
_LONGEST: Final = 200
"""Characters of a system, a code or a unit that are indexed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it is written: `system` and `code`, and what is printed."""

    system: str
    code: str
    printed: str

    @classmethod
    def of(cls, quantity: dict[str, Any]) -> Unit:
        """Read the unit of a Quantity, or the currency of a Money."""
        if "currency" in quantity:
            return cls(CURRENCY, str(quantity["currency"])[:_LONGEST], "")
        parts = (str(quantity.get(name, ""))[:_LONGEST] for name in ("system", "code", "unit"))
        return cls(*parts)


@lru_cache(maxsize=4096)
def _forms(unit: Unit) -> tuple[Form, ...]:
    """Return the forms in which a number of `unit` is indexed."""
    found = [ALONE]
    if unit.code:
        found += _coded(unit.system, unit.code), Form("c", unit.code + SEPARATOR)
    if unit.printed and unit.printed != unit.code:
        found.append(Form("t", unit.printed + SEPARATOR))
    return tuple(found)


def _coded(system: str, code: str) -> Form:
    """Return the form after the canonical unit, or for what has none after system and code."""
    found = conversion(code) if system == UCUM else None
    if found is not None:
        return Form("n", found.unit + SEPARATOR, found.of)
    return Form("s", pair(system, code) + SEPARATOR)


# the resource ---------------------------------------------------------------------------------


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return the forms of every Quantity, Money, Range or SampledData found."""
    return [value for node in found for value in _values(node.type, node.value)]


def _values(type_: str, value: Any) -> Iterator[IndexValue]:
    if not isinstance(value, dict):
        return
    match type_:
        case "Range":
            yield from _range(value.get("low"), value.get("high"))
        case "SampledData":
            origin = value.get("origin")
            measured = bounds(value)
            if measured is not None and isinstance(origin, dict):
                yield _extent(Unit.of(origin), *measured)
        case _:
            yield from _quantity(value)


def _quantity(value: dict[str, Any]) -> Iterator[IndexValue]:
    number = of_resource(value.get("value"))
    if number is not None:
        yield _measured(number, str(value.get("comparator", "")), Unit.of(value))


@lru_cache(maxsize=4096)
def _measured(number: Decimal, comparator: str, unit: Unit) -> IndexValue:
    """Return the index value of one quantity, which up to four parameters of a resource share."""
    match comparator:
        case "<" | "<=":
            return _extent(unit, None, number, closed=comparator == "<=")
        case ">" | ">=":
            return _extent(unit, number, None, closed=comparator == ">=")
        case _:
            return {form.name: form.text(number) for form in _forms(unit)}


def _range(low: Any, high: Any) -> Iterator[IndexValue]:
    """Yield what lies between two quantities, both included; one that is missing is no bound."""
    sides = [side if isinstance(side, dict) else {} for side in (low, high)]
    numbers = [of_resource(side.get("value")) for side in sides]
    known = [side for side, number in zip(sides, numbers, strict=True) if number is not None]
    if known:
        # Both have the same unit (rng-2): https://hl7.org/fhir/R4/datatypes.html#Range
        yield _extent(Unit.of(known[0]), numbers[0], numbers[1])


def _extent(
    unit: Unit, low: Decimal | None, high: Decimal | None, *, closed: bool = True
) -> IndexValue:
    """Return the places between which the numbers lie; None is endless."""
    first, last = (JUST_BELOW, JUST_ABOVE) if closed else (JUST_ABOVE, JUST_BELOW)
    begins, ends = {}, {}
    for form in _forms(unit):
        begins[form.name] = form.bottom if low is None else form.text(low, first)
        ends[form.name] = form.top if high is None else form.text(high, last)
    return {"lo": begins, "hi": ends}


# the query ------------------------------------------------------------------------------------


def criterion(field: str, _: str, value: str, __: Locale) -> Predicate:
    """Match `number`, `number|system|code` or `number||code`."""
    number, *unit = split(value, "|")
    sought = read_sought(number)
    system, code = (unescape(part)[:_LONGEST] for part in (unit if len(unit) == 2 else ("", "")))
    if sought is None or len(unit) not in (0, 2) or (system and not code):
        raise refuse_value(
            field, value, "a quantity: `number`, `number|system|code` or `number||code`"
        )
    return any_of(*(compare(field, form, sought) for form in _asked(system, code)))


def _asked(system: str, code: str) -> tuple[Form, ...]:
    """Return the forms that a search looks at."""
    match system, code:
        case "", "":
            return (ALONE,)
        case "", _:
            return Form("c", code + SEPARATOR), Form("t", code + SEPARATOR)
        case _:
            return (_coded(system, code),)


def key(value: IndexValue) -> Scalar:
    """Sort by the number in its canonical unit, or as it is written; an extent by its begin."""
    forms = value.get("lo", value)
    return str(forms.get("n", forms[ALONE.name])).rpartition(SEPARATOR)[2]


QUANTITY = ParameterType("quantity", frozenset(), values, criterion, key)
