"""Date parameters, both sides: https://hl7.org/fhir/R4/search.html#date and #prefix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Some, holds
from fhir_server.search.date import DATE, FIELD_UPDATED, PREFIXES
from fhir_server.search.paths import Node
from tests.unit.search.both_sides import LOCALE, found

MARCH = "2013-03"
"""The search value of the table: a month, against what lies around it."""
BEFORE, WITHIN, AFTER = "2013-02-14", "2013-03-14", "2013-04-14"
STARTS_BEFORE = {"start": "2013-02", "end": "2013-03-10"}
ENDS_AFTER = {"start": "2013-03-10", "end": "2013-04"}
AROUND = {"start": "2013-02", "end": "2013-04"}
OPEN_END, OPEN_START = {"start": "2013-03-10"}, {"end": "2013-03-10"}

# One row a prefix, one column a value of the resource, in the words of R4's table:
#   eq: the search range fully contains the target's          ne: it does not
#   gt: what lies above the search range overlaps the target  lt: what lies below does
#   ge: gt or eq     le: lt or eq     sa: all of the target lies above     eb: all below
TABLE = {
    #      before within  after  starts<  ends>  around  open>  open<  touch< touch> exact
    "eq": (False, True, False, False, False, False, False, False, False, False, True),
    "ne": (True, False, True, True, True, True, True, True, True, True, False),
    "gt": (False, False, True, False, True, True, True, False, False, True, False),
    "lt": (True, False, False, True, False, True, False, True, True, False, False),
    "ge": (False, True, True, False, True, True, True, False, False, True, True),
    "le": (True, True, False, True, False, True, False, True, True, False, True),
    "sa": (False, False, True, False, False, False, False, False, False, True, False),
    "eb": (True, False, False, False, False, False, False, False, True, False, False),
}
TARGETS: list[tuple[str, Any]] = [
    ("date", BEFORE),
    ("dateTime", WITHIN),
    ("instant", f"{AFTER}T10:00:00Z"),
    ("Period", STARTS_BEFORE),
    ("Period", ENDS_AFTER),
    ("Period", AROUND),
    ("Period", OPEN_END),
    ("Period", OPEN_START),
    ("date", "2013-02-28"),
    ("date", "2013-04-01"),
    ("date", "2013-03"),
]
CASES = [
    (prefix, target, expected)
    for prefix, row in TABLE.items()
    for target, expected in zip(TARGETS, row, strict=True)
]


@pytest.mark.parametrize(("prefix", "target", "expected"), CASES)
def test_a_prefix_compares_ranges_as_r4_says(
    prefix: str, target: tuple[str, Any], expected: bool
) -> None:
    assert found(DATE, [target], prefix + MARCH) is expected


def test_no_prefix_means_equal() -> None:
    assert found(DATE, [("date", WITHIN)], MARCH)
    assert not found(DATE, [("date", "2013")], MARCH)


@pytest.mark.parametrize("prefix", sorted(PREFIXES))
def test_a_resource_without_a_date_is_found_by_no_prefix(prefix: str) -> None:
    assert not found(DATE, [], prefix + MARCH)
    assert not found(DATE, [("Timing", {"repeat": {"frequency": 1}})], prefix + MARCH)


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        ("2013-03-14", "2013-03-14T10:00:00+01:00", True),
        ("2013-03-14T10:00", "2013-03-14T10:00:59.999+01:00", True),
        ("2013-03-14T09:00Z", "2013-03-14T10:00:00+01:00", True),
        ("2013-03-14T10:00:00", "2013-03-14T10:00:00+01:00", True),
        ("2013-03-14", "2013-03-14T23:30:00Z", False),
        ("2013-07-14", "2013-07-13T22:30:00Z", True),
    ],
)
def test_a_date_without_a_zone_is_local_to_the_installation(
    value: str, target: str, expected: bool
) -> None:
    """Paris by default, summer time included."""
    assert found(DATE, [("dateTime", target)], value) is expected


def test_a_timing_covers_from_its_first_event_to_its_last() -> None:
    timing = ("Timing", {"event": ["2013-03-20", "2013-03-02", None]})
    assert found(DATE, [timing], MARCH)
    assert not found(DATE, [timing], "2013-03-20")
    assert found(DATE, [timing], "lt2013-03-03")


def test_a_timing_covers_its_bounds() -> None:
    timing = ("Timing", {"repeat": {"boundsPeriod": {"start": "2013-03-02", "end": "2013-03-04"}}})
    assert found(DATE, [timing], MARCH)


@pytest.mark.parametrize(
    "node",
    [
        ("Period", {}),
        ("Timing", {"event": []}),
        ("date", "someday"),
        ("date", 3),
        ("Period", {"start": "someday"}),
        ("Timing", {"event": ["someday"]}),
    ],
)
def test_what_can_not_be_read_has_no_range(node: tuple[str, Any]) -> None:
    assert DATE.values([Node(*node)], LOCALE) == []


@pytest.mark.parametrize("value", ["", "ge", "someday", "2013-13", "2013-02-30", "xx2013", "20130"])
def test_a_value_that_is_no_date_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a date such as") as caught:
        DATE.criterion("idx.p", "", value, LOCALE)
    assert caught.value.issues[0].code == "value"


def test_approximately_widens_by_a_tenth_of_the_distance_from_now() -> None:
    today = datetime.now(UTC).date()
    asked = f"ap{today - timedelta(days=100)}"
    near, far = (str(today - timedelta(days=days)) for days in (107, 115))
    assert found(DATE, [("date", near)], asked)
    assert not found(DATE, [("date", far)], asked)


def test_the_last_update_is_approximate_by_the_same_tenth() -> None:
    now = int(datetime.now(UTC).timestamp()) * 1_000_000
    day = 24 * 3600 * 1_000_000
    asked = f"ap{datetime.now(UTC).date() - timedelta(days=100)}"
    predicate = DATE.criterion(FIELD_UPDATED, "", asked, LOCALE)
    assert holds(predicate, {FIELD_UPDATED: now - 107 * day})
    assert not holds(predicate, {FIELD_UPDATED: now - 115 * day})


def test_a_plus_that_became_a_space_is_told() -> None:
    with pytest.raises(BadRequest, match="write the `\\+` of a zone as `%2B`"):
        DATE.criterion("idx.p", "", "2013-03-14T10:00:00 01:00", LOCALE)


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        ("2024-02-29", "2024-02-29", True),
        ("2024-02", "2024-02-29T23:59:59.999+01:00", True),
        ("le2024-02-29", "2024-03-01", False),
        ("sa2023-02-28", "2023-03-01", True),
    ],
)
def test_a_leap_day_is_a_day(value: str, target: str, expected: bool) -> None:
    assert found(DATE, [("dateTime", target)], value) is expected


@pytest.mark.parametrize("value", ["2023-02-29", "ge2013-04-31", "2013-03-14T24:00", "2013-3-1"])
def test_a_day_that_no_calendar_has_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a date such as"):
        DATE.criterion("idx.p", "", value, LOCALE)


def test_a_timing_covers_its_events_and_its_bounds() -> None:
    """R4: only the outer limits matter."""
    bounds = {"repeat": {"boundsPeriod": {"start": "2013-03-10"}}}
    timing = ("Timing", {"event": ["2013-03-02"], **bounds})
    assert found(DATE, [timing], "lt2013-03-03")
    assert found(DATE, [timing], "gt2030")
    assert not found(DATE, [timing], MARCH)


def test_a_date_sorts_by_the_first_instant_that_it_covers() -> None:
    (value,) = DATE.values([Node("date", "1970-01-01")], LOCALE)
    assert DATE.key(value) == value["lo"] == -3600 * 1_000_000


# _lastUpdated: one instant --------------------------------------------------------------------------

DAY_START, NEXT_DAY = (
    int(datetime(2024, 3, day, tzinfo=UTC).timestamp()) * 1_000_000 for day in (10, 11)
)
DAY = "2024-03-10"
INSTANTS = (DAY_START - 1, DAY_START, NEXT_DAY - 1, NEXT_DAY)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", (False, True, True, False)),
        ("eq", (False, True, True, False)),
        ("ap", (True, True, True, True)),
        ("ne", (True, False, False, True)),
        ("gt", (False, False, False, True)),
        ("sa", (False, False, False, True)),
        ("lt", (True, False, False, False)),
        ("eb", (True, False, False, False)),
        ("ge", (False, True, True, True)),
        ("le", (True, True, True, False)),
    ],
)
def test_the_last_update_is_compared_as_one_instant(
    prefix: str, expected: tuple[bool, ...]
) -> None:
    value = f"{prefix}{DAY}T00:00:00Z" if prefix in ("ge", "lt", "eb") else f"{prefix}{DAY}"
    locale = type(LOCALE)(zone=type(LOCALE.zone)("UTC"))
    predicate = DATE.criterion(FIELD_UPDATED, "", value, locale)
    assert tuple(holds(predicate, {FIELD_UPDATED: at}) for at in INSTANTS) == expected


# laws -----------------------------------------------------------------------------------------------

INSTANT = st.integers(-(2**40), 2**40)
SPANS = st.tuples(INSTANT, st.integers(1, 2**30)).map(lambda pair: (pair[0], pair[0] + pair[1]))
DATES = st.dates(min_value=datetime(1900, 1, 1, tzinfo=UTC).date()).map(str)


def matches(prefix: str, value: str, span: tuple[int, int]) -> bool:
    predicate = DATE.criterion("p", "", prefix + value, LOCALE)
    assert isinstance(predicate, Some)
    return holds(predicate, {"p": [{"lo": span[0], "hi": span[1]}]})


@given(DATES, SPANS)
def test_prefixes_are_related_as_their_words_are(value: str, span: tuple[int, int]) -> None:
    yes = {prefix: matches(prefix, value, span) for prefix in PREFIXES}
    assert yes["ne"] != yes["eq"]
    assert yes["ge"] == (yes["gt"] or yes["eq"])
    assert yes["le"] == (yes["lt"] or yes["eq"])
    assert not (yes["sa"] and yes["eb"])
    assert not yes["sa"] or (yes["gt"] and not yes["lt"])
    assert not yes["eb"] or (yes["lt"] and not yes["gt"])
    assert yes["eq"] <= yes["ap"]
    assert yes["ge"] or yes["lt"]
