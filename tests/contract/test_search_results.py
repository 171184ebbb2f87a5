"""How a search is answered: order, totals, pages in both directions, links.

https://hl7.org/fhir/R4/search.html#return and https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import resources as make
from tests.support.replies import Caller, Json, Reply
from tests.support.world import World


def link(reply: Reply, relation: str) -> str:
    """Return path and query of one link, or nothing."""
    for one in reply.json["link"]:
        if one["relation"] == relation:
            parts = urlsplit(one["url"])
            return f"{parts.path}?{parts.query}"
    return ""


def relations(reply: Reply) -> list[str]:
    return [one["relation"] for one in reply.json["link"]]


def follow(caller: Caller, page: Reply, relation: str) -> Iterator[Reply]:
    """Yield `page` and every page from it on by one kind of link."""
    for _ in range(200):
        yield page
        if not link(page, relation):
            return
        page = caller.get(link(page, relation))
        assert page.status == 200, page.body
    raise AssertionError("the pages do not end")


def flag(of: str, **rest: Any) -> Json:
    return {
        "resourceType": "Flag",
        "id": make.new_id(),
        "status": "active",
        "code": {"text": "Chute"},
        "subject": make.reference(f"Patient/{of}"),
    } | rest


@pytest.fixture
def seven(world: World) -> tuple[str, list[str]]:
    """A record with seven documents, two of one date and two without any; ids in their order."""
    patient = world.patient()
    dates = ["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-04", "2024-01-05"]
    dated = [world.document(patient, date=date) for date in dates]
    dated[1:3] = sorted(dated[1:3])
    bare = []
    for _ in range(2):
        document = make.a_document(patient).json()
        del document["date"]
        bare.append(world.has(document))
    return patient, sorted(bare) + dated


def by_date(seven: tuple[str, list[str]], *more: str) -> str:
    return "&".join([f"DocumentReference?patient={seven[0]}&_sort=date", *more])


# order ---------------------------------------------------------------------------------------------


def test_what_has_no_value_comes_first_and_last_when_descending(
    world: World, seven: tuple[str, list[str]]
) -> None:
    up = world.trusted.get(by_date(seven))
    down = world.trusted.get(f"DocumentReference?patient={seven[0]}&_sort=-date")
    assert up.ids == seven[1]
    assert set(down.ids[-2:]) == set(seven[1][:2])
    assert down.ids[:2] == seven[1][:-3:-1]


@pytest.mark.parametrize(
    "sort", ["_id", "-_id", "_lastUpdated,-_id", "-_lastUpdated", "status,-_id"]
)
def test_any_parameter_sorts_and_its_pages_walk_both_ways(
    world: World, seven: tuple[str, list[str]], sort: str
) -> None:
    base = f"DocumentReference?patient={seven[0]}&_sort={sort}"
    whole = world.trusted.get(base).ids
    assert sorted(whole) == sorted(seven[1])
    if sort.endswith("_id"):
        assert whole[0] in (min(whole), max(whole)) or "," in sort
    first = world.trusted.get(f"{base}&_count=2")
    forth = [id_ for page in follow(world.trusted, first, "next") for id_ in page.ids]
    last = world.trusted.get(link(first, "last"))
    back = [page.ids for page in follow(world.trusted, last, "previous")]
    assert forth == whole
    assert [id_ for ids in reversed(back) for id_ in ids] == whole


def test_a_sort_by_what_has_no_order_is_refused(world: World) -> None:
    reply = world.trusted.get("DocumentReference?_sort=_content")
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    assert "can't be sorted by" in reply.issue["diagnostics"]


def test_what_a_pointer_points_to_gives_no_order(world: World) -> None:
    """An order by what may be hidden would tell of it; the record itself is known."""
    reply = world.trusted.get("List?_sort=item")
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    assert "what it points to may be hidden" in reply.issue["diagnostics"]
    assert world.trusted.get("List?_sort=patient,-date").status == 200


# pages ---------------------------------------------------------------------------------------------


def test_a_result_on_one_page_has_no_other(world: World, seven: tuple[str, list[str]]) -> None:
    assert relations(world.trusted.get(by_date(seven))) == ["self"]


def test_each_page_links_to_those_around_it(world: World, seven: tuple[str, list[str]]) -> None:
    pages = list(follow(world.trusted, world.trusted.get(by_date(seven, "_count=3")), "next"))
    assert [relations(page) for page in pages] == [
        ["self", "first", "next", "last"],
        ["self", "first", "previous", "next", "last"],
        ["self", "first", "previous", "last"],
    ]


def test_first_and_last_lead_to_both_ends(world: World, seven: tuple[str, list[str]]) -> None:
    page = world.trusted.get(by_date(seven, "_count=3"))
    middle = world.trusted.get(link(page, "next"))
    first, last = (world.trusted.get(link(middle, where)) for where in ("first", "last"))
    assert first.ids == seven[1][:3]
    assert last.ids == seven[1][-3:]
    assert relations(first) == ["self", "first", "next", "last"]
    assert relations(last) == ["self", "first", "previous", "last"]


def test_the_page_before_is_the_one_that_was_left(
    world: World, seven: tuple[str, list[str]]
) -> None:
    page = world.trusted.get(by_date(seven, "_count=3"))
    following = world.trusted.get(link(page, "next"))
    again = world.trusted.get(link(following, "previous"))
    assert again.ids == page.ids
    assert world.trusted.get(link(again, "next")).ids == following.ids


def test_a_page_of_which_nothing_is_left_leads_back(world: World) -> None:
    patient = world.patient()
    one, two = sorted(world.document(patient) for _ in range(2))
    page = world.trusted.get(f"DocumentReference?patient={patient}&_count=1")
    world.lacks(f"DocumentReference/{two}")
    empty = world.trusted.get(link(page, "next"))
    assert (empty.ids, empty.total) == ([], 1)
    assert relations(empty) == ["self", "first", "previous", "last"]
    assert world.trusted.get(link(empty, "previous")).ids == [one]


@settings(max_examples=6, deadline=None)
@given(
    st.sampled_from(["date", "-date", "patient,-date", "_lastUpdated", "-_id"]), st.integers(1, 3)
)
def test_no_row_is_lost_or_doubled_while_others_write(world: World, sort: str, count: int) -> None:
    patient = world.patient()
    there = {
        world.has(
            flag(patient, period={"start": f"2024-01-{day:02}"} if day % 3 else {"end": "2030"})
        )
        for day in range(1, 8)
    }

    written: list[int] = []

    def write() -> None:
        caller = Caller(world.app.test_client())
        for day in range(1, 29, 2):
            reply = caller.put(flag(patient, period={"start": f"2024-01-{day:02}"}))
            written.append(reply.status)

    writer = Thread(target=write)
    writer.start()
    first = world.trusted.get(f"Flag?patient={patient}&_sort={sort}&_count={count}")
    forth = [id_ for page in follow(world.trusted, first, "next") for id_ in page.ids]
    last = world.trusted.get(link(first, "last"))
    back = [id_ for page in follow(world.trusted, last, "previous") for id_ in page.ids]
    writer.join()
    assert written == [201] * 14
    for walked in (forth, back):
        assert len(walked) == len(set(walked))
        assert there <= set(walked)


# totals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "on_first", "on_next"),
    [("", 7, 8), ("accurate", 7, 8), ("estimate", 7, 7), ("none", None, None)],
)
def test_a_total_is_exact_on_each_page_unless_an_estimate_will_do(
    world: World, seven: tuple[str, list[str]], total: str, on_first: int, on_next: int
) -> None:
    asked = [f"_total={total}"] if total else []
    page = world.trusted.get(by_date(seven, "_count=3", *asked))
    world.document(seven[0], date="2024-06-06")
    following = world.trusted.get(link(page, "next"))
    assert page.json.get("total") == on_first
    assert following.json.get("total") == on_next


@pytest.mark.parametrize("how", ["_count=0", "_summary=count"])
def test_a_count_alone_has_no_entry_and_no_page(
    world: World, seven: tuple[str, list[str]], how: str
) -> None:
    reply = world.trusted.get(by_date(seven, how))
    assert (reply.total, reply.entries, relations(reply)) == (7, [], ["self"])


# links ---------------------------------------------------------------------------------------------


def test_the_self_link_shows_what_was_used(world: World, seven: tuple[str, list[str]]) -> None:
    reply = world.trusted.get(
        by_date(seven, "_count=5000", "colour=blue"), Prefer="handling=lenient"
    )
    assert link(reply, "self") == (
        f"/fhir/DocumentReference?patient={seven[0]}&_sort=date&_count=1000"
    )


def test_form_and_indentation_survive_in_every_link(
    world: World, seven: tuple[str, list[str]]
) -> None:
    reply = world.trusted.get(by_date(seven, "_count=3", "_format=json", "_pretty=true"))
    for one in reply.json["link"]:
        assert one["url"].endswith("&_format=json&_pretty=true"), one
    following = world.trusted.get(link(reply, "next"))
    assert following.ids == seven[1][3:6]
    assert following.body.startswith(b"{\n")


def test_a_page_link_takes_no_other_parameter(world: World, seven: tuple[str, list[str]]) -> None:
    page = world.trusted.get(by_date(seven, "_count=3"))
    reply = world.trusted.get(link(page, "next") + "&status=current")
    assert (reply.status, reply.issue["code"]) == (400, "invalid")
    assert reply.issue["diagnostics"] == "a page link takes no other parameter"


def test_no_link_but_self_tells_what_was_asked(world: World, seven: tuple[str, list[str]]) -> None:
    reply = world.trusted.get(by_date(seven, "_count=3"))
    for relation in ("first", "next", "last"):
        assert seven[0] not in link(reply, relation)
        assert link(reply, relation).startswith("/fhir/DocumentReference?_cursor=")


def test_parameters_count_alike_in_the_form_and_in_the_address(
    world: World, seven: tuple[str, list[str]]
) -> None:
    reply = world.trusted.form(
        f"DocumentReference/_search?patient={seven[0]}&_count=3", "_sort=date&status=current"
    )
    assert reply.ids == seven[1][:3]
    assert world.trusted.get(link(reply, "next")).ids == seven[1][3:6]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("_contained=false", 200, ""),
        ("_contained=true", 400, "`_contained=true` is not supported"),
        ("_contained=both", 400, "`_contained=both` is not supported"),
        ("_containedType=contained", 200, ""),
        ("_query=current", 400, "`_query` of DocumentReference is defined by R4 but not supported"),
    ],
)
def test_what_is_not_offered_is_refused_clearly(
    world: World, asked: str, status: int, said: str
) -> None:
    reply = world.trusted.get(f"DocumentReference?{asked}&_count=1")
    assert reply.status == status
    if said:
        assert reply.issue["code"] == "not-supported"
        assert said in reply.issue["diagnostics"]


def test_elements_and_pages_go_together(world: World, seven: tuple[str, list[str]]) -> None:
    page = world.trusted.get(by_date(seven, "_count=3", "_elements=status"))
    following = world.trusted.get(link(page, "next"))
    for one in (*page.entries, *following.entries):
        assert "status" in one["resource"]
        assert "description" not in one["resource"]


def test_several_types_walk_both_ways(world: World) -> None:
    patient = world.patient()
    ids = {world.document(patient), world.document(patient), world.has(flag(patient))}
    for sort in ("", "&_sort=-_lastUpdated"):
        first = world.trusted.get(f"?_type=DocumentReference,Flag&patient={patient}&_count=2{sort}")
        assert first.status == 200, first.body
        forth = [id_ for page in follow(world.trusted, first, "next") for id_ in page.ids]
        last = world.trusted.get(link(first, "last"))
        back = [page.ids for page in follow(world.trusted, last, "previous")]
        assert set(forth) == ids
        assert [id_ for page in reversed(back) for id_ in page] == forth
