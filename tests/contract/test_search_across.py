"""Searches that go from one resource to another, and those of several types at once.

https://hl7.org/fhir/R4/search.html#chaining, #has, #revinclude and http.html#search
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Caller, Json, Reply, entry
from tests.support.world import World


@dataclass(frozen=True)
class House:
    """Two records of the same doctor; every id is of this house alone."""

    anna: str
    ben: str
    encounter: str
    observation: str
    derived: str
    document: str
    list: str
    doctor: Caller


def a_practitioner(**rest: object) -> Json:
    return {"resourceType": "Practitioner", "id": make.new_id()} | rest


@pytest.fixture
def house(world: World) -> House:
    """Give Anna an encounter, two observations, a document and a list of them; Ben a document."""
    doctor = a_doctor()
    anna, ben = world.patient(), world.patient(name=[{"family": "BRUN"}])
    for patient in (anna, ben):
        world.team(patient, doctor)
    performer = world.has(a_practitioner(name=[{"family": "Performante"}]))
    encounter = world.has(make.an_encounter(anna))
    observation = world.has(
        make.an_observation(
            anna,
            encounter=make.reference(f"Encounter/{encounter}"),
            performer=[make.reference(f"Practitioner/{performer}")],
        )
    )
    derived = world.has(
        make.an_observation(
            anna,
            code=make.concept("1234-5"),
            derivedFrom=[make.reference(f"Observation/{observation}")],
        )
    )
    document = world.has(make.a_document(anna).but(encounter=f"Encounter/{encounter}"))
    world.has(make.a_document(ben))
    refs = (f"DocumentReference/{document}", f"Observation/{observation}")
    listed = world.has(make.a_list(anna, *refs))
    return House(anna, ben, encounter, observation, derived, document, listed, world.as_(doctor))


def modes(reply: Reply) -> dict[str, str]:
    """Return `Type/id` → `search.mode` of the entries, each of which must be there once."""
    refs = [f"{e['resource']['resourceType']}/{e['resource'].get('id')}" for e in reply.entries]
    assert len(set(refs)) == len(refs)
    return dict(zip(refs, (e["search"]["mode"] for e in reply.entries), strict=True))


def refused(reply: Reply, code: str, *words: str) -> None:
    """Check a refusal: its status, its code, and what it names."""
    assert (reply.status, reply.issue["code"]) == (400, code), reply.body
    for word in words:
        assert word in reply.issue["diagnostics"]


# chains ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ("encounter.type=psy", True),
        ("encounter:Encounter.status=finished", True),
        ("encounter:Encounter.status:not=finished", False),
        ("encounter:Encounter.length:missing=true", True),
        ("encounter._id={encounter}", True),
        ("encounter.subject:Patient.family=gen", True),
        ("encounter.subject:Patient.family=brun", False),
        ("encounter.subject:Patient.identifier:missing=false", True),
        ("patient.birthdate=1988-03-05", True),
        ("subject:Patient.family:exact=GENÊT", True),
        ("subject:Patient.family:exact=genet", False),
    ],
)
def test_a_chain_goes_through_references(house: House, chain: str, found: bool) -> None:
    asked = chain.format(encounter=house.encounter)
    reply = house.doctor.get(f"DocumentReference?_id={house.document}&{asked}")
    assert (reply.status, reply.total, reply.ids) == (200, int(found), [house.document] * found)


def test_a_chain_does_not_go_through_what_is_contained(world: World) -> None:
    inside = a_practitioner(id="p", name=[{"family": "Contenue"}])
    body = make.an_observation(
        world.patient(), contained=[inside], performer=[make.reference("#p")]
    )
    world.has(body)
    reply = world.trusted.get(
        f"Observation?_id={body['id']}&performer:Practitioner.family=contenue"
    )
    assert (reply.status, reply.total) == (200, 0)


def test_a_chain_of_more_than_four_hops_is_refused(house: House) -> None:
    chain = "derived-from:Observation." * 5 + "status=final"
    refused(house.doctor.get(f"Observation?{chain}"), "too-costly", "4 hops")


# _has --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has", "found"),
    [
        ("_has:Observation:patient:code=718-7", True),
        ("_has:Observation:patient:code=other", False),
        ("_has:Observation:patient:code:not=718-7", True),
        ("_has:Observation:patient:performer:Practitioner.family=performante", True),
        ("_has:Observation:patient:performer:Practitioner.family=nobody", False),
        ("_has:Observation:patient:_has:List:item:status=current", True),
        ("_has:Observation:patient:_has:List:item:status=retired", False),
        ("_has:Encounter:patient:_has:Observation:encounter:code=718-7", True),
        ("_has:DocumentReference:patient:type=11502-2&_has:Observation:patient:code=718-7", True),
        ("_has:DocumentReference:patient:type=11502-2&_has:Observation:patient:code=x", False),
    ],
)
def test_has_finds_what_is_pointed_to(house: House, has: str, found: bool) -> None:
    reply = house.doctor.get(f"Patient?_id={house.anna}&{has}")
    assert (reply.status, reply.total, reply.ids) == (200, int(found), [house.anna] * found)


def test_has_finds_only_the_records_whose_resources_match(house: House) -> None:
    reply = house.doctor.get("Patient?_has:DocumentReference:patient:type=11502-2")
    assert set(reply.ids) == {house.anna, house.ben}
    reply = house.doctor.get("Patient?_has:Observation:patient:status=final")
    assert (reply.total, reply.ids) == (1, [house.anna])


def test_a_chain_may_end_with_has(house: House) -> None:
    found = house.doctor.get("DocumentReference?patient._has:Observation:patient:code=718-7")
    assert found.ids == [house.document]


@pytest.mark.parametrize(
    ("has", "code", "word"),
    [
        ("_has=a", "value", "_has:Observation:patient:code"),
        ("_has:Observation:patient=a", "value", "_has:Observation:patient:code"),
        ("_has:Observatoin:patient:code=a", "value", "_has:Observatoin"),
        ("_has:Observation:code:code=a", "value", "does not point to Patient"),
        ("_has:Observation:encounter:code=a", "value", "does not point to Patient"),
        ("_has:Observation:patients:code=a", "not-supported", "did you mean `patient`"),
        ("_has:Observation:patient:codes=a", "not-supported", "`codes`"),
        ("_has:Observation:patient:code=", "value", "no value"),
        (f"_has:Observation:subject:{'_has:Observation:derived-from:' * 4}code=a",
         "too-costly", "4 hops"),
    ],
)  # fmt: skip
def test_a_has_that_can_not_be_read_is_refused(
    house: House, has: str, code: str, word: str
) -> None:
    refused(house.doctor.get(f"Patient?{has}"), code, word)


def test_a_has_that_is_not_known_is_left_out_by_lenient_handling(house: House) -> None:
    asked = f"Patient?_id={house.anna}&_has:Observation:patient:colour=blue"
    reply = house.doctor.get(asked, Prefer="handling=lenient")
    assert reply.ids == [house.anna]
    assert "colour" not in reply.json["link"][0]["url"]


@pytest.fixture(scope="module")
def narrow(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a server on which a hop meets two resources, and a page includes two."""
    name = "test_search_across_narrow"
    with connect(mongo_uri) as mongo:
        yield World(
            MongoStore(mongo, name), tmp_path_factory.mktemp("narrow"), hop_limit=2, include_limit=2
        )
        mongo.drop_database(name)


