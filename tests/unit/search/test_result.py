"""Parameters that shape the answer: https://hl7.org/fhir/R4/search.html#return."""

from __future__ import annotations

from typing import Literal

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.subset import WHOLE, Subset
from fhir_server.search.include import Include
from fhir_server.search.result import Counts, Result, SortKey, read_result


def read(*pairs: tuple[str, str], lenient: bool = False) -> Result:
    return read_result("DocumentReference", pairs, lenient=lenient)[0]


def refusal(*pairs: tuple[str, str]) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        read(*pairs)
    (issue,) = caught.value.issues
    return issue.code, issue.diagnostics


def test_a_page_has_twenty_matches_when_nothing_is_asked() -> None:
    assert read() == Result(count=20)


@pytest.mark.parametrize(
    ("value", "count"), [("0", 0), ("7", 7), ("1000", 1000), ("999999999", 1000)]
)
def test_a_page_has_as_many_matches_as_asked_up_to_a_limit(value: str, count: int) -> None:
    assert read(("_count", value)).count == count


def test_the_usual_count_and_the_limit_are_settings() -> None:
    counts = Counts(usual=5, most=10)
    assert read_result("Patient", [], counts=counts)[0].count == 5
    assert read_result("Patient", [("_count", "50")], counts=counts)[0].count == 10


@pytest.mark.parametrize("value", ["", "-1", "ten", "1.5", "٣", "1234567890", " 1"])
def test_a_count_that_is_no_whole_number_is_refused(value: str) -> None:
    assert refusal(("_count", value)) == ("value", "`_count` takes a whole number")


def test_sort_keys_are_read_in_order_with_their_direction() -> None:
    assert read(("_sort", "-date,_id,status")).sort == (
        SortKey("srt.date", descending=True),
        SortKey("_id"),
        SortKey("srt.status"),
    )


def test_a_sort_key_counts_where_it_stands_first() -> None:
    """A later one could change nothing, and would confuse the order of the database."""
    assert read(("_sort", "-date,status,date")).sort == (
        SortKey("srt.date", descending=True),
        SortKey("srt.status"),
    )


@pytest.mark.parametrize("value", ["", "dat", "date,", "--date", "value-quantity"])
def test_a_sort_by_something_unknown_is_refused(value: str) -> None:
    code, text = refusal(("_sort", value))
    assert code == "not-supported"
    assert "has no search parameter" in text


def test_a_sort_takes_four_keys() -> None:
    assert len(read(("_sort", "date,status,type,category")).sort) == 4
    assert refusal(("_sort", "date,status,type,category,event")) == (
        "too-costly",
        "`_sort` takes at most 4 keys",
    )


def test_includes_are_read_with_and_without_a_target() -> None:
    includes = read(
        ("_include", "DocumentReference:author"),
        ("_include", "DocumentReference:subject:Patient"),
    ).includes
    assert includes == (
        Include("DocumentReference", "author"),
        Include("DocumentReference", "subject", "Patient"),
    )


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("Document:author", "value", "`_include` takes `Type:parameter`"),
        ("DocumentReference", "value", "`_include` takes `Type:parameter`"),
        ("DocumentReference:", "value", "`_include` takes `Type:parameter`"),
        ("DocumentReference:date", "value", "is no reference, it can't be included"),
        ("DocumentReference:subject:Doctor", "value", "`Doctor` is no resource type"),
    ],
)
def test_an_include_that_is_not_understood_is_refused(value: str, code: str, text: str) -> None:
    found, diagnostics = refusal(("_include", value))
    assert found == code
    assert text in diagnostics


@pytest.mark.parametrize("value", ["none", "estimate", "accurate"])
def test_a_total_is_one_of_three(value: str) -> None:
    assert read(("_total", value)).total == value


def test_a_summary_may_be_a_count() -> None:
    assert read(("_summary", "count")).summary_count
    assert read(("_summary", "count")).subset == WHOLE


@pytest.mark.parametrize("value", ["true", "text", "data"])
def test_a_summary_is_a_part_of_each_resource(value: Literal["true", "text", "data"]) -> None:
    """https://hl7.org/fhir/R4/search.html#summary."""
    found = read(("_summary", value))
    assert found.subset == Subset(value, ())
    assert not found.summary_count


def test_no_summary_is_the_whole_resource() -> None:
    assert read(("_summary", "false")).subset == WHOLE


def test_elements_add_up_in_their_order() -> None:
    """https://hl7.org/fhir/R4/search.html#elements."""
    found = read(("_elements", "status, date,"), ("_elements", "type"))
    assert found.subset == Subset("", ("status", "date", "type"))


def test_elements_and_summary_exclude_each_other() -> None:
    assert refusal(("_summary", "text"), ("_elements", "status")) == (
        "value",
        "`_summary` and `_elements` can't be combined",
    )
    assert read(("_summary", "false"), ("_elements", "status")).subset == Subset("", ("status",))


@pytest.mark.parametrize(
    ("name", "value"),
    [("_total", "exact"), ("_summary", "short"), ("_summary", ""), ("_contained", "both")],
)
def test_what_is_not_supported_is_refused_or_left_out_when_asked_leniently(
    name: str, value: str
) -> None:
    """https://hl7.org/fhir/R4/search.html#errors."""
    assert refusal((name, value)) == ("not-supported", f"`{name}={value}` is not supported")
    result, kept = read_result("Patient", [(name, value), ("_count", "3")], lenient=True)
    assert (result, kept) == (Result(count=3), (("_count", "3"),))


def test_a_value_that_is_wrong_is_refused_even_leniently() -> None:
    with pytest.raises(BadRequest):
        read(("_count", "many"), lenient=True)


def test_form_and_position_are_no_part_of_the_query() -> None:
    pairs = [("_format", "json"), ("_pretty", "true"), ("_cursor", "x"), ("_sort", "date")]
    assert read_result("DocumentReference", pairs)[1] == (("_sort", "date"),)


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ([("_count", "2000")], [("_count", "1000")]),
        ([("_count", "007")], [("_count", "7")]),
        ([("_count", "5"), ("_count", "3")], [("_count", "3")]),
        (
            [("_sort", "date"), ("_total", "none"), ("_sort", "status")],
            [("_total", "none"), ("_sort", "status")],
        ),
    ],
)
def test_what_counted_is_said_and_nothing_else(
    asked: list[tuple[str, str]], used: list[tuple[str, str]]
) -> None:
    assert read_result("DocumentReference", asked)[1] == tuple(used)


@pytest.mark.parametrize("code", ["_content", "_text", "_filter"])
def test_what_has_no_order_is_not_sorted_by(code: str) -> None:
    assert refusal(("_sort", code)) == (
        "not-supported",
        f"`{code}` has no order, it can't be sorted by",
    )


@pytest.mark.parametrize("value", ["true", "both"])
def test_contained_resources_are_no_matches(value: str) -> None:
    assert read(("_contained", "false"), ("_containedType", "container")) == Result()
    assert refusal(("_contained", value))[0] == "not-supported"
