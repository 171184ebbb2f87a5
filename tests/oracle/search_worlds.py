"""Small worlds to search in: resources of several types that share few values."""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.search_drawing import (
    FAMILIES,
    GIVEN,
    NUMBERS,
    TEXTS,
    UCUM,
    URLS,
    Drawing,
    Json,
    Pick,
)


def resources(pick: Pick, name: str) -> list[Json]:
    """Return a world, one to four resources of each type; `name` makes the ids its own."""
    drawing = Drawing(pick, name)
    return [
        {"resourceType": type_, "id": drawing.id(type_, place)}
        | drawing.meta()
        | drawing.narrative()
        | {name: value for name, value in make(drawing, place).items() if value not in ([], None)}
        for type_, make in MAKERS.items()
        for place in range(pick((1, 2, 3, 4)))
    ]


def patient(w: Drawing, _: int) -> Json:
    return {
        "identifier": w.some(w.identifier),
        "active": w.maybe(lambda: w.pick((True, False))),
        "name": w.some(lambda: {"family": w.pick(FAMILIES), "given": [w.pick(GIVEN)]}),
        "telecom": w.some(lambda: {"system": w.pick(("phone", "email")), "value": w.pick("123")}),
        "gender": w.maybe(lambda: w.pick(("female", "male"))),
        "birthDate": w.maybe(w.date),
        "address": w.some(lambda: {"city": w.pick(("Lyon", "Lyons-la-Forêt", "Besançon"))}),
        "generalPractitioner": w.some(lambda: w.ref("Practitioner")),
        **w.pick(({}, {"deceasedBoolean": True}, {"deceasedDateTime": "2024-03"})),
    }


def practitioner(w: Drawing, _: int) -> Json:
    return {
        "identifier": w.some(w.identifier),
        "name": w.some(lambda: {"family": w.pick(FAMILIES), "given": [w.pick(GIVEN)]}),
        "active": w.maybe(lambda: w.pick((True, False))),
    }


def observation(w: Drawing, _: int) -> Json:
    return {
        "identifier": w.some(w.identifier),
        "status": w.pick(("final", "amended")),
        "category": w.some(w.concept),
        "code": {"coding": [w.coding() | {"code": w.pick(("718-7", "4548-4", "a"))}]},
        "subject": w.maybe(lambda: w.ref("Patient", "Patient", "Location"), often=True),
        "encounter": w.maybe(lambda: w.ref("Encounter")),
        "performer": w.some(lambda: w.ref("Practitioner", "Patient")),
        "component": w.some(
            lambda: {"code": {"coding": [{"code": w.pick("xyz")}]}, "valueQuantity": w.quantity()}
        ),
        **w.pick(
            (
                {},
                {"effectiveDateTime": w.moment()},
                {"effectivePeriod": w.period()},
                {"effectiveInstant": w.time()},
                {"effectiveTiming": {"event": [w.moment(), w.moment()]}},
                {"effectiveTiming": {"repeat": {"boundsPeriod": w.period()}}},
            )
        ),
        **w.pick(
            (
                {},
                {"valueQuantity": w.quantity()},
                {"valueQuantity": w.quantity()},
                {"valueCodeableConcept": w.concept()},
                {"valueString": w.pick(TEXTS)},
                {"valueDateTime": w.moment()},
            )
        ),
    }


def document(w: Drawing, _: int) -> Json:
    attachment = {
        "contentType": w.pick(("text/plain", "application/pdf")),
        "url": w.pick(URLS),
        "creation": w.maybe(w.moment),
        "language": w.maybe(lambda: w.pick(("fr", "fr-FR"))),
    }
    return {
        "masterIdentifier": w.maybe(w.identifier),
        "identifier": w.some(w.identifier),
        "status": w.pick(("current", "superseded")),
        "type": w.maybe(w.concept, often=True),
        "category": w.some(w.concept),
        "subject": w.maybe(lambda: w.ref("Patient", "Patient", "Practitioner"), often=True),
        "date": w.maybe(w.time, often=True),
        "author": w.some(lambda: w.ref("Practitioner", "Patient")),
        "relatesTo": w.some(
            lambda: {"code": w.pick(("appends", "signs")), "target": w.ref("DocumentReference")}
        ),
        "description": w.maybe(lambda: w.pick(TEXTS)),
        "content": [{"attachment": {name: one for name, one in attachment.items() if one}}],
        "context": {
            "period": w.period(),
            "event": [w.concept()],
            "encounter": [w.ref("Encounter")],
        },
    }


