"""`holds` and a real MongoDB give the same answer, and the algebra keeps its laws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mongomock
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection

from fhir_server.predicate import (
    ALWAYS,
    NEVER,
    After,
    All,
    Before,
    Contains,
    Ends,
    Has,
    Near,
    Not,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Scalar,
    Some,
    Unlike,
    all_of,
    any_of,
    holds,
    negate,
    one_of,
    prepared,
    under,
)
from fhir_server.predicate import Any as AnyOf
from fhir_server.predicate.given import given as given_field
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.query import to_query

Collected = Collection[dict[str, Any]]
Document = dict[str, Any]

SEPARATOR = "\x1f"
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "A",
        "ab",
        "é",
        "é",
        "œuf",
        "a.b",
        "a*",
        "^a",
        "$",
        "(",
        "[a]",
        "\\",
        "\\d",
        "|",
        "a b",
        " ",
        "\n",
        "a\nb",
        "-",
        "a\x1fb",
        "\x1f",
        "lefèvre\x1fLefèvre",
        "🩺",
        "\uffff",
    ]
)
CLEAN = TEXTS.filter(lambda text: SEPARATOR not in text)
NUMBERS = st.sampled_from([-(2**63), -7, 0, 1, 2, 3, 1_700_000_000_000_000, 2**63 - 1])
SCALARS: st.SearchStrategy[Scalar] = st.one_of(TEXTS, NUMBERS, st.booleans())
VALUES = st.one_of(SCALARS, st.lists(SCALARS, min_size=1, max_size=3))
FLAT = ("x", "y")
PATHS = (*FLAT, "empty", "o.x", "l.x", "l.o.x", "l.l.y")


def an_object(inner: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Document]:
    """An object in which any field may be absent; `empty` alone may be null or without items."""
    fields: dict[str, st.SearchStrategy[Any]] = {"x": VALUES, "y": VALUES}
    fields["empty"] = st.sampled_from([None, [], [None], [None, "a"]])
    if inner is not None:
        fields |= {"o": inner, "l": st.lists(inner, max_size=3)}
    return st.fixed_dictionaries({}, optional=fields)


DOCUMENTS = an_object(an_object(an_object()))


def leaves(scalars: st.SearchStrategy[Scalar]) -> st.SearchStrategy[Predicate]:
    field = st.sampled_from(PATHS)
    return st.one_of(
        st.sampled_from([ALWAYS, NEVER]),
        st.builds(Has, field, scalars),
        st.builds(OneOf, field, st.lists(scalars, max_size=3).map(tuple)),
        st.builds(Prefix, field, TEXTS),
        st.builds(Contains, field, TEXTS),
        st.builds(Contains, field, CLEAN, st.just(SEPARATOR)),
        st.builds(Ends, field, TEXTS),
        st.builds(Ends, field, CLEAN, st.just(SEPARATOR)),
        st.builds(Unlike, field, st.lists(TEXTS, max_size=3).map(tuple)),
        st.builds(
            Unlike,
            field,
            st.lists(CLEAN, max_size=3).map(tuple),
            st.just(SEPARATOR),
            st.sampled_from(["whole", "head", "tail"]),
        ),
        st.builds(Before, field, scalars, st.booleans()),
        st.builds(After, field, scalars, st.booleans()),
        # Of a field that holds nothing but null, or stands in only some items of a list, see the
        # tests named below.
        st.builds(Present, st.sampled_from(FLAT)),
    )


def joined(parts: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    several = st.lists(parts, max_size=3).map(tuple)
    return st.one_of(
        st.builds(All, several),
        st.builds(AnyOf, several),
        st.builds(Not, parts),
        st.builds(Some, st.sampled_from(["l", "o", "l.l", "o.l", "x"]), parts),
    )


PREDICATES = st.recursive(leaves(SCALARS), joined, max_leaves=8)
# Python takes True for 1, so that a set of both keeps one: no field holds both kinds here.
TYPED = st.recursive(leaves(SCALARS.filter(lambda s: s is not True and s is not False)), joined)


@pytest.fixture(scope="module")
def collection(mongo_uri: str, module_database_name: str) -> Iterator[Collected]:
    with connect(mongo_uri) as client:
        yield client[module_database_name]["facts"]


def found(collection: Collected, predicate: Predicate) -> set[int]:
    return {row["_id"] for row in collection.find(to_query(predicate), {"_id": 1})}


def stored(collection: Collected, documents: list[Document]) -> None:
    collection.delete_many({})
    collection.insert_many([{"_id": n, **document} for n, document in enumerate(documents)])


# a real MongoDB -----------------------------------------------------------------------------------


@given(
    st.lists(DOCUMENTS, min_size=12, max_size=24),
    st.lists(PREDICATES, min_size=8, max_size=16),
)
@settings(max_examples=60)
def test_a_query_finds_exactly_the_documents_in_which_the_predicate_holds(
    collection: Collected, documents: list[Document], predicates: list[Predicate]
) -> None:
    stored(collection, documents)
    for predicate in predicates:
        wanted = {n for n, document in enumerate(documents) if holds(predicate, document)}
        assert found(collection, predicate) == wanted, predicate


@given(st.lists(an_object(), min_size=6, max_size=12))
@settings(max_examples=25)
def test_a_fact_that_is_not_there_is_found_to_be_absent(
    collection: Collected, facts: list[Document]
) -> None:
    documents = [{"acl": one} for one in facts]
    stored(collection, documents)
    absent = Not(Present("acl.x"))
    assert found(collection, absent) == {n for n, one in enumerate(facts) if "x" not in one}
    assert "$in" in to_query(absent)["acl.x"]


@pytest.mark.parametrize("empty", [None, [], [None]])
def test_a_fact_that_is_null_or_empty_is_absent(collection: Collected, empty: object) -> None:
    documents: list[Document] = [{"acl": {"x": empty}}, {"acl": {"x": "a"}}, {"acl": {}}]
    stored(collection, documents)
    assert found(collection, Not(Present("acl.x"))) == {0, 2}


@given(st.lists(TEXTS, min_size=2, max_size=12, unique=True))
@settings(max_examples=25)
def test_texts_are_ordered_alike_here_and_there(collection: Collected, texts: list[str]) -> None:
    stored(collection, [{"x": text} for text in texts])
    rows = collection.find().sort("x", 1)
    assert [row["x"] for row in rows] == sorted(texts)


@pytest.mark.parametrize("text", list(".^$*+?{}[]()|\\/-#& \n\t~'\""))
def test_a_character_of_an_expression_stands_for_itself(collection: Collected, text: str) -> None:
    stored(collection, [{"x": f"{text}z"}, {"x": "az"}, {"x": f"a{text}z"}])
    assert found(collection, Prefix("x", text)) == {0}
    assert found(collection, Contains("x", text)) == {0, 2}


def test_an_empty_choice_finds_nothing(collection: Collected) -> None:
    """L54: an empty set of permissions is not an absent filter."""
    stored(collection, [{"x": 1}, {}])
    for nothing in (NEVER, AnyOf(()), OneOf("x", ()), one_of("x", ()), any_of(), Not(ALWAYS)):
        assert found(collection, nothing) == set()
        assert found(collection, All((Has("x", 1), nothing))) == set()


def test_one_element_has_to_satisfy_all_of_some(collection: Collected) -> None:
    apart = {"l": [{"x": 1}, {"y": 2}]}
    together = {"l": [{"x": 1, "y": 2}]}
    stored(collection, [apart, together])
    assert found(collection, Some("l", All((Has("x", 1), Has("y", 2))))) == {1}
    assert found(collection, All((Has("l.x", 1), Has("l.y", 2)))) == {0, 1}


PLACES = st.tuples(
    st.one_of(st.sampled_from([-180.0, 0.0, 179.9, 180.0]), st.floats(-180, 180)),
    st.one_of(st.sampled_from([-90.0, 0.0, 89.9, 90.0]), st.floats(-90, 90)),
)
METRES = st.one_of(st.floats(0, 2e7), st.floats(0, 5e4))


def a_point(place: tuple[float, float]) -> Document:
    return {"at": {"type": "Point", "coordinates": list(place)}}


@given(st.lists(PLACES, min_size=4, max_size=12), st.lists(st.tuples(PLACES, METRES), max_size=8))
@settings(max_examples=40)
def test_what_is_near_here_is_near_there(
    collection: Collected,
    places: list[tuple[float, float]],
    asked: list[tuple[tuple[float, float], float]],
) -> None:
    """But for what lies on the very edge, where the last bit of two sines decides."""
    documents = [{"l": [a_point(place)]} for place in places]
    stored(collection, [*documents, {"l": [{"at": "here"}]}, {"l": []}, {}])
    for place, metres in asked:
        near, nearer, farther = (
            Near("l.at", *place, metres * factor + offset)
            for factor, offset in ((1, 0), (0.999999, -0.01), (1.000001, 0.01))
        )
        answered = found(collection, near)
        assert answered >= {n for n, one in enumerate(documents) if holds(nearer, one)}
        assert answered <= {n for n, one in enumerate(documents) if holds(farther, one)}
        assert found(collection, Not(near)) == set(range(len(documents) + 3)) - answered
        assert found(collection, Some("l", under("at", Near("x", *place, 1)))) == set()


# the two differ here: see `to_query` in store/mongo/query.py ----------------------------------------


@pytest.mark.parametrize("document", [{"x": []}, {"x": [None, 1]}])
def test_present_means_one_value_at_least(collection: Collected, document: Document) -> None:
    stored(collection, [document])
    assert bool(found(collection, Present("x"))) == holds(Present("x"), document)


def test_present_looks_for_one_item_of_a_list(collection: Collected) -> None:
    stored(collection, [{"l": [{"x": 1}, {}]}])
    assert found(collection, Present("l.x")) == {0}


def test_a_text_with_the_mark_in_it_is_contained_in_no_head(collection: Collected) -> None:
    stored(collection, [{"x": f"ab{SEPARATOR}c"}])
    assert found(collection, Contains("x", f"b{SEPARATOR}c", SEPARATOR)) == set()


# laws ---------------------------------------------------------------------------------------------


@given(TYPED, DOCUMENTS)
def test_denying_twice_changes_nothing(part: Predicate, document: Document) -> None:
    assert holds(negate(negate(part)), document) == holds(part, document)
    assert holds(negate(part), document) == (not holds(part, document))


@given(st.lists(TYPED, max_size=4), DOCUMENTS)
def test_joining_means_every_part(parts: list[Predicate], document: Document) -> None:
    assert holds(all_of(*parts), document) == all(holds(part, document) for part in parts)


@given(st.lists(TYPED, max_size=4), DOCUMENTS)
def test_offering_means_one_part(parts: list[Predicate], document: Document) -> None:
    assert holds(any_of(*parts), document) == any(holds(part, document) for part in parts)


@given(st.lists(st.lists(TYPED, max_size=3), max_size=3), DOCUMENTS)
def test_flattening_keeps_the_meaning(groups: list[list[Predicate]], document: Document) -> None:
    flat = all_of(*(all_of(*group) for group in groups))
    assert holds(flat, document) == all(holds(p, document) for group in groups for p in group)
    wide = any_of(*(any_of(*group) for group in groups))
    assert holds(wide, document) == any(holds(p, document) for group in groups for p in group)


@given(TYPED, DOCUMENTS)
def test_what_holds_of_facts_holds_of_them_under_a_name(p: Predicate, document: Document) -> None:
    assert holds(under("acl", p), {"acl": document}) == holds(p, document)


@given(PREDICATES, DOCUMENTS)
def test_every_predicate_has_an_answer_for_every_document(p: Predicate, document: Document) -> None:
    assert holds(p, document) in (True, False)


@given(PREDICATES, DOCUMENTS)
def test_a_prepared_predicate_says_what_holds_says(p: Predicate, document: Document) -> None:
    assert prepared(p)(document) == holds(p, document)
    assert prepared(under("acl", p))({"acl": document}) == holds(p, document)
    assert prepared(Some("l", p))(document) == holds(Some("l", p), document)
    assert prepared(Some("l.o.l", p))(document) == holds(Some("l.o.l", p), document)


@given(TYPED, DOCUMENTS, SCALARS)
def test_what_is_left_when_a_field_is_known_agrees_with_the_whole(
    part: Predicate, document: Document, value: Scalar
) -> None:
    facts = {**document, "x": value}
    assert holds(given_field(part, "x", value), facts) == holds(part, facts)


@given(st.lists(TEXTS, max_size=4), DOCUMENTS)
def test_one_of_is_an_offer_of_each(values: list[str], document: Document) -> None:
    offered = any_of(*(Has("x", value) for value in values))
    assert holds(one_of("x", values), document) == holds(offered, document)


# shape only: what mongomock understands -------------------------------------------------------------


def test_the_shapes_of_queries_are_plain_mongodb() -> None:
    table: Any = mongomock.MongoClient().db.facts
    table.insert_many([{"_id": 1, "x": "ab", "l": [{"y": 2}]}, {"_id": 2, "x": "b"}])
    predicate = all_of(Prefix("x", "a"), negate(Has("x", "b")), Some("l", Before("y", 3)))
    assert [row["_id"] for row in table.find(to_query(predicate))] == [1]