def test_a_hop_that_meets_too_many_is_refused_and_not_cut(narrow: World) -> None:
    for count in range(3):
        patient = narrow.patient()
        narrow.has(make.an_observation(patient, code=make.concept("many")))
        reply = narrow.trusted.get("Patient?_has:Observation:patient:code=many")
        if count < 2:
            assert (reply.status, reply.total) == (200, count + 1)
    refused(reply, "too-costly", "_has:Observation:patient", "2")
    reply = narrow.trusted.get("Observation?subject:Patient.family=gen&code=many")
    refused(reply, "too-costly", "Patient", "2")


# _list -------------------------------------------------------------------------------------------


def test_list_finds_the_items_of_a_list(house: House) -> None:
    for asked in (house.list, f"List/{house.list}", f"none,{house.list}"):
        reply = house.doctor.get(f"DocumentReference?_list={asked}")
        assert (reply.total, reply.ids) == (1, [house.document])
    assert house.doctor.get(f"Observation?_list={house.list}&code=718-7").ids == [house.observation]
    assert house.doctor.get(f"Observation?_list={house.list}&code=1234-5").total == 0
    assert house.doctor.get(f"Patient?_list={house.list}").total == 0


def test_a_functional_list_is_refused(house: House) -> None:
    reply = house.doctor.get("AllergyIntolerance?_list=$current-allergies")
    refused(reply, "not-supported", "$current-allergies")


