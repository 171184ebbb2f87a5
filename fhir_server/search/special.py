"""The special parameter `near`: https://hl7.org/fhir/R4/location.html#search.

An index value is `{at: point}`, the position as GeoJSON: `Location` has a 2dsphere index for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from fhir_server.predicate import EARTH_RADIUS, Near, Predicate, Present, Scalar
from fhir_server.search.decimals import of_resource, read_sought, sortable
from fhir_server.search.escape import split, unescape
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value
from fhir_server.search.ucum import conversion

AT: Final = "at"
USUAL_DISTANCE: Final = Decimal(10_000)
"""Metres that are near when nothing is said: R4 leaves it to the server."""
USUAL_UNITS: Final = "km"
_METRE: Final = "meter^1"
_HALF_WAY_ROUND: Final = 3.14159 * EARTH_RADIUS
# R4 wants UCUM or "any units"; its own example writes `kms`, which UCUM does not know.
_WRITTEN: Final = {"kms": "km", "mi": "[mi_i]"}


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return every position on Earth found."""
    points = []
    for node in found:
        place = node.value if isinstance(node.value, dict) else {}
        longitude, latitude = (of_resource(place.get(n)) for n in ("longitude", "latitude"))
        if longitude is not None and latitude is not None and _on_earth(latitude, longitude):
            point = {"type": "Point", "coordinates": [float(longitude), float(latitude)]}
            points.append({AT: point})
    return points


def _on_earth(latitude: Decimal, longitude: Decimal) -> bool:
    return abs(latitude) <= 90 and abs(longitude) <= 180


def criterion(field: str, _: str, value: str, __: Locale) -> Predicate:
    """Match what is within a distance of a place: `latitude|longitude|distance|units`."""
    texts = [unescape(part) for part in split(value, "|")]
    latitude, longitude, distance = (_number(text) for text in (*texts, "", "", "")[:3])
    if latitude is None or longitude is None or not _on_earth(latitude, longitude):
        raise _refused(field, value)
    metres: Decimal | None = USUAL_DISTANCE
    if any(texts[2:3]):
        metres = _metres(distance, texts[3] if len(texts) == 4 else "")
    if metres is None or metres < 0 or len(texts) > 4:
        raise _refused(field, value)
    if metres >= _HALF_WAY_ROUND:
        return Present(field)
    return Near(f"{field}.{AT}", float(longitude), float(latitude), float(metres))


def _number(text: str) -> Decimal | None:
    sought = read_sought(f"eq{text}")
    return sought.exact if sought is not None else None


def _metres(distance: Decimal | None, units: str) -> Decimal | None:
    found = conversion(_WRITTEN.get(units, units) or USUAL_UNITS)
    if distance is None or found is None or found.unit != _METRE:
        return None
    return found.of(distance)


def _refused(field: str, value: str) -> Exception:
    return refuse_value(
        field, value, "a place: `latitude|longitude`, `…|distance` or `…|distance|units`"
    )


def key(value: IndexValue) -> Scalar:
    """Sort from south to north, then from west to east."""
    longitude, latitude = (Decimal(repr(number)) for number in value[AT]["coordinates"])
    return sortable(latitude) + sortable(longitude)


SPECIAL = ParameterType("special", frozenset(), values, criterion, key)
