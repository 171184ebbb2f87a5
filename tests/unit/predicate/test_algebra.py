"""The constructors keep predicates small, and `holds` reads each node."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.predicate import (
    ALWAYS,
    NEVER,
    After,
    All,
    Before,
    Contains,
    Has,
    Not,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Some,
    all_of,
    any_of,
    holds,
    negate,
    one_of,
    under,
)
from fhir_server.predicate import Any as AnyOf

A, B, C = Has("x", "a"), Has("x", "b"), Has("y", "c")


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (all_of(), ALWAYS),
        (all_of(A), A),
        (all_of(A, ALWAYS, A), A),
        (all_of(A, NEVER), NEVER),
        (all_of(all_of(A, B), C), All((A, B, C))),
        (any_of(), NEVER),
        (any_of(A), A),
        (any_of(A, NEVER, A), A),
        (any_of(A, ALWAYS), ALWAYS),
        (any_of(any_of(A, B), C), AnyOf((A, B, C))),
        (all_of(any_of(A, B), C), All((AnyOf((A, B)), C))),
        (negate(ALWAYS), NEVER),
        (negate(NEVER), ALWAYS),
        (negate(A), Not(A)),
        (negate(Not(A)), A),
        (one_of("x", ()), NEVER),
        (one_of("x", ["a", "a"]), A),
        (one_of("x", ["b", "a"]), OneOf("x", ("a", "b"))),
        (one_of("x", ["b", 2]), OneOf("x", (2, "b"))),
    ],
)
def test_constructors_drop_what_changes_nothing(made: Predicate, wanted: Predicate) -> None:
    assert made == wanted


def test_under_moves_every_field_but_those_inside_some() -> None:
    parts = (
        A,
        OneOf("x", ("a",)),
        Prefix("x", "a"),
        Contains("x", "a", "b"),
        Before("x", 1, inclusive=True),
        After("x", 1),
        Present("x"),
        Some("l", A),
    )
    moved = (
        Has("acl.x", "a"),
        OneOf("acl.x", ("a",)),
        Prefix("acl.x", "a"),
        Contains("acl.x", "a", "b"),
        Before("acl.x", 1, inclusive=True),
        After("acl.x", 1),
        Present("acl.x"),
        Some("acl.l", A),
    )
    whole = All((AnyOf(parts), Not(A), ALWAYS, NEVER))
    assert under("acl", whole) == All((AnyOf(moved), Not(moved[0]), ALWAYS, NEVER))


FACTS: dict[str, Any] = {
    "text": "abc",
    "several": ["a", "b"],
    "number": 3,
    "flag": True,
    "null": None,
    "empty": [],
    "one": {"x": 1},
    "many": [{"x": 1, "y": 1}, {"x": 2}, "not an object"],
}


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (Has("several", "b"), True),
        (Has("many.x", 2), True),
        (Has("one.x", 1), True),
        (Has("text.x", 1), False),
        (Has("flag", 1), False),
        (Has("null", ""), False),
        (OneOf("several", ("x", "b")), True),
        (OneOf("several", ()), False),
        (Prefix("text", "ab"), True),
        (Prefix("number", "3"), False),
        (Contains("text", "bc"), True),
        (Contains("text", "bc", "c"), False),
        (Before("number", 3), False),
        (Before("number", 3, inclusive=True), True),
        (Before("text", 3), False),
        (After("number", 2), True),
        (After("flag", 0), False),
        (After("flag", 1, inclusive=True), False),
        (After("one", 1), False),
        (Present("several"), True),
        (Present("null"), False),
        (Present("empty"), False),
        (Present("absent"), False),
        (Some("many", All((Has("x", 1), Has("y", 1)))), True),
        (Some("many", All((Has("x", 2), Has("y", 1)))), False),
        (Some("many", ALWAYS), True),
        (Some("one", ALWAYS), False),
        (Some("several", ALWAYS), False),
        (Some("absent", ALWAYS), False),
        (Not(Has("absent", 1)), True),
    ],
)
def test_a_node_holds_as_its_words_say(predicate: Predicate, expected: bool) -> None:
    assert holds(predicate, FACTS) is expected
