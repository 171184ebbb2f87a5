"""Searches by numbers, quantities, composites and places, as clients send them.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from fhir_server.search.query import read_query
from fhir_server.search.types import Locale
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.query import to_query
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Json, Reply
from tests.support.world import World

UCUM = "http://unitsofmeasure.org"
SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"


def measured(value: float, code: str = "mg", **rest: Any) -> Json:
    return {"value": value, "system": UCUM, "code": code, "unit": code, **rest}


def an_observation(of: str, **rest: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": make.new_id(),
        "status": "final",
        "code": make.concept("85354-9"),
        "subject": make.reference(f"Patient/{of}"),
    } | rest


def a_risk(of: str, probability: float) -> Json:
    return {
        "resourceType": "RiskAssessment",
        "id": make.new_id(),
        "status": "final",
        "subject": make.reference(f"Patient/{of}"),
        "prediction": [{"probabilityDecimal": probability}],
    }


def pressures(systolic: int, diastolic: int) -> list[Json]:
    values = {SYSTOLIC: systolic, DIASTOLIC: diastolic}
    return [
        {"code": make.concept(code), "valueQuantity": measured(value, "mm[Hg]")}
        for code, value in values.items()
    ]


def search(world: World, type_: str, **asked: str) -> Reply:
    pairs = "&".join(f"{name.replace('__', ':')}={quote(v)}" for name, v in asked.items())
    return world.trusted.get(f"{type_}?{pairs}")


def ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    assert reply.total == len(reply.entries)
    return [entry["resource"]["id"] for entry in reply.entries]


@pytest.fixture
def anna(world: World) -> str:
    return world.patient()


# numbers ------------------------------------------------------------------------------------------


def test_a_number_is_found_as_precisely_as_it_is_asked_for(world: World, anna: str) -> None:
    risks = {text: world.has(a_risk(anna, float(text))) for text in ("0.76", "0.8", "0.84", "0.85")}

    def asked(probability: str) -> list[str]:
        return ids(search(world, "RiskAssessment", subject=anna, probability=probability))

    assert sorted(asked("0.8")) == sorted([risks["0.76"], risks["0.8"], risks["0.84"]])
    assert asked("0.80") == [risks["0.8"]]
    assert sorted(asked("gt0.8")) == sorted([risks["0.84"], risks["0.85"]])
    assert sorted(asked("0.760,0.850")) == sorted([risks["0.76"], risks["0.85"]])


# quantities ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"5.4|{UCUM}|mg", True),
        (f"0.0054|{UCUM}|g", True),
        (f"5.40e-3|{UCUM}|g", True),
        (f"lt6|{UCUM}|mg", True),
        (f"5.4|{UCUM}|g", False),
        (f"5.4|{UCUM}|mL", False),
        ("5.4||mg", True),
        ("5.4", True),
        ("ap5.8", True),
        ("ne5.4", False),
    ],
)
def test_a_quantity_is_found_in_any_unit_that_converts(
    world: World, anna: str, value: str, expected: bool
) -> None:
    id_ = world.has(an_observation(anna, valueQuantity=measured(5.4)))
    reply = search(world, "Observation", patient=anna, **{"value-quantity": value})
    assert ids(reply) == ([id_] if expected else [])


def test_quantities_are_sorted_by_what_they_measure_and_paged(world: World, anna: str) -> None:
    units = [(2, "g"), (900, "ug"), (1, "mg"), (1, "kg")]
    stored = [world.has(an_observation(anna, valueQuantity=measured(*unit))) for unit in units]
    none = world.has(an_observation(anna))
    wanted = [none, stored[1], stored[2], stored[0], stored[3]]
    found = []
    path = f"Observation?patient={anna}&_sort=value-quantity&_count=2"
    while path:
        reply = world.trusted.get(path)
        assert reply.total == 5
        found += [entry["resource"]["id"] for entry in reply.entries]
        after = [link["url"] for link in reply.json["link"] if link["relation"] == "next"]
        path = after[0].partition("/fhir/")[2] if after else ""
    assert found == wanted


def test_what_has_no_quantity_is_found_as_missing(world: World, anna: str) -> None:
    has = world.has(an_observation(anna, valueQuantity=measured(1, comparator="<")))
    lacks = world.has(an_observation(anna, valueString="trace"))
    asked = {"patient": anna}
    assert ids(search(world, "Observation", **asked, **{"value-quantity__missing": "true"})) == [
        lacks
    ]
    assert ids(search(world, "Observation", **asked, **{"value-quantity__missing": "false"})) == [
        has
    ]
    name = "code-value-quantity__missing"
    assert ids(search(world, "Observation", **asked, **{name: "true"})) == [lacks]


def test_money_is_found_by_its_currency(world: World) -> None:
    gross = {"value": 41.5, "currency": "EUR"}
    invoice = {"resourceType": "Invoice", "id": make.new_id(), "status": "issued"}
    id_ = world.has({**invoice, "totalGross": gross})
    assert id_ in ids(search(world, "Invoice", totalgross="41.5|urn:iso:std:iso:4217|EUR"))
    assert id_ not in ids(search(world, "Invoice", totalgross="41.5||USD"))


# composites ---------------------------------------------------------------------------------------


def test_the_parts_of_a_composite_hold_in_one_element(world: World, anna: str) -> None:
    id_ = world.has(an_observation(anna, component=pressures(150, 80)))

    def asked(value: str) -> list[str]:
        name = {"component-code-value-quantity": value}
        return ids(search(world, "Observation", patient=anna, **name))

    assert asked(f"http://loinc.org|{SYSTOLIC}$gt140|{UCUM}|mm[Hg]") == [id_]
    assert asked(f"{SYSTOLIC}$gt18.6|{UCUM}|kPa") == [id_]
    assert asked(f"{DIASTOLIC}$gt140") == []
    assert asked(f"{DIASTOLIC}$gt140,{DIASTOLIC}$lt90") == [id_]


def test_a_doctor_finds_by_value_only_what_they_may_know(world: World) -> None:
    """L01, L09: a filter on a value is no way to ask about what is hidden."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    shown = world.has(an_observation(anna, component=pressures(150, 80)))
    hidden = an_observation(anna, component=pressures(170, 90))
    world.has({**hidden, "meta": {"security": [make.label("MASQUE_PS")["coding"][0]]}})
    for asked in (
        f"component-code-value-quantity={SYSTOLIC}$gt140",
        "component-value-quantity=gt100",
        "combo-value-quantity=gt100||mm[Hg]",
    ):
        reply = world.as_(doctor).get(f"Observation?patient={anna}&{asked}")
        assert ids(reply) == [shown]
    reply = world.as_(doctor).get(f"Observation?patient={anna}&component-value-quantity=gt160")
    assert (reply.status, reply.total) == (200, 0)


