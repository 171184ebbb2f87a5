"""The grammar of `_filter`: https://hl7.org/fhir/R4/search_filter.html."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.search.filter_parse import (
    LONGEST,
    OPERATORS,
    Comparison,
    Denied,
    Filter,
    Joined,
    parse_filter,
)


def written(part: Filter) -> str:
    """Write what was read, every group in brackets."""
    match part:
        case Joined(word, parts):
            return "{" + f" {word} ".join(map(written, parts)) + "}"
        case Denied(inner):
            return f"!{written(inner)}"
        case Comparison(path, operator, value):
            names = ".".join(
                step.name + (f"[{written(step.only)}]" if step.only else "") for step in path
            )
            return f"{names} {operator} {value}"


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        parse_filter(text)
    (issue,) = caught.value.issues
    return issue.code, issue.diagnostics


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('name co "pet"', "name co pet"),
        (
            'given eq "peter" and birthdate ge 2014-10-10',
            "{given eq peter and birthdate ge 2014-10-10}",
        ),
        ("code eq http://loinc.org|1234-5", "code eq http://loinc.org|1234-5"),
        ('subject.name co "pet"', "subject.name co pet"),
        (
            'related[type eq "has-component"].target pr true',
            "related[type eq has-component].target pr true",
        ),
        (
            "related[type eq has-component].target re Observation/4",
            "related[type eq has-component].target re Observation/4",
        ),
    ],
)
def test_the_examples_of_the_specification_are_read(text: str, read: str) -> None:
    assert written(parse_filter(text)) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a eq 1 or b eq 2 and c eq 3", "{{a eq 1 or b eq 2} and c eq 3}"),
        ("a eq 1 and b eq 2 or c eq 3", "{{a eq 1 and b eq 2} or c eq 3}"),
        ("a eq 1 or (b eq 2 and c eq 3)", "{a eq 1 or {b eq 2 and c eq 3}}"),
        ("a eq 1 and b eq 2 and c eq 3", "{a eq 1 and b eq 2 and c eq 3}"),
    ],
)
def test_words_that_join_are_read_from_left_to_right(text: str, read: str) -> None:
    assert written(parse_filter(text)) == read


def test_not_denies_what_stands_in_parentheses() -> None:
    assert written(parse_filter("not (a eq 1 or b eq 2) and c eq 3")) == (
        "{!{a eq 1 or b eq 2} and c eq 3}"
    )


def test_a_name_may_begin_like_a_word_that_joins() -> None:
    assert written(parse_filter("not-given eq or and order eq not")) == (
        "{not-given eq or and order eq not}"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'a eq "say \"hi\""', 'say "hi"'),
        (r'a eq "l\u0065 b)] and"', "le b)] and"),
        ("a eq b,c|d", "b,c|d"),
        ("a eq 2014-10-10T12:00:00+01:00", "2014-10-10T12:00:00+01:00"),
        ("  a   eq\t1e-3  ", "1e-3"),
    ],
)
def test_a_value_is_a_json_string_or_signs_without_space(text: str, value: str) -> None:
    found = parse_filter(text)
    assert isinstance(found, Comparison)
    assert found.value == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "column 1: the name of a search parameter is missing"),
        ("a", "column 2: an operator is missing"),
        ("a is b", "column 3: `is` is no operator"),
        ("a EQ b", "column 3: `EQ` is no operator"),
        ("a eq", "column 5: a value is missing"),
        ('a eq ""', "column 8: a value is missing"),
        ('a eq "b', "column 6: this text is not written as in JSON"),
        ("a eq b c eq d", "column 8: `and` or `or` is missing"),
        ("a eq b and", "column 11: the name of a search parameter is missing"),
        ("(a eq b", "column 8: `)` is missing"),
        ("a eq b)", "column 7: `)` closes nothing"),
        ("a[b eq c.d eq e", "column 12: `and` or `or` is missing"),
        ("a[b eq c", "column 9: `]` is missing"),
        ("a[b eq c] eq d", "column 10: `.` and a name are missing after `]`"),
        ("a. eq b", "column 3: the name of a search parameter is missing"),
        ("not a eq b", "column 5: `not` is followed by `(`"),
        ("a eq b or not", "column 14: `not` is followed by `(`"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_column(text: str, why: str) -> None:
    assert refusal(text) == ("value", f"`_filter`, {why}")


@pytest.mark.parametrize(
    "text",
    [
        "a eq " + "b" * LONGEST,
        "(" * 20 + "a eq b" + ")" * 20,
        "a[" * 20 + "b eq c" + "].d eq e" * 20,
        " or ".join(["a eq b"] * 65),
    ],
)
def test_what_would_cost_too_much_is_refused(text: str) -> None:
    assert refusal(text)[0] == "too-costly"


def said_of(text: str) -> str:
    try:
        return f"`_filter` {written(parse_filter(text))}"
    except BadRequest as error:
        return error.issues[0].diagnostics


@given(st.text(st.sampled_from("ab(). []\"'eqorand not\\|")) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert said_of(text).startswith("`_filter`")


COMPARISONS = st.builds(
    lambda name, operator, value: f'{name} {operator} "{value}"',
    st.sampled_from(["a", "b.c", "d[e eq f].g"]),
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from(["x", "x y", "1"]),
)
WRITTEN = st.recursive(
    COMPARISONS,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from(["and", "or"]), parts).map(
            lambda p: f"({p[0]}) {p[1]} ({p[2]})"
        ),
        parts.map(lambda part: f"not ({part})"),
    ),
    max_leaves=6,
)


@given(WRITTEN)
def test_parentheses_around_a_filter_change_nothing(text: str) -> None:
    """Columns move by one, so what is compared is what the filter says."""
    assert written(parse_filter(f"({text})")) == written(parse_filter(text))