def test_a_list_that_is_none_is_refused(house: House) -> None:
    refused(house.doctor.get("Observation?_list=Patient/a"), "value", "Patient/a")


# includes ----------------------------------------------------------------------------------------


def included(reply: Reply) -> set[str]:
    assert reply.status == 200, reply.body
    return {ref for ref, mode in modes(reply).items() if mode == "include"}


def test_revinclude_brings_what_points_to_the_matches(house: House) -> None:
    reply = house.doctor.get(f"Encounter?_id={house.encounter}&_revinclude=Observation:encounter")
    assert modes(reply) == {
        f"Encounter/{house.encounter}": "match",
        f"Observation/{house.observation}": "include",
    }
    assert reply.total == 1


def test_a_revinclude_may_say_which_type_is_pointed_to(house: House) -> None:
    asked = f"Patient?_id={house.anna}&_revinclude=Observation:subject"
    both = {f"Observation/{house.observation}", f"Observation/{house.derived}"}
    assert included(house.doctor.get(f"{asked}:Patient")) == both
    assert included(house.doctor.get(f"{asked}:Group")) == set()


def test_a_match_is_never_included_too(house: House) -> None:
    ids = f"{house.observation},{house.derived}"
    reply = house.doctor.get(
        f"Observation?_id={ids}&_include=Observation:derived-from&_revinclude=Observation:derived-from"
    )
    assert set(modes(reply).values()) == {"match"}
    assert reply.total == len(reply.entries) == 2


def test_what_two_includes_bring_is_there_once(house: House) -> None:
    asked = (
        f"Observation?_id={house.observation},{house.derived}"
        "&_include=Observation:subject&_include=Observation:patient"
    )
    assert included(house.doctor.get(asked)) == {f"Patient/{house.anna}"}


@pytest.mark.parametrize("modifier", ["iterate", "recurse"])
def test_iterate_goes_on_from_what_was_included(house: House, modifier: str) -> None:
    first = f"Observation?_id={house.derived}&_include=Observation:derived-from"
    near = {f"Observation/{house.observation}"}
    assert included(house.doctor.get(f"{first}&_include=Observation:encounter")) == near
    reply = house.doctor.get(f"{first}&_include:{modifier}=Observation:encounter")
    assert included(reply) == {*near, f"Encounter/{house.encounter}"}


def test_reverse_includes_iterate_too(house: House) -> None:
    reply = house.doctor.get(
        f"Encounter?_id={house.encounter}&_revinclude=Observation:encounter"
        "&_revinclude:iterate=Observation:derived-from"
    )
    expected = {f"Observation/{house.observation}", f"Observation/{house.derived}"}
    assert included(reply) == expected


def test_a_chain_of_references_that_closes_on_itself_ends(world: World) -> None:
    patient, first, second = world.patient(), make.new_id(), make.new_id()
    for one, other in ((first, second), (second, first)):
        world.has(
            make.an_observation(
                patient, id=one, derivedFrom=[make.reference(f"Observation/{other}")]
            )
        )
    reply = world.trusted.get(f"Observation?_id={first}&_include:iterate=Observation:derived-from")
    assert modes(reply) == {f"Observation/{first}": "match", f"Observation/{second}": "include"}


