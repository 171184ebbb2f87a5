"""L01, L04, L08, L11, L13, L57, L64, L69: no form of a search tells of a hidden row's values.

Two records alike but for what is hidden in one: every question has one answer.
"""

from __future__ import annotations

import pytest

from tests.leaks.conftest import Room, same
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import differ
from tests.support.world import World

SHOWN, HIDDEN = (5, 6, 7), (4, 6.5, 99)


def measured(world: World, hidden: tuple[float, ...]) -> Room:
    """Make a record with three results that the doctor sees, and masked ones of other values."""
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    made: dict[bool, list[str]] = {True: [], False: []}
    for value in (*SHOWN, *hidden):
        labels = ("MASQUE_PS",) if value in hidden else ()
        quantity = {"value": value, "unit": "g", "system": UCUM, "code": "g"}
        text = "Sclérose" if labels else "Glycémie"
        body = make.an_observation(
            patient,
            *labels,
            effectiveDateTime=f"2024-01-{int(value):02d}" if value < 31 else "2023-01-01",
            valueQuantity=quantity,
            code={"coding": [{"system": "http://loinc.org", "code": f"c{value}"}], "text": text},
            component=[{"code": {"text": text}, "valueQuantity": quantity}],
            text={
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>',
            },
        )
        # Ids in the order of the values, so that ties fall alike in both records.
        world.has(body)
        made[bool(labels)].append(f"Observation/{body['id']}")
    return Room(patient, doctor, world.as_(doctor), tuple(made[False]), tuple(made[True]))


UCUM = "http://unitsofmeasure.org"


@pytest.fixture(scope="module")
def rooms(world: World) -> tuple[Room, Room]:
    """Give a record with hidden results, and its twin without."""
    return measured(world, HIDDEN), measured(world, ())


BY_VALUE = (
    "value-quantity=99",
    "value-quantity=gt7",
    "value-quantity=lt5||g",
    f"value-quantity=ge4000|{UCUM}|mg",
    "value-quantity=6.5",
    "value-quantity:missing=false",
    "component-value-quantity=ap99",
    "code-value-quantity=c99$gt1",
    "component-code-value-quantity:missing=false",
    "combo-value-quantity=ne5",
    "code:text=sclérose",
    "code=c99,c5",
    "code:not=c99",
    "date=eb2024",
    "date=2024-01-04",
    "_filter=value-quantity%20gt%207",
    "_filter=not%20(code%20eq%20c5)",
    "_filter=code%20eq%20c99%20or%20code%20eq%20c6",
    "_text=sclérose",
    "_content=sclérose",
    "_content=glycémie",
    "_security=MASQUE_PS",
    "_security:not=MASQUE_PS",
    "_security:missing=true",
)


@pytest.mark.parametrize("query", BY_VALUE)
@pytest.mark.parametrize("how", ["", "&_summary=count", "&_count=1&_total=accurate"])
def test_L57_no_value_of_a_hidden_row_is_found(
    rooms: tuple[Room, Room], query: str, how: str
) -> None:
    room, twin = rooms
    reply = same(room, twin, f"Observation?patient={{patient}}&{query}&_sort=date{how}")
    assert reply.status == 200, reply.body
    assert reply.total <= len(SHOWN)


@pytest.mark.parametrize("key", ["value-quantity", "date", "code", "_security", "_lastUpdated"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_L08_an_order_is_of_visible_rows_alone(
    rooms: tuple[Room, Room], key: str, sign: str
) -> None:
    places = []
    for room in rooms:
        pages = room.doctor.walk(f"Observation?patient={room.id}&_sort={sign}{key},date&_count=1")
        walked = [f"Observation/{id_}" for page in pages for id_ in page.ids]
        assert [len(page.ids) for page in pages] == [1] * len(SHOWN)
        places.append([room.shown.index(ref) for ref in walked])
    assert places[0] == places[1]


@pytest.mark.parametrize("relation", ["next", "last", "previous", "first"])
def test_L04_links_of_a_page_are_there_alike(rooms: tuple[Room, Room], relation: str) -> None:
    told = []
    for room in rooms:
        path = f"Observation?patient={room.id}&_sort=date&_count=2"
        told.append(
            [
                [relation in {link["relation"] for link in page.json["link"]}, len(page.ids)]
                for page in room.doctor.walk(path)
            ]
        )
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "path",
    [
        "Patient/{patient}/Observation?_sort=date",
        "Patient/{patient}/Observation?_summary=count",
        "Patient/{patient}/Observation?value-quantity=99",
        "Patient?_id={patient}&_has:Observation:patient:value-quantity=99",
        "Patient?_id={patient}&_has:Observation:patient:code=c99",
        "Patient?_id={patient}&_revinclude=Observation:patient&_summary=count",
        "Observation?patient={patient}&value-quantity=99&_include=Observation:subject",
    ],
)
def test_L11_L64_no_way_around_the_record_leads_to_a_hidden_row(
    rooms: tuple[Room, Room], path: str
) -> None:
    reply = same(*rooms, path)
    assert reply.status == 200, reply.body


def test_L13_what_is_included_back_is_visible(rooms: tuple[Room, Room]) -> None:
    for room in rooms:
        reply = room.doctor.get(f"Patient?_id={room.id}&_revinclude=Observation:patient")
        assert reply.refs == {f"Patient/{room.id}", *room.shown}


@pytest.mark.parametrize("kind", ["Practitioner", "Observation", "DocumentReference"])
def test_L64_the_compartment_of_who_is_not_known_is_that_of_nobody(
    world: World, rooms: tuple[Room, Room], kind: str
) -> None:
    stranger = world.as_(a_doctor())
    absent, hidden = make.new_id(), rooms[0].id
    replies = [stranger.get(f"Patient/{id_}/{kind}") for id_ in (hidden, absent)]
    assert differ(replies, hidden, absent) == ""
    assert rooms[0].shown[0].encode() not in replies[0].body


def test_L57_a_list_of_hidden_rows_finds_as_much_as_a_list_of_absent_ones(
    world: World, rooms: tuple[Room, Room]
) -> None:
    room = rooms[0]
    listed = [
        world.has(make.a_list(room.id, room.shown[0], ref))
        for ref in (room.hidden[0], f"Observation/{make.new_id()}")
    ]
    replies = [room.doctor.get(f"Observation?_list={id_}") for id_ in listed]
    assert [f"Observation/{id_}" for id_ in replies[0].ids] == [room.shown[0]]
    assert differ(replies, *listed) == ""
