"""When and why a record was closed (R13)."""

from __future__ import annotations

from fhir_server.demo.patients import CLOSED, patient
from fhir_server.records.closing import NOT_CLOSED, closing
from tests.support.resources import a_closing, a_patient


def test_a_closed_record_says_when_and_why() -> None:
    told = closing(a_patient(active=False, extension=[a_closing("2025-02-10", "À sa demande")]))
    assert told.date == "2025-02-10"
    assert told.reason == {"coding": [{"code": "demande"}], "text": "À sa demande"}


def test_the_closed_record_of_the_demonstration_is_read() -> None:
    assert closing(patient(CLOSED)).date == "2025-02-10"


def test_an_open_record_says_nothing_of_an_earlier_closing() -> None:
    """R9: a record may be opened again."""
    assert closing(a_patient(extension=[a_closing()])) == NOT_CLOSED


def test_a_closed_record_that_says_neither_is_closed_all_the_same() -> None:
    assert closing(a_patient(active=False)) == NOT_CLOSED
