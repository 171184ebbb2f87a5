"""Units of measure as one canonical unit each: https://ucum.org/ucum.

A conversion is settled once a unit, by ucumvert's grammar and pint's definitions, as a factor and
an offset that are exact decimals; from then on a quantity costs one multiplication. The libraries
take half a second and 25 MB to load, so they wait for the first quantity that has such a unit.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import cache, lru_cache
from typing import Any, Final

from fhir_server.fhir.exact import MAX_EXPONENT

UCUM: Final = "http://unitsofmeasure.org"
_WORKING: Final = Context(prec=50)
_KEPT: Final = Context(prec=20)
"""Digits that a converted number keeps: some of the libraries' constants have 28."""
# No unit in use is longer, or counts beyond thousands in its exponents and factors.
_READABLE: Final = re.compile(r"(?!.*\d{5})[!-~]{1,64}")
_ANNOTATION: Final = re.compile(r"\{[^{}]*\}")
# What UCUM calls arbitrary units convert to nothing but themselves. The library has no dimension
# for them, so without this 5 [iU]/L would be 5 /L, or 5 [CFU]/L.
_ARBITRARY: Final = re.compile(
    r"/?\[(?:(?:arb|USP|GPL|MPL|APL|beth|anti'Xa|todd|dye|smgy|bdsk|ka|knk|mclg|tb|Amb'a'1|D'ag)'U"
    r"|[hk]p_[XCMQ]|iU|IU|[CTE]+ID_50|[PF]FU|CFU|IR|BAU|AU|PNU|Lf|FEU|ELU|EU)\]"
)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a number of one unit becomes a number of `unit`, which others convert to as well."""

    unit: str
    factor: Decimal
    offset: Decimal

    def of(self, number: Decimal) -> Decimal:
        """Return `number` in the canonical unit."""
        return _KEPT.plus(_WORKING.fma(number, self.factor, self.offset))


@lru_cache(maxsize=4096)
def conversion(code: str) -> Conversion | None:
    """Return how `code` converts; None if it is no UCUM code, or no multiple of another unit."""
    if not _READABLE.fullmatch(code):
        return None
    # Annotations have no meaning; one that stands alone is the unit 1.
    bare = _ANNOTATION.sub("", code) or "1"
    with _one_at_a_time:
        return _converted(bare)


def _converted(code: str) -> Conversion | None:
    from lark.exceptions import LarkError
    from pint import PintError

    try:
        with localcontext(_WORKING):
            return _read(code)
    except (LarkError, PintError, ArithmeticError, AttributeError, TypeError, ValueError):
        return None


def _read(code: str) -> Conversion | None:
    registry = _registry()
    found = registry.from_ucum(code)
    # The grammar gives exponents as floats, which pint then mixes with decimals.
    powers = {name: Decimal(str(power)) for name, power in found.units._units.items()}
    unit = registry.Unit(registry.UnitsContainer(powers))

    def at(number: int) -> Any:
        scaled = Decimal(str(found.magnitude)) * number
        return registry.Quantity(scaled, unit).to_base_units()

    none, one, three = at(0), at(1), at(3)
    offset, factor = none.magnitude, one.magnitude - none.magnitude
    straight = abs(three.magnitude - offset - 3 * factor) <= abs(factor) * Decimal("1e-20")
    if not straight or not factor > 0 or abs(factor.adjusted()) > MAX_EXPONENT:
        return None
    names = sorted(f"{name}^{power:f}" for name, power in one.units._units.items() if power)
    arbitrary = sorted(_ARBITRARY.findall(code.replace("[IU]", "[iU]")))
    return Conversion(" ".join((*names, *arbitrary)), factor, offset)


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry(non_int_type=Decimal)
