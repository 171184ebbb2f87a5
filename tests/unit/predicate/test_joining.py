"""Alternatives as one predicate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.predicate import Has, OneOf, Predicate, Prefix, any_of, holds, one_of
from fhir_server.predicate.joining import joined

LEAVES: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(Has, st.sampled_from("pq"), st.sampled_from("abc")),
    st.builds(one_of, st.sampled_from("pq"), st.lists(st.sampled_from("abc"))),
    st.builds(Prefix, st.sampled_from("pq"), st.sampled_from("abc")),
)
FACTS = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from("abc")) for name in "pq"}
)


@given(st.lists(LEAVES), FACTS)
def test_joining_changes_no_answer(parts: list[Predicate], facts: dict[str, list[str]]) -> None:
    assert holds(joined(parts), facts) is holds(any_of(*parts), facts)


def test_several_values_of_one_field_are_looked_up_at_once() -> None:
    assert joined([Has("p", "b"), Has("p", "a")]) == OneOf("p", ("a", "b"))
    assert joined([Has("p", "a")]) == Has("p", "a")
