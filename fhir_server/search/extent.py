"""Compare numbers, and extents between two numbers, with a number asked for.

An index value is `{form: text}` for a number and `{lo: {form: text}, hi: {form: text}}` for an
extent: a Range, or a Quantity that says "less than". A form is a way to look at the number: alone,
or after its unit. Numbers stand apart from extents because one field with two bounds is one tight
range of the index, and nearly all values are numbers.

https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from fhir_server.predicate import (
    After,
    Before,
    Predicate,
    Some,
    all_of,
    any_of,
)
from fhir_server.search.decimals import (
    HIGHEST,
    JUST_ABOVE,
    JUST_BELOW,
    LOWEST,
    Sought,
    sortable,
)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to look at a number: the `name` of its text, and what stands `before` the number.

    `convert` brings a number into the unit of the form.
    """

    name: str
    before: str = ""
    convert: Callable[[Decimal], Decimal] = Decimal

    def text(self, number: Decimal, side: str = "") -> str:
        """Return the text of `number`, or of the place just beside it."""
        return f"{self.before}{sortable(self.convert(number))}{side}"

    @property
    def bottom(self) -> str:
        """Return what is below every number of this form."""
        return self.before + LOWEST

    @property
    def top(self) -> str:
        """Return what is above every number of this form."""
        return self.before + HIGHEST


def compare(field: str, form: Form, sought: Sought) -> Predicate:
    """Match a number or an extent in the list `field`, as the prefix of `sought` wants it."""
    extents = (Some(field, part) for part in _extent(form, sought))
    return any_of(compare_numbers(field, form, sought), *extents)


def compare_numbers(field: str, form: Form, sought: Sought) -> Predicate:
    """Match a number in the list `field`, which has no extents."""
    return any_of(*(Some(field, part) for part in _number(form, sought)))


def _number(form: Form, sought: Sought) -> tuple[Predicate, ...]:
    """Return what a number may satisfy; each alternative is one range of the index."""
    exact, low, high = (form.text(n) for n in (sought.exact, sought.low, sought.high))
    match sought.prefix:
        case "eq":
            return (_from(form.name, low, high),)
        case "ne":
            return _from(form.name, form.bottom, low), _from(form.name, high, form.top)
        case "gt" | "sa":
            return (_upto(form.name, exact, form.top),)
        case "ge":
            return (_from(form.name, exact, form.top),)
        case "lt" | "eb":
            return (_from(form.name, form.bottom, exact),)
        case "le":
            return (_upto(form.name, form.bottom, exact),)
        case _:
            from_low = After(form.name, low, inclusive=True)
            return (all_of(from_low, Before(form.name, high, inclusive=True)),)


def _extent(form: Form, sought: Sought) -> tuple[Predicate, ...]:
    """Return what an extent may satisfy: R4's table of prefixes, read on two ranges."""
    begin, end = f"lo.{form.name}", f"hi.{form.name}"
    here, past = (form.text(sought.exact, side) for side in (JUST_BELOW, JUST_ABOVE))
    low, high = (form.text(number, JUST_BELOW) for number in (sought.low, sought.high))
    match sought.prefix:
        case "eq":
            # What ends by `high` begins before it: said too, it bounds the index on both sides.
            return (all_of(_from(begin, low, high), Before(end, high, inclusive=True)),)
        case "ne":
            return _from(begin, form.bottom, low), _upto(end, high, form.top)
        case "gt" | "ge" as prefix:
            return (_upto(end, past if prefix == "gt" else here, form.top),)
        case "lt" | "le" as prefix:
            return (_from(begin, form.bottom, here if prefix == "lt" else past),)
        case "sa":
            return (_from(begin, past, form.top),)
        case "eb":
            return (_upto(end, form.bottom, here),)
        case _:
            last = form.text(sought.high, JUST_ABOVE)
            return (all_of(Before(begin, last), After(end, low)),)


def _from(field: str, first: str, last: str) -> Predicate:
    """Match from `first` on, to before `last`."""
    return all_of(After(field, first, inclusive=True), Before(field, last))


def _upto(field: str, first: str, last: str) -> Predicate:
    """Match what is after `first`, up to `last`."""
    return all_of(After(field, first), Before(field, last, inclusive=True))
