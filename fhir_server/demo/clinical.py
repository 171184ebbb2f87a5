"""Write a few clinical resources beside the documents: they are governed too (`mappings/`)."""

from __future__ import annotations

from random import Random

from fhir_server.demo.codes import ATC, CIM10, HL7, LOINC, UCUM, Json, concept
from fhir_server.demo.patients import Person
from fhir_server.demo.people import PROFESSIONALS


def clinical(person: Person, draw: Random) -> list[Json]:
    """Return the clinical resources of `person`, their values taken from `draw`."""
    return [
        _condition(person),
        _allergy(person),
        _observation(
            person,
            "hba1c",
            "laboratory",
            ("4548-4", "HbA1c"),
            "biologist",
            _quantity(draw.randint(55, 78) / 10, "%"),
        ),
        _observation(
            person,
            "heart-rate",
            "vital-signs",
            ("8867-4", "Fréquence cardiaque"),
            person.doctor,
            _quantity(draw.randint(58, 88), "/min"),
        ),
        _medication_request(person),
        _immunization(person),
    ]


def _start(resource_type: str, person: Person, key: str) -> Json:
    return {
        "resourceType": resource_type,
        "id": f"demo-{key}-{person.number:02d}",
        "language": "fr",
    }


def _subject(person: Person) -> Json:
    return {"reference": f"Patient/{person.id}"}


def _practitioner(key: str) -> Json:
    return {"reference": f"Practitioner/{PROFESSIONALS[key].id}"}


def _quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _condition(person: Person) -> Json:
    return _start("Condition", person, "condition") | {
        "clinicalStatus": concept(f"{HL7}/condition-clinical", "active"),
        "verificationStatus": concept(f"{HL7}/condition-ver-status", "confirmed"),
        "code": concept(CIM10, "E11.9", "Diabète sucré de type 2, sans complication"),
        "subject": _subject(person),
        "onsetDateTime": "2021-10",
        "recordedDate": "2021-10-12",
        "asserter": _practitioner(person.doctor),
    }


def _allergy(person: Person) -> Json:
    return _start("AllergyIntolerance", person, "allergy") | {
        "clinicalStatus": concept(f"{HL7}/allergyintolerance-clinical", "active"),
        "verificationStatus": concept(f"{HL7}/allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "category": ["medication"],
        "criticality": "high",
        "code": concept(ATC, "J01C", "Pénicillines"),
        "patient": _subject(person),
        "recordedDate": "2021-10-12",
        "recorder": _practitioner(person.doctor),
    }


def _observation(
    person: Person,
    key: str,
    category: str,
    code: tuple[str, str],
    performer: str,
    value: Json,
) -> Json:
    return _start("Observation", person, key) | {
        "status": "final",
        "category": [concept(f"{HL7}/observation-category", category)],
        "code": concept(LOINC, *code),
        "subject": _subject(person),
        "effectiveDateTime": "2025-05-05T07:45:00Z",
        "performer": [_practitioner(performer)],
        "valueQuantity": value,
    }


def _medication_request(person: Person) -> Json:
    return _start("MedicationRequest", person, "medication-request") | {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(ATC, "A10BA02", "Metformine"),
        "subject": _subject(person),
        "authoredOn": "2025-05-12",
        "requester": _practitioner(person.doctor),
        "dosageInstruction": [{"text": "1 comprimé de 500 mg matin et soir, au repas"}],
    }


def _immunization(person: Person) -> Json:
    return _start("Immunization", person, "immunization") | {
        "status": "completed",
        "vaccineCode": concept(ATC, "J07BB02", "Vaccin contre la grippe, inactivé"),
        "patient": _subject(person),
        "occurrenceDateTime": "2024-10-21",
        "primarySource": True,
        "performer": [{"actor": _practitioner(person.doctor)}],
    }