# places -------------------------------------------------------------------------------------------


def test_places_near_another_are_found(world: World) -> None:
    def place(latitude: float, longitude: float) -> str:
        position = {"latitude": latitude, "longitude": longitude}
        return world.has({"resourceType": "Location", "id": make.new_id(), "position": position})

    paris, versailles = place(48.853, 2.3499), place(48.8049, 2.1204)
    nowhere = world.has({"resourceType": "Location", "id": make.new_id(), "name": "Ailleurs"})
    assert ids(search(world, "Location", near="48.8584|2.2945")) == [paris]
    assert ids(search(world, "Location", near="48.8584|2.2945|5000|m")) == [paris]
    both = ids(search(world, "Location", near="48.8584|2.2945|10|[mi_i]"))
    assert sorted(both) == sorted([paris, versailles])
    assert ids(search(world, "Location", near="45.76|4.83|10|km,48.80|2.12|2|km")) == [versailles]
    assert ids(search(world, "Location", near__missing="true", _id=nowhere)) == [nowhere]


# refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name", "expected"),
    [
        ("RiskAssessment?probability=many", "probability", "a number such as"),
        ("Observation?value-quantity=5|mg", "value-quantity", "`number|system|code`"),
        ("Observation?code-value-quantity=a", "code-value-quantity", "`code$value-quantity`"),
        ("Observation?code-value-quantity=a$b", "value-quantity", "a quantity"),
        ("Location?near=Paris", "near", "`latitude|longitude`"),
    ],
)
def test_a_value_that_can_not_be_read_is_refused_with_what_would_do(
    world: World, query: str, name: str, expected: str
) -> None:
    reply = world.trusted.get(query)
    assert (reply.status, reply.issue["code"]) == (400, "value")
    assert f"search parameter `{name}`" in reply.issue["diagnostics"]
    assert expected in reply.issue["diagnostics"]