@pytest.mark.parametrize("include", ["*", "Observation:*"])
def test_a_star_includes_through_every_reference(house: House, include: str) -> None:
    reply = house.doctor.get(f"Observation?_id={house.derived}&_include={include}")
    assert included(reply) == {f"Observation/{house.observation}", f"Patient/{house.anna}"}


@pytest.mark.parametrize("include", ["*", "Observation:*"])
def test_a_star_includes_whatever_points_here(house: House, include: str) -> None:
    reply = house.doctor.get(f"Observation?_id={house.observation}&_revinclude={include}")
    pointer = {f"List/{house.list}"} if include == "*" else set()
    assert included(reply) == {f"Observation/{house.derived}", *pointer}


def test_the_includes_of_a_page_are_of_its_matches_alone(house: House) -> None:
    path = "DocumentReference?_count=1&_include=DocumentReference:subject&_sort=_lastUpdated"
    pages = house.doctor.walk(path)
    assert [included(page) for page in pages] == [
        {f"Patient/{house.anna}"},
        {f"Patient/{house.ben}"},
    ]
    assert [page.total for page in pages] == [2, 2]


def test_what_is_in_another_record_of_the_caller_is_included(world: World, house: House) -> None:
    related = make.reference(f"Patient/{house.ben}")
    body = make.an_observation(house.anna, performer=[related])
    world.has(body)
    asked = f"Observation?patient={house.anna}&_id={body['id']}&_include=Observation:performer"
    assert included(house.doctor.get(asked)) == {f"Patient/{house.ben}"}


def test_more_than_a_page_may_include_is_said_in_the_bundle(narrow: World) -> None:
    patient = narrow.patient()
    for _ in range(3):
        narrow.has(make.an_observation(patient))
    asked = f"Patient?_id={patient}&_revinclude=Observation:subject"
    reply = narrow.trusted.get(asked)
    found = [e["search"]["mode"] for e in reply.entries]
    assert (reply.status, reply.total, found) == (
        200,
        1,
        ["match", "include", "include", "outcome"],
    )
    issue = reply.entries[-1]["resource"]["issue"][0]
    assert (issue["severity"], issue["code"]) == ("warning", "too-costly")
    assert "_count" in issue["diagnostics"]
    narrow.lacks(f"Observation/{reply.entries[1]['resource']['id']}")
    found = [e["search"]["mode"] for e in narrow.trusted.get(asked).entries]
    assert found == ["match", "include", "include"]


def test_rounds_are_bounded_and_the_bundle_says_so(world: World) -> None:
    patient, ids = world.patient(), [make.new_id() for _ in range(11)]
    for place, id_ in enumerate(ids):
        body = make.an_observation(patient, id=id_)
        if place:
            body["derivedFrom"] = [make.reference(f"Observation/{ids[place - 1]}")]
        world.has(body)
    asked = "Observation?_include:iterate=Observation:derived-from&_id="
    whole = world.trusted.get(asked + ids[8])
    assert len(whole.entries) == 9
    cut = world.trusted.get(asked + ids[10])
    assert [e["search"]["mode"] for e in cut.entries] == ["match", *["include"] * 8, "outcome"]


@pytest.mark.parametrize(
    ("include", "code", "word"),
    [
        ("_include=Observation", "value", "Type:parameter"),
        ("_include=Observation:code", "value", "no reference"),
        ("_revinclude=Observation:code", "value", "no reference"),
        ("_include=Observation:subject:Human", "value", "Human"),
        ("_include=Observation:subjects", "not-supported", "did you mean `subject`"),
        ("_include:again=Observation:subject", "not-supported", ":iterate"),
        ("_revinclude=Humans:subject", "value", "_revinclude"),
    ],
)
def test_an_include_that_can_not_be_read_is_refused(
    house: House, include: str, code: str, word: str
) -> None:
    refused(house.doctor.get(f"Observation?{include}"), code, word)


