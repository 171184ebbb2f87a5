"""The special parameter `near`: https://hl7.org/fhir/R4/location.html#search."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.exact import Exact
from fhir_server.search.paths import Node
from fhir_server.search.special import SPECIAL
from tests.unit.search.both_sides import LOCALE, found

NOTRE_DAME = ("Location.position", {"latitude": Exact("48.8530"), "longitude": Exact("2.3499")})
EIFFEL = "48.8584|2.2945"
"""4.1 km from Notre-Dame."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (EIFFEL, True),
        (f"{EIFFEL}|4.2", True),
        (f"{EIFFEL}|4", False),
        (f"{EIFFEL}|4.2|km", True),
        (f"{EIFFEL}|4.2|kms", True),
        (f"{EIFFEL}|4200|m", True),
        (f"{EIFFEL}|4000|m", False),
        (f"{EIFFEL}|3|[mi_i]", True),
        (f"{EIFFEL}|2|mi", False),
        (f"{EIFFEL}|100000", True),
        ("48.85|-177|100", False),
        ("45.76|4.83", False),
    ],
)
def test_a_place_is_near_within_the_distance(value: str, expected: bool) -> None:
    assert found(SPECIAL, [NOTRE_DAME], value) is expected


def test_what_has_no_position_is_near_to_nothing() -> None:
    assert not found(SPECIAL, [], f"{EIFFEL}|100000")


@pytest.mark.parametrize(
    "position",
    [{}, {"latitude": 1}, {"latitude": "1", "longitude": 2}, {"latitude": 91, "longitude": 0}],
)
def test_what_is_no_place_on_earth_has_no_position(position: dict[str, Any]) -> None:
    """MongoDB would refuse to store the resource."""
    assert SPECIAL.values([Node("Location.position", position)], LOCALE) == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "48",
        "48|a",
        "91|0",
        "0|181",
        "48|2|x",
        "48|2|-1",
        "48|2|1|mg",
        "48|2|1|furlongs",
        "48|2|1|km|x",
        "eq48|2",
    ],
)
def test_a_value_that_is_no_place_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a place") as caught:
        SPECIAL.criterion("idx.near", "", value, LOCALE)
    assert caught.value.issues[0].code == "value"
