"""The least and the most of a SampledData: https://hl7.org/fhir/R4/datatypes.html#SampledData.

A search compares with these bounds: https://hl7.org/fhir/R4/observation.html#search.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fhir_server.fhir.exact import MAX_EXPONENT
from fhir_server.search.decimals import EXACTLY, of_resource

_LIMITS: Final = {"L": "lowerLimit", "U": "upperLimit"}
"""Stand in the data for what is beyond a limit of detection; `E` is an error and no number."""


def bounds(sampled: dict[str, Any]) -> tuple[Decimal, Decimal] | None:
    """Return the lowest and the highest value in the unit of the origin; None without a value."""
    origin = sampled.get("origin")
    start = of_resource(origin.get("value")) if isinstance(origin, dict) else None
    factor = of_resource(sampled.get("factor", 1))
    words = dict.fromkeys(str(sampled.get("data", "")).split())
    points = [point for word in words if (point := _point(sampled, word)) is not None]
    if start is None or factor is None or not points:
        return None
    first, last = (EXACTLY.fma(factor, point, start) for point in (min(points), max(points)))
    return min(first, last), max(first, last)


def _point(sampled: dict[str, Any], word: str) -> Decimal | None:
    """Return the number that a word of the data stands for."""
    if word in _LIMITS:
        return of_resource(sampled.get(_LIMITS[word]))
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None
    readable = number.is_finite() and abs(number.adjusted()) <= MAX_EXPONENT
    return number if readable else None
