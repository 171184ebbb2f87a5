"""Places near one another, by the formula of half angles on a sphere."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Any

Json = dict[str, Any]

PLACES = {
    "Paris": (48.8566, 2.3522),
    "Versailles": (48.8049, 2.1204),
    "Lyon": (45.764, 4.8357),
    "Besançon": (47.2378, 6.0241),
    "Tokyo": (35.6762, 139.6503),
}
REACHES = ("", "|1", "|30|km", "|30000|m", "|350", "|500|km", "|20|mi", "|15000|km")
"""Distances, none of which is that of two places; without one it is 10 km."""
_METRES = {"": 1000.0, "km": 1000.0, "m": 1.0, "mi": 1609.344}


def near(place: Json, asked: str) -> bool:
    latitude, longitude, *rest = asked.split("|")
    reach, unit = (*rest, "", "")[:2]
    metres = float(reach) * _METRES[unit] if reach else 10_000.0
    here = (place["latitude"], place["longitude"])
    return _apart(here, (float(latitude), float(longitude))) <= metres


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    (north, east), (up, right) = ([radians(angle) for angle in place] for place in (one, other))
    half = sin((up - north) / 2) ** 2 + cos(north) * cos(up) * sin((right - east) / 2) ** 2
    return 2 * 6_371_000 * asin(sqrt(half))