def test_the_log_names_what_was_included(world: World, house: House) -> None:
    asked = f"Encounter?_id={house.encounter}&_revinclude=Observation:encounter"
    house.doctor.get(asked, X_Request_Id="across-1")
    (trace,) = world.traces(house.anna, "across-1")
    named = {e["what"].get("reference") for e in trace["entity"] if "what" in e}
    assert {f"Encounter/{house.encounter}", f"Observation/{house.observation}"} <= named


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


# compartments ------------------------------------------------------------------------------------


def test_a_compartment_holds_what_belongs_to_its_resource(house: House) -> None:
    reply = house.doctor.get(f"Patient/{house.anna}/Observation?code=718-7")
    assert (reply.status, reply.total, reply.ids) == (200, 1, [house.observation])
    assert reply.json["link"][0]["url"].endswith(
        f"/fhir/Patient/{house.anna}/Observation?code=718-7"
    )
    encounter = house.doctor.get(f"Encounter/{house.encounter}/Observation")
    assert encounter.ids == [house.observation]
    form = house.doctor.form(f"Patient/{house.anna}/Observation/_search", "code=718-7")
    assert form.ids == [house.observation]


def test_all_of_a_compartment_is_searched_at_once(house: House) -> None:
    reply = house.doctor.get(f"Patient/{house.anna}/*?_type=Observation,Encounter,Patient")
    assert reply.refs == {
        f"Patient/{house.anna}",
        f"Encounter/{house.encounter}",
        f"Observation/{house.observation}",
        f"Observation/{house.derived}",
    }
    whole = house.doctor.get(f"Patient/{house.anna}/*")
    assert f"List/{house.list}" in whole.refs
    assert whole.total == len(whole.refs) == 7  # and the care team
    assert not any(house.ben in ref for ref in whole.refs)


def test_the_pages_of_a_compartment_show_each_row_once(house: House) -> None:
    for member in ("Observation", "*"):
        path = f"Patient/{house.anna}/{member}"
        pages = house.doctor.walk(f"{path}?_count=1")
        ids = [id_ for page in pages for id_ in page.ids]
        assert sorted(ids) == sorted(house.doctor.get(path).ids)
        assert len(pages) == len(ids)


def test_a_compartment_holds_what_a_practitioner_did(world: World) -> None:
    who, patient = world.has(a_practitioner()), world.patient()
    body = make.an_observation(patient, performer=[make.reference(f"Practitioner/{who}")])
    world.has(body)
    assert world.trusted.get(f"Practitioner/{who}/Observation").ids == [body["id"]]
    assert world.trusted.get(f"Practitioner/{who}/*").refs == {
        f"Practitioner/{who}",
        f"Observation/{body['id']}",
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("Patient/a/Practitioner", 400, "value"),
        ("Patient/a/*?_type=Practitioner", 400, "value"),
        ("Patient/a/*?_type=Nothing", 400, "value"),
        ("Patient/a/Observation?colour=blue", 400, "not-supported"),
        ("Observation/a/Patient", 404, "not-supported"),
        ("Patient/a/Nothing", 404, "not-supported"),
    ],
)
def test_a_compartment_that_can_not_be_read_is_refused(
    house: House, path: str, status: int, code: str
) -> None:
    reply = house.doctor.get(path)
    assert (reply.status, reply.issue["code"]) == (status, code), reply.body


def test_a_compartment_is_searched_inside_a_bundle(house: House) -> None:
    reply = house.doctor.transact(
        entry("GET", f"Patient/{house.anna}/Observation?code=718-7"), kind="batch"
    )
    (only,) = reply.entries
    assert only["response"]["status"] == "200 OK"
    assert only["resource"]["entry"][0]["resource"]["id"] == house.observation


def test_the_search_of_a_compartment_is_in_the_record_s_log(world: World, house: House) -> None:
    path = f"Patient/{house.anna}/Observation?code=nothing"
    assert house.doctor.get(path, X_Request_Id="across-3").total == 0
    (trace,) = world.traces(house.anna, "across-3")
    assert trace["subtype"][0]["code"] == "search-type"
