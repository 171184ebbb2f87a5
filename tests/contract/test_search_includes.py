"""What comes with the matches of a page.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from __future__ import annotations

import pytest

from tests.contract.house import House, modes, refused
from tests.contract.house import house as house
from tests.contract.house import narrow as narrow
from tests.support import resources as make
from tests.support.replies import Reply
from tests.support.world import World

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
