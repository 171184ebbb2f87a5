"""Searches through references, forwards, back and by a List.

https://hl7.org/fhir/R4/search.html#chaining, #has
"""

from __future__ import annotations

import pytest

from tests.contract.house import House, a_practitioner, refused
from tests.contract.house import house as house
from tests.contract.house import narrow as narrow
from tests.support import resources as make
from tests.support.world import World

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
