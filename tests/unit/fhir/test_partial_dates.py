"""Partial dates are intervals: https://hl7.org/fhir/R4/search.html#date."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.dates import MAX, MIN, instant_text, interval, period_interval

PARIS = ZoneInfo("Europe/Paris")


def as_texts(text: str, zone: tzinfo = UTC) -> tuple[str, str]:
    low, high = interval(text, zone)
    return instant_text(low), instant_text(high)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2020", "2020-01-01T00:00:00.000Z", "2021-01-01T00:00:00.000Z"),
        ("2020-02", "2020-02-01T00:00:00.000Z", "2020-03-01T00:00:00.000Z"),
        ("2020-12", "2020-12-01T00:00:00.000Z", "2021-01-01T00:00:00.000Z"),
        ("2020-02-29", "2020-02-29T00:00:00.000Z", "2020-03-01T00:00:00.000Z"),
        ("2020-02-29T10:30", "2020-02-29T10:30:00.000Z", "2020-02-29T10:31:00.000Z"),
        ("2020-02-29T10:30:05Z", "2020-02-29T10:30:05.000Z", "2020-02-29T10:30:06.000Z"),
        ("2020-02-29T10:30:05.25Z", "2020-02-29T10:30:05.250Z", "2020-02-29T10:30:05.260Z"),
        ("2020-02-29T00:30:00+02:00", "2020-02-28T22:30:00.000Z", "2020-02-28T22:30:01.000Z"),
        ("2020-02-29T23:30:00-01:30", "2020-03-01T01:00:00.000Z", "2020-03-01T01:00:01.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z", "2017-01-01T00:00:01.000Z"),
    ],
)
def test_a_partial_date_covers_all_that_it_leaves_open(text: Any, low: Any, high: Any) -> None:
    assert as_texts(text) == (low, high)


def test_a_date_without_zone_is_local() -> None:
    assert as_texts("2020-07-01", PARIS) == ("2020-06-30T22:00:00.000Z", "2020-07-01T22:00:00.000Z")


def test_a_day_of_clock_change_has_23_hours() -> None:
    low, high = interval("2020-03-29", PARIS)
    assert high - low == 23 * 3600 * 1_000_000


def test_the_last_day_of_the_calendar_has_an_end() -> None:
    low, high = interval("9999-12-31")
    assert high - low == 86_400_000_000


def test_a_fraction_finer_than_a_microsecond_covers_one() -> None:
    low, high = interval("2020-01-01T00:00:00.123456789Z")
    assert (low % 1_000_000, high - low) == (123_456, 1)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "20",
            "0000",
            "2020-13",
            "2020-02-30",
            "2021-02-29",
            "2020-1-1",
            "2020-01-01T",
            "today",
        ),
        *("2020-01-01T10", "2020-01-01T24:00:00Z", "2020-01-01T10:60:00Z", "2020-01-01T10:00:61Z"),
        *("2020-01-01T10:00:00+15:00", "2020-01-01Z", " 2020", "2020\n", "٢٠٢٠"),
    ],
)
def test_what_is_no_date_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"date|day|month|year"):
        interval(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_each_precision_lies_within_the_coarser_one(moment: Any) -> None:
    fine = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    chain = [fine, fine[:19] + "Z", fine[:16] + "Z", fine[:10], fine[:7], fine[:4]]
    intervals = [interval(text) for text in chain]
    for (low, high), (outer_low, outer_high) in pairwise(intervals):
        assert outer_low <= low < high <= outer_high
    assert intervals[0][0] == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


@given(
    st.dates(), st.sampled_from([UTC, PARIS, ZoneInfo("America/Cayenne"), ZoneInfo("Asia/Tokyo")])
)
def test_days_follow_one_another_without_gap(day: Any, zone: Any) -> None:
    following = day.toordinal() + 1
    if following <= day.max.toordinal():
        after = day.fromordinal(following)
        assert interval(day.isoformat(), zone)[1] == interval(after.isoformat(), zone)[0]


def test_an_open_period_reaches_to_the_bounds() -> None:
    low, high = interval("2020")
    assert period_interval("2020", None) == (low, MAX)
    assert period_interval(None, "2020") == (MIN, high)
    assert period_interval(None, None) == (MIN, MAX)


def test_the_bounds_lie_outside_every_date_and_fit_64_bits() -> None:
    assert -(2**63) <= MIN < interval("0001")[0]
    assert interval("9999")[1] < MAX < 2**63


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_an_instant_is_written_to_the_millisecond_and_read_again(milliseconds: Any) -> None:
    low, high = interval(instant_text(milliseconds * 1000))
    assert (low, high) == (milliseconds * 1000, milliseconds * 1000 + 1000)
