"""Separators and escapes: https://hl7.org/fhir/R4/search.html#escaping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.escape import escape, split, unescape


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a,b,", ["a", "b", ""]),
        (r"a\,b,c", [r"a\,b", "c"]),
        (r"a\\,b", [r"a\\", "b"]),
        ("a\\", ["a\\"]),
        (r"a\|b", [r"a\|b"]),
    ],
)
def test_a_separator_divides_where_it_is_not_escaped(text: str, parts: list[str]) -> None:
    assert split(text, ",") == parts


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"a\,b", "a,b"),
        (r"a\|b", "a|b"),
        (r"a\$b", "a$b"),
        (r"a\\b", "a\\b"),
        (r"\\,", r"\,"),
        (r"a\b", r"a\b"),
        ("a", "a"),
        ("a\\", "a\\"),
    ],
)
def test_an_escape_stands_for_its_character(text: str, plain: str) -> None:
    assert unescape(text) == plain


@given(st.lists(st.text(alphabet="a,|$\\é"), min_size=1, max_size=5))
def test_what_is_escaped_and_joined_comes_back(texts: list[str]) -> None:
    escaped = ["".join(f"\\{c}" if c in "\\,|$" else c for c in text) for text in texts]
    assert [unescape(part) for part in split(",".join(escaped), ",")] == texts


@given(st.text(), st.sampled_from(",|$"))
def test_what_is_escaped_is_one_part_and_comes_back(text: str, separator: str) -> None:
    assert [unescape(part) for part in split(escape(text), separator)] == [text]
