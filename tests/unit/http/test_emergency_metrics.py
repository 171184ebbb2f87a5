"""What `/metrics` tells of emergencies, with a database and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.http.metrics import Backlog, Metrics


def test_the_backlog_is_told_as_it_is_now(tmp_path: Path) -> None:
    told = Metrics(tmp_path).exposition(Backlog(2, 90.5)).decode()
    assert "\nfhir_server_emergency_reviews 2.0\n" in told
    assert "\nfhir_server_emergency_review_age_seconds 90.5\n" in told


def test_a_backlog_that_nobody_can_count_is_not_told_as_none(tmp_path: Path) -> None:
    told = Metrics(tmp_path).exposition().decode()
    assert "fhir_server_emergency_reviews" not in told
    assert "fhir_server_emergencies_total" in told


def test_an_event_of_another_name_is_not_counted(tmp_path: Path) -> None:
    """A label is a name of ours, and never a caller's."""
    with pytest.raises(KeyError):
        Metrics(tmp_path).emergency("rpps:99790000001")
