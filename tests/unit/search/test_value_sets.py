"""What a value set holds: https://hl7.org/fhir/R4/valueset.html#compositions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.concepts import MAX_CODES, Concepts, NotCarriedOut
from fhir_server.search.value_sets import expand
from tests.unit.search.terms import ALL, CARE, ELSEWHERE, TREE, Terms, composed

Json = dict[str, Any]
GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"


def codes(terms: Terms, address: str = "vs") -> set[str]:
    found = expand(address, terms)
    assert not found.systems
    return {code for _, code in found.codes}


def refusal(terms: Terms, address: str = "vs") -> str:
    with pytest.raises(NotCarriedOut) as caught:
        expand(address, terms)
    return str(caught.value)


def where(op: str, property_: str, value: str) -> Json:
    filter_ = {"op": op, "property": property_, "value": value}
    return {"system": CARE, "filter": [filter_]}


def listed(*codes: str, system: str = CARE) -> Json:
    return {"system": system, "concept": [{"code": code} for code in codes]}


def test_a_value_set_of_r4_is_known_without_being_stored() -> None:
    pairs = expand(GENDER, Terms()).codes
    assert ("http://hl7.org/fhir/administrative-gender", "male") in pairs
    assert expand(f"{GENDER}|4.0.1", Terms()).codes == pairs
    assert "is not a value set of this server" in refusal(Terms(), f"{GENDER}|3.0.0")


def test_what_is_stored_comes_before_what_is_shipped() -> None:
    terms = Terms({GENDER: {"compose": {"include": [listed("odd")]}}})
    assert codes(terms, GENDER) == {"odd"}


def test_concepts_that_are_listed_belong() -> None:
    terms = composed([listed("a", "b"), listed("c", system=ELSEWHERE)])
    assert expand("vs", terms).codes == {(CARE, "a"), (CARE, "b"), (ELSEWHERE, "c")}


def test_a_whole_system_is_listed_where_it_is_known() -> None:
    assert codes(composed({"system": CARE})) == ALL
    assert expand("vs", composed({"system": ELSEWHERE})) == Concepts(systems=frozenset([ELSEWHERE]))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (where("is-a", "concept", "nursing"), {"nursing", "home-nursing", "transplant"}),
        (where("descendent-of", "concept", "nursing"), {"home-nursing", "transplant"}),
        (where("is-not-a", "concept", "care"), {"other", "odd"}),
        (where("generalizes", "concept", "heart"), {"heart", "surgery", "care"}),
        (where("in", "concept", "hand, heart"), {"hand", "heart"}),
        (where("not-in", "kind", "team,person"), ALL - {"transplant", "nursing"}),
        (where("=", "kind", "team"), {"transplant"}),
        (where("=", "urgent", "true"), {"odd"}),
        (where("=", "parent", "surgery"), {"heart", "hand"}),
        (where("=", "child", "odd"), {"other"}),
        (where("exists", "kind", "true"), {"nursing", "transplant"}),
        (where("exists", "kind", "false"), ALL - {"nursing", "transplant"}),
        (where("exists", "parent", "false"), {"care", "other"}),
    ],
)
def test_a_filter_chooses_among_the_concepts_of_a_system(part: Json, expected: set[str]) -> None:
    assert codes(composed(part)) == expected


def test_several_filters_must_all_pass() -> None:
    both = where("is-a", "concept", "care")
    both["filter"] += where("exists", "kind", "true")["filter"]
    assert codes(composed(both)) == {"nursing", "transplant"}


def test_what_is_excluded_does_not_belong() -> None:
    below = where("is-a", "concept", "surgery")
    assert codes(composed({"system": CARE}, below)) == ALL - {
        "surgery",
        "heart",
        "hand",
        "transplant",
    }
    assert codes(composed(listed("a", "b"), {"system": CARE})) == set()


def test_codes_are_taken_out_of_a_whole_system_only_where_it_is_known() -> None:
    assert "whose CodeSystem is not complete here" in refusal(
        composed({"system": ELSEWHERE}, listed("a", system=ELSEWHERE))
    )
    whole = composed({"system": ELSEWHERE}, {"system": ELSEWHERE})
    assert expand("vs", whole) == Concepts()


def test_value_sets_named_in_one_part_narrow_it_and_parts_add_up() -> None:
    sets = {
        "a": {"compose": {"include": [listed("x", "y")]}},
        "b": {"compose": {"include": [listed("y", "z")]}},
        "both": {"compose": {"include": [{"valueSet": ["a", "b"]}]}},
        "either": {"compose": {"include": [{"valueSet": ["a"]}, {"valueSet": ["b"]}]}},
        "some": {"compose": {"include": [{"system": ELSEWHERE, "valueSet": ["c"]}]}},
        "c": {"compose": {"include": [listed("p", system=ELSEWHERE), listed("x")]}},
    }
    assert codes(Terms(sets), "both") == {"y"}
    assert codes(Terms(sets), "either") == {"x", "y", "z"}
    assert codes(Terms(sets), "some") == {"p"}


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (Terms(), "is not a value set of this server: `vs`"),
        (Terms({"vs": {}}), "says nothing of what it includes"),
        (composed({"filter": []}), "neither a system nor a value set"),
        (composed({"valueSet": ["vs"]}), "more than 8 deep, or itself"),
        (composed({"valueSet": ["x"]}), "is not a value set of this server: `x`"),
        (composed(where("regex", "code", ".*")), "has a filter `code regex`"),
        (composed(where("is-a", "concept", "none")), "by `none`, which is no code"),
        (composed(where("=", "size", "1")), "a property that no concept has"),
        (
            composed({**where("is-a", "concept", "x"), "system": ELSEWHERE}),
            "whose CodeSystem is not complete on this server",
        ),
    ],
)
def test_what_is_not_understood_is_refused_and_never_empty(terms: Terms, why: str) -> None:
    assert why in refusal(terms)


def test_a_part_of_a_code_system_is_not_filtered() -> None:
    parts = {**TREE, "content": "fragment"}
    sets = composed(where("is-a", "concept", "care")).value_sets
    assert "is not complete" in refusal(Terms(sets, {CARE: parts}))


def test_a_whole_expansion_stands_for_a_composition_that_is_not_carried_out() -> None:
    contains = [
        {"system": CARE, "code": "a", "contains": [{"system": CARE, "code": "b"}]},
        {"system": CARE, "code": "c", "abstract": True},
    ]
    compose = {"include": [where("regex", "code", ".*")]}
    expansion = {"contains": contains}
    assert codes(Terms({"vs": {"compose": compose, "expansion": expansion}})) == {"a", "b"}
    assert codes(Terms({"vs": {"expansion": {**expansion, "total": 3}}})) == {"a", "b"}
    for part in ({"offset": 2}, {"total": 4}):
        refused = {"compose": compose, "expansion": {**expansion, **part}}
        assert "has a filter `code regex`" in refusal(Terms({"vs": refused}))


def test_a_value_set_is_bounded() -> None:
    many = [f"c{number}" for number in range(MAX_CODES + 1)]
    with pytest.raises(NotCarriedOut, match="use a smaller one") as caught:
        expand("vs", composed(listed(*many)))
    assert caught.value.code == "too-costly"
    assert len(codes(composed(listed(*many[1:])))) == MAX_CODES


PAIRS = [(system, code) for system in "st" for code in "ab"]
SETS = st.builds(
    Concepts,
    st.frozensets(st.sampled_from(PAIRS)),
    st.frozensets(st.sampled_from("st")),
)


@given(SETS, SETS, st.sampled_from([*PAIRS, ("s", "else"), ("u", "a")]))
def test_sets_of_codes_are_joined_as_sets(
    one: Concepts, other: Concepts, pair: tuple[str, str]
) -> None:
    assert (pair in (one | other)) == (pair in one or pair in other)
    assert (pair in (one & other)) == (pair in one and pair in other)
    try:
        left = one - other
    except NotCarriedOut:
        assert {system for system, _ in other.codes} & (one.systems - other.systems)
    else:
        assert (pair in left) == (pair in one and pair not in other)
