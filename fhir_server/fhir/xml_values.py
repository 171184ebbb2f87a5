"""Turn the text of a `value` attribute into the kind of value that JSON has for its type.

https://hl7.org/fhir/R4/datatypes.html: boolean and the numbers; every other primitive is a string.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fhir_server.fhir.exact import Exact, decimal, integer

_whole = re.compile(r"-?(?:0|[1-9][0-9]*)").fullmatch
_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


def reader_of(type_code: str) -> Callable[[str], str | bool | int | Exact]:
    """Return what turns the text of a primitive `type_code` into a value, or raises ValueError."""
    return _READERS.get(type_code, str)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"`{text[:60]}` is neither `true` nor `false`")
    return text == "true"


def _integer(text: str) -> int | Exact:
    # R4 allows a sign that JSON doesn't: https://hl7.org/fhir/R4/datatypes.html#integer
    digits = text.removeprefix("+") if text[1:2].isdigit() else text
    if not _whole(digits):
        raise ValueError(f"`{text[:60]}` is not a whole number")
    return integer(digits)


def _decimal(text: str) -> int | Exact:
    if not _number(text):
        raise ValueError(f"`{text[:60]}` is not a decimal number")
    return integer(text) if _whole(text) else decimal(text)


_READERS: Final[dict[str, Callable[[str], str | bool | int | Exact]]] = {
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
    "positiveInt": _integer,
    "unsignedInt": _integer,
}
