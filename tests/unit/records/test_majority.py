"""The instant of majority (R57)."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhir_server.consent.policy import FOREVER
from fhir_server.fhir.dates import interval
from fhir_server.records.majority import majority

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("born", "of_age"),
    [
        ("2008-11-22", "2026-11-22"),
        ("2008-02-29", "2026-02-28"),
        ("2008", "2026-01-01"),
        ("2008-06", "2026-06-01"),
    ],
)
def test_majority_is_eighteen_years_after_the_first_day_of_the_birth_date(
    born: str, of_age: str
) -> None:
    assert majority({"birthDate": born}, PARIS) == interval(of_age, PARIS)[0]


@pytest.mark.parametrize("patient", [{}, {"_birthDate": {"extension": []}}])
def test_without_a_birth_date_majority_is_for_ever_away(patient: dict[str, Any]) -> None:
    assert majority(patient, PARIS) == FOREVER
