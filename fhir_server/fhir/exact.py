"""Keep numbers as they were written: https://hl7.org/fhir/R4/datatypes.html#decimal.

`1.00` and `1.0` differ in precision, and a resource must come back as it was sent.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

MAX_LENGTH: Final = 100
MAX_EXPONENT: Final = 400
_INT64_DIGITS: Final = 18


class OutOfRange(ValueError):
    """A number is longer or larger than the server accepts."""


class Exact(Decimal):
    """A number that is written again as it was read: `1.00`, `1e3`, `-0`."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str | Exact) -> Exact:
        """Read `text`, a JSON number. Raise `decimal.InvalidOperation` when it isn't one."""
        number = super().__new__(cls, text)
        number.text = str(text)
        return number

    def __str__(self) -> str:
        """Return the text that was read."""
        return self.text

    def __copy__(self) -> Exact:
        """Return itself: it never changes."""
        return self

    def __deepcopy__(self, memo: object) -> Exact:
        """Return itself: it never changes."""
        return self


def decimal(text: str) -> Exact:
    """Read a JSON number with its text. Raise `OutOfRange`.

    The exponent is bounded because a text as short as `1e999999999` would fill the memory of
    whoever expands it.
    """
    if len(text) > MAX_LENGTH:
        raise OutOfRange(f"a number is longer than {MAX_LENGTH} characters")
    try:
        number = Exact(text)
    except InvalidOperation:
        raise OutOfRange(f"the number `{text}` is out of range") from None
    # The exponent as written too: zero has no magnitude, yet `0e999999999` can be expanded.
    if abs(number.adjusted()) > MAX_EXPONENT:
        raise OutOfRange(f"the number `{text}` is out of range")
    return number


def integer(text: str) -> int | Exact:
    """Read a JSON number without fraction: an `int` when that writes the same text again."""
    if len(text) > _INT64_DIGITS or text == "-0":
        return decimal(text)
    return int(text)
