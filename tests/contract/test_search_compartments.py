"""Searches of what belongs to a Patient, a Practitioner or an Encounter.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from __future__ import annotations

import pytest

from tests.contract.house import House, a_practitioner
from tests.contract.house import house as house
from tests.support import resources as make
from tests.support.replies import entry
from tests.support.world import World

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
