"""What is added to a search by date follows from it, and narrows it where one value can be had."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.predicate import After, Before, Predicate, any_of, holds
from fhir_server.search.criteria import criteria
from fhir_server.search.date import criterion, values
from fhir_server.search.paths import Node
from fhir_server.search.registry import parameter
from fhir_server.search.types import Locale

LOCALE = Locale()
DATES = st.sampled_from(
    ["2023", "2024", "2024-02", "2024-02-29", "2024-03-01", "2024-03-01T10:00:00Z",
     "2024-03-01T10:00:00.250Z", "2024-03-31T02:30:00+02:00", "2024-12-31T23:59:59-05:00"]
)  # fmt: skip
PREFIXES = st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
ASKED = st.lists(st.tuples(PREFIXES, DATES).map("".join), min_size=1, max_size=2).map(",".join)
PERIODS = st.sampled_from(
    [{"start": "2023"}, {"end": "2024-03"}, {"start": "2024-02-29", "end": "2024-03-01"}]
)


def with_bounds(type_: str, code: str, asked: str) -> Predicate:
    return criteria(type_, parameter(type_, code), code, "", asked, LOCALE)


def without(code: str, asked: str) -> Predicate:
    return any_of(*(criterion(f"idx.{code}", "", one, LOCALE) for one in asked.split(",")))


def stored(code: str, *nodes: Node) -> dict[str, dict[str, object]]:
    """Return a row that holds the intervals of `nodes`, as a write would fill it."""
    found = values(nodes, LOCALE)
    return {"idx": {code: found}, "srt": {code: min(one["lo"] for one in found)}}


@given(DATES, ASKED)
def test_a_date_is_found_as_if_nothing_were_added(date: str, asked: str) -> None:
    row = stored("birthdate", Node("date", date[:10]))
    found = with_bounds("Patient", "birthdate", asked)
    assert holds(found, row) is holds(without("birthdate", asked), row)


@given(st.one_of(DATES, PERIODS), ASKED)
def test_what_may_be_a_period_is_found_as_if_nothing_were_added(value: object, asked: str) -> None:
    row = stored("date", Node("dateTime" if isinstance(value, str) else "Period", value))
    assert holds(with_bounds("Observation", "date", asked), row) is holds(
        without("date", asked), row
    )


@given(st.lists(DATES, min_size=1, max_size=3), ASKED)
def test_one_of_several_dates_is_found_as_if_nothing_were_added(
    dates: list[str], asked: str
) -> None:
    row = stored("creation", *(Node("dateTime", date) for date in dates))
    found = with_bounds("DocumentReference", "creation", asked)
    assert holds(found, row) is holds(without("creation", asked), row)


@pytest.mark.parametrize(
    ("asked", "sides"),
    [
        ("2024-03-01T10:00:00Z", {After, Before}),
        ("ge2024-03-01T10:00:00Z", {After}),
        ("gt2024-03-01T10:00:00Z", {After}),
        ("sa2024-03-01T10:00:00Z", {After}),
        ("lt2024-03-01T10:00:00Z", {Before}),
        ("eb2024-03-01T10:00:00Z", {Before}),
        ("ne2024-03-01T10:00:00Z", set()),
    ],
)
def test_an_instant_is_narrowed_on_the_side_that_is_asked_for(asked: str, sides: set[type]) -> None:
    parts = getattr(with_bounds("AuditEvent", "date", asked), "parts", ())
    assert {type(part) for part in parts if getattr(part, "field", "") == "srt.date"} == sides


def test_a_period_that_may_have_begun_long_ago_is_not_narrowed_from_below() -> None:
    asked = with_bounds("Observation", "date", "gt2024-03-01")
    assert asked == without("date", "gt2024-03-01")
