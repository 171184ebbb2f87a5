"""What is left of a predicate when a field is known."""

from __future__ import annotations

import pytest

from fhir_server.predicate import (
    ALWAYS,
    NEVER,
    After,
    Has,
    OneOf,
    Predicate,
    Present,
    Some,
    all_of,
    any_of,
    negate,
)
from fhir_server.predicate.given import given

OTHER = Has("y", "b")


@pytest.mark.parametrize(
    ("part", "left"),
    [
        (Has("x", "a"), ALWAYS),
        (Has("x", "b"), NEVER),
        (OneOf("x", ("a", "b")), ALWAYS),
        (OneOf("x", ("b", "c")), NEVER),
        (Present("x"), ALWAYS),
        (Present("y"), Present("y")),
        (negate(Has("x", "a")), NEVER),
        (all_of(Has("x", "a"), OTHER), OTHER),
        (all_of(Has("x", "b"), OTHER), NEVER),
        (any_of(Has("x", "a"), OTHER), ALWAYS),
        (any_of(Has("x", "b"), OTHER), OTHER),
        (Some("l", Has("x", "b")), Some("l", Has("x", "b"))),
        (After("x", "a"), After("x", "a")),
    ],
)
def test_what_is_known_is_taken_out(part: Predicate, left: Predicate) -> None:
    assert given(part, "x", "a") == left


def test_a_truth_value_is_no_number() -> None:
    assert given(Has("x", 1), "x", True) == NEVER
    assert given(OneOf("x", (0, 1)), "x", True) == NEVER
    assert given(Has("x", True), "x", True) == ALWAYS