@pytest.mark.parametrize(
    "name",
    [
        "Observation?value-quantity:exact=5",
        "Observation?code-value-quantity:not=a$5",
        "RiskAssessment?probability:contains=1",
        "Location?near:text=1",
    ],
)
def test_a_modifier_that_r4_does_not_give_the_type_is_refused(world: World, name: str) -> None:
    reply = world.trusted.get(name)
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    assert "does not take the modifier" in reply.issue["diagnostics"]


# cost ---------------------------------------------------------------------------------------------


def stages(plan: Mapping[str, Any]) -> Iterator[str]:
    yield plan["stage"]
    for inner in (*plan.get("inputStages", ()), *(plan[k] for k in ("inputStage",) if k in plan)):
        yield from stages(inner)


@pytest.fixture(scope="module")
def many(world: World) -> None:
    anna = world.patient()
    for fifths in range(1, 60):
        world.has(an_observation(anna, valueQuantity=measured(fifths / 5)))
    world.has({"resourceType": "Location", "id": make.new_id(), "name": "Ailleurs"})
    world.has(a_risk(anna, 0.1))


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("type_", "name", "value"),
    [
        ("Observation", "value-quantity", f"5.4|{UCUM}|mg"),
        ("Observation", "value-quantity", f"ge5.4|{UCUM}|mg"),
        ("Observation", "value-quantity", "ne5.4||mg"),
        ("Observation", "value-quantity", "ap5.4"),
        ("Observation", "component-code-value-quantity", f"{SYSTOLIC}$gt140|{UCUM}|mm[Hg]"),
        ("Observation", "code-value-quantity", f"85354-9$gt11|{UCUM}|mg"),
        ("Observation", "code-value-date", "85354-9$2024"),
        ("RiskAssessment", "probability", "0.8"),
        ("Location", "near", "48.85|2.35|5|km"),
    ],
)
def test_the_index_answers(
    mongo_uri: str, module_database_name: str, type_: str, name: str, value: str
) -> None:
    """No scan of the collection, and hardly a document looked at in vain."""
    (clause,) = read_query(type_, [(name, value)], Locale()).clauses
    with connect(mongo_uri) as mongo:
        told = (
            mongo[module_database_name][type_]
            .find(to_query(clause.predicate))  # type: ignore[union-attr]
            .explain()
        )
    assert "COLLSCAN" not in set(stages(told["queryPlanner"]["winningPlan"]))
    assert "IXSCAN" in set(stages(told["queryPlanner"]["winningPlan"]))
    cost = told["executionStats"]
    assert cost["totalDocsExamined"] <= cost["nReturned"] + 2


def test_a_subject_by_its_id_alone_is_of_any_type_that_bears_it(world: World) -> None:
    patient = world.patient()
    world.has({"resourceType": "Device", "id": patient})
    wanted = {f"of-{type_}-{patient}": type_ for type_ in ("Device", "Patient")}
    for id_, type_ in wanted.items():
        world.has(
            {"resourceType": "Observation", "id": id_[:64], "status": "final"}
            | {"code": {"text": "x"}, "subject": {"reference": f"{type_}/{patient}"}}
        )
    ids = {type_: id_[:64] for id_, type_ in wanted.items()}
    found = world.trusted.get(f"Observation?subject={patient}").ids
    assert sorted(found) == sorted(ids.values())
    assert world.trusted.get(f"Observation?patient={patient}").ids == [ids["Patient"]]
