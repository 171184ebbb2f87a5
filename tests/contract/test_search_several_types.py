"""Searches of several types at once.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

import pytest

from tests.contract.house import House, a_practitioner, modes, refused
from tests.contract.house import house as house
from tests.support import resources as make
from tests.support.replies import Caller, Reply
from tests.support.world import World

# several types -----------------------------------------------------------------------------------


def test_a_search_of_several_types_finds_what_each_would(house: House) -> None:
    reply = house.doctor.get(f"?_type=Observation,DocumentReference&subject=Patient/{house.anna}")
    assert reply.refs == {
        f"DocumentReference/{house.document}",
        f"Observation/{house.observation}",
        f"Observation/{house.derived}",
    }
    assert (reply.status, reply.total) == (200, 3)
    assert reply.json["link"][0]["url"].endswith(
        f"/fhir?_type=Observation,DocumentReference&subject=Patient/{house.anna}"
    )


def test_a_form_searches_several_types(house: House) -> None:
    form = f"_type=Observation,DocumentReference&patient={house.anna}&_summary=count"
    reply = house.doctor.form("_search", form)
    assert (reply.status, reply.total, reply.entries) == (200, 3, [])


def test_without_type_everything_but_the_traces_is_searched(house: House) -> None:
    reply = house.doctor.get(f"?_id={house.anna},{house.list},{house.observation}")
    expected = {f"Patient/{house.anna}", f"List/{house.list}", f"Observation/{house.observation}"}
    assert (reply.refs, reply.total) == (expected, 3)
    types = {ref.partition("/")[0] for ref in house.doctor.get("?_count=1000").refs}
    assert {"Patient", "Observation", "List", "CareTeam"} <= types
    assert "AuditEvent" not in types


SORTS = ("", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=-_id", "&_sort=patient,-date",
         "&_sort=-status,_id")  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_pages_of_several_types_show_each_row_once_in_the_order_of_one_page(
    house: House, sort: str, count: int
) -> None:
    asked = f"?_type=DocumentReference,Observation,List{sort}&_count="
    whole = house.doctor.get(f"{asked}100")
    pages = house.doctor.walk(f"{asked}{count}")
    assert [id_ for page in pages for id_ in page.ids] == whole.ids
    assert {page.total for page in pages} == {whole.total} == {len(whole.ids)} == {5}
    assert all(len(page.ids) == count for page in pages[:-1])


def backwards(caller: Caller, page: Reply) -> list[list[str]]:
    """Return the ids of each page from `page` back to the first."""
    found = [page.ids]
    while links := [one["url"] for one in page.json["link"] if one["relation"] == "previous"]:
        page = caller.get(links[0].partition("/fhir")[2].lstrip("/"))
        found.append(page.ids)
    return found


@pytest.mark.parametrize("sort", ["", "&_sort=_id", "&_sort=-_id", "&_sort=-_lastUpdated,-_id"])
def test_resources_of_several_types_with_the_same_id_are_each_shown_once(
    world: World, sort: str
) -> None:
    ids = [make.new_id() for _ in range(3)]
    for id_ in ids:
        world.has(make.a_patient(id=id_))
        world.has(a_practitioner(id=id_))
        world.has({"resourceType": "Location", "id": id_, "name": "Salle"})
    asked = f"?_type=Location,Patient,Practitioner&_id={','.join(ids)}"
    whole = world.trusted.get(f"{asked}{sort}&_count=100")
    assert whole.total == len(whole.ids) == len(modes(whole))
    for count in (1, 2, 4):
        pages = world.trusted.walk(f"{asked}{sort}&_count={count}")
        shown = [ref for page in pages for ref in modes(page)]
        assert shown == list(modes(whole))
        if len(pages) > 1:
            assert backwards(world.trusted, pages[-1])[::-1] == [page.ids for page in pages]


def test_several_types_are_sorted_together(house: House) -> None:
    found = house.doctor.get(
        "?_type=Patient,Observation,List,DocumentReference&_sort=-_lastUpdated&_count=100"
    )
    updated = [e["resource"]["meta"]["lastUpdated"] for e in found.entries]
    assert updated == sorted(updated, reverse=True)
    assert [e["resource"]["resourceType"] for e in found.entries][:2] == [
        "List",
        "DocumentReference",
    ]


def test_the_page_link_of_a_search_is_of_no_other(house: House) -> None:
    following = house.doctor.get("?_type=Patient&_count=1").next
    assert house.doctor.get(following).status == 200
    refused(house.doctor.get(f"Patient?{following.partition('?')[2]}"), "invalid", "page link")


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ("_type=Patient,Humna", "value", "Humna"),
        ("_type=Observatoin", "value", "did you mean `Observation`"),
        ("_type=Patient&_type=Observation", "value", "_type=Patient,Observation"),
        ("_type=Patient,Observation&family=a", "not-supported", "family"),
        ("code=a", "not-supported", "_type"),
        ("_type=Patient,Observation&_sort=code", "not-supported", "code"),
    ],
)
def test_a_search_of_several_types_that_can_not_be_read_is_refused(
    house: House, query: str, code: str, word: str
) -> None:
    refused(house.doctor.get(f"?{query}"), code, word)


def test_lenient_handling_leaves_out_what_one_type_does_not_have(house: House) -> None:
    asked = f"?_type=Patient,Observation&_id={house.anna}&code=a"
    reply = house.doctor.get(asked, Prefer="handling=lenient")
    assert reply.refs == {f"Patient/{house.anna}"}
    assert "code" not in reply.json["link"][0]["url"]


def test_a_search_of_several_types_includes_too(house: House) -> None:
    reply = house.doctor.get(
        f"?_type=DocumentReference,Encounter&patient={house.anna}&_include=*&_revinclude=Observation:encounter"
    )
    assert modes(reply) == {
        f"DocumentReference/{house.document}": "match",
        f"Encounter/{house.encounter}": "match",
        f"Patient/{house.anna}": "include",
        f"Observation/{house.observation}": "include",
    }


def test_the_log_of_a_search_of_several_types_names_what_each_record_showed(
    world: World, house: House
) -> None:
    house.doctor.get("?_type=DocumentReference", X_Request_Id="across-2")
    (of_anna,), (of_ben,) = (world.traces(one, "across-2") for one in (house.anna, house.ben))
    assert of_anna["subtype"][0]["code"] == "search-system"
    assert house.document in str(of_anna)
    assert house.document not in str(of_ben)