def encounter(w: Drawing, _: int) -> Json:
    return {
        "status": w.pick(("finished", "planned")),
        "class": w.coding(),
        "type": w.some(w.concept),
        "subject": w.maybe(lambda: w.ref("Patient"), often=True),
        "period": w.maybe(w.period),
        "length": w.maybe(lambda: {"value": w.pick((1, 30, 90)), "code": "min", "system": UCUM}),
        "location": w.some(lambda: {"location": w.ref("Location")}),
        "partOf": w.maybe(lambda: w.ref("Encounter")),
    }


def a_list(w: Drawing, _: int) -> Json:
    return {
        "status": "current",
        "mode": "working",
        "title": w.maybe(lambda: w.pick(TEXTS)),
        "code": w.maybe(w.concept),
        "date": w.maybe(w.moment),
        "subject": w.maybe(lambda: w.ref("Patient"), often=True),
        "entry": w.some(lambda: {"item": w.ref("DocumentReference", "Observation")}),
    }


def location(w: Drawing, _: int) -> Json:
    return {
        "name": w.maybe(lambda: w.pick(TEXTS)),
        "status": w.maybe(lambda: w.pick(("active", "inactive"))),
        "address": w.maybe(lambda: {"city": w.pick(("Lyon", "Besançon")), "line": ["1 rue"]}),
        "partOf": w.maybe(lambda: w.ref("Location")),
        "position": w.maybe(w.position, often=True),
    }


def questionnaire(w: Drawing, _: int) -> Json:
    return {
        "url": w.maybe(lambda: w.pick(URLS), often=True),
        "version": w.maybe(lambda: w.pick(("1", "2"))),
        "status": w.pick(("active", "draft")),
        "title": w.maybe(lambda: w.pick(TEXTS)),
        "date": w.maybe(w.moment),
        "subjectType": ["Patient"],
    }


def response(w: Drawing, _: int) -> Json:
    return {
        "questionnaire": w.maybe(lambda: w.pick(URLS) + w.pick(("", "|1", "|2")), often=True),
        "status": "completed",
        "subject": w.maybe(lambda: w.ref("Patient")),
        "authored": w.maybe(w.moment),
        "source": w.maybe(lambda: w.ref("Patient", "Practitioner")),
    }


def risk(w: Drawing, _: int) -> Json:
    return {
        "status": "final",
        "subject": w.ref("Patient"),
        "prediction": w.some(lambda: {"probabilityDecimal": w.pick((0, 0.5, 0.55, 1, 5.4, 99.5))}),
    }


def claim_item(w: Drawing, _: int) -> Json:
    return {
        "status": "billable",
        "code": w.concept(),
        "subject": w.ref("Patient"),
        "quantity": w.maybe(w.quantity, often=True),
        "factorOverride": w.maybe(lambda: w.pick(NUMBERS)),
        "priceOverride": w.maybe(
            lambda: {"value": w.pick(NUMBERS), "currency": w.pick(("EUR", "CHF"))}
        ),
        "enteredDate": w.maybe(w.moment),
    }


MAKERS: dict[str, Callable[[Drawing, int], Json]] = {
    "Patient": patient,
    "Practitioner": practitioner,
    "Location": location,
    "Encounter": encounter,
    "Observation": observation,
    "DocumentReference": document,
    "List": a_list,
    "Questionnaire": questionnaire,
    "QuestionnaireResponse": response,
    "RiskAssessment": risk,
    "ChargeItem": claim_item,
}
