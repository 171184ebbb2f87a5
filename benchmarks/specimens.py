"""One resource of each kind, of about 5 KB, whose validation is timed: what a full record sends."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.resources import document, patient_resource

Json = dict[str, Any]

SIZE: Final = 5000
"""Bytes that each of them has, more or less a tenth."""
_LOINC: Final = "http://loinc.org"
_UNITS: Final = "http://unitsofmeasure.org"
_ANALYTES: Final = (
    ("718-7", "Hémoglobine", "g/dL", 13.2),
    ("4544-3", "Hématocrite", "%", 41.5),
    ("789-8", "Hématies", "10*6/uL", 4.61),
    ("787-2", "Volume globulaire moyen", "fL", 90.1),
    ("6690-2", "Leucocytes", "10*3/uL", 6.42),
    ("777-3", "Plaquettes", "10*3/uL", 251.0),
    ("2951-2", "Sodium", "mmol/L", 140.2),
    ("2823-3", "Potassium", "mmol/L", 4.12),
)


def specimens() -> list[Json]:
    """Return a DocumentReference, an Observation and a Patient, all valid."""
    return [_document(), _observation(), _patient()]


def _document() -> Json:
    """Return a document with its history, its events, and the same content in several forms."""
    plain = document("specimen", 1)
    [content] = plain["content"]
    forms = [
        content | {"attachment": content["attachment"] | {"contentType": form, "title": title}}
        for form, title in (
            ("application/pdf", "Compte rendu, à imprimer"),
            ("text/xml", "Compte rendu structuré, CDA R2 de niveau 3"),
            ("text/html", "Compte rendu, à lire à l'écran"),
        )
    ]
    related = [{"reference": f"Observation/specimen-{number:03d}"} for number in range(28)]
    events = [
        _concept("urn:bench:event", code, f"Acte fictif {code}")
        for code in ("A", "B", "C", "D", "E")
    ]
    return plain | {
        "meta": {"profile": ["https://documents.example.org/StructureDefinition/specimen"]},
        "text": _narrative([f"Ligne {number} d'un résumé fictif." for number in range(24)]),
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": f"urn:bench:specimen:{number}"}
            for number in range(3)
        ],
        "category": [_concept("urn:bench:class", f"{number}", "Classe") for number in range(3)],
        "relatesTo": [
            {"code": "transforms", "target": {"reference": f"DocumentReference/older-{number}"}}
            for number in range(3)
        ],
        "content": forms,
        "context": plain["context"] | {"event": events, "related": related},
    }


def _observation() -> Json:
    """Return a panel of blood counts, each with its range and its reading."""
    return {
        "resourceType": "Observation",
        "text": _narrative([f"{name} : {value} {unit}" for _, name, unit, value in _ANALYTES]),
        "identifier": [{"system": "urn:bench:observation", "value": "1"}],
        "status": "final",
        "category": [
            _concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")
        ],
        "code": _concept(_LOINC, "58410-2", "Numération formule sanguine"),
        "subject": {"reference": "Patient/specimen"},
        "effectiveDateTime": "2022-03-04T08:15:00+01:00",
        "issued": "2022-03-04T11:42:17.250+01:00",
        "performer": [{"reference": "Practitioner/bench-attending"}],
        "component": [_component(*analyte) for analyte in _ANALYTES],
    }


def _component(code: str, name: str, unit: str, value: float) -> Json:
    def quantity(amount: float) -> Json:
        return {"value": round(amount, 2), "unit": unit, "system": _UNITS, "code": unit}

    reading = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    return {
        "code": _concept(_LOINC, code, name),
        "valueQuantity": quantity(value),
        "interpretation": [_concept(reading, "N")],
        "referenceRange": [{"low": quantity(value * 0.8), "high": quantity(value * 1.2)}],
    }


def _patient() -> Json:
    """Return a patient with several names, addresses and people to call."""
    plain = patient_resource("specimen")
    kin = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    return plain | {
        "text": _narrative([f"Ligne {number} d'une identité fictive." for number in range(12)]),
        "identifier": [
            {
                "use": "secondary",
                "type": _concept("http://terminology.hl7.org/CodeSystem/v2-0203", "PI"),
                "system": f"urn:bench:hospital:{number}",
                "value": f"{number:09d}",
                "period": {"start": "2019-05-06"},
            }
            for number in range(5)
        ],
        "name": [
            {"use": use, "family": "ESSAI-SPÉCIMEN", "given": ["Camille", "Andréa", "Maxime"]}
            for use in ("official", "usual", "maiden")
        ],
        "telecom": [
            {"system": "phone", "value": f"+33 1 99 00 00 {number:02d}", "use": "home", "rank": 1}
            for number in range(4)
        ],
        "address": [_address(use) for use in ("home", "temp", "work")],
        "maritalStatus": _concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M"),
        "contact": [
            {
                "relationship": [_concept(kin, code)],
                "name": {"family": "ESSAI-SPÉCIMEN", "given": ["Dominique"]},
                "telecom": [{"system": "phone", "value": "+33 1 99 00 01 00", "use": "mobile"}],
                "address": _address("home"),
                "period": {"start": "2010-01-01"},
            }
            for code in ("MTH", "FTH", "SPS", "SIB")
        ],
        "communication": [{"language": _concept("urn:ietf:bcp:47", "fr-FR"), "preferred": True}],
    }


def _address(use: str) -> Json:
    return {
        "use": use,
        "line": ["1 rue de l'Essai", "Bâtiment C, escalier 4"],
        "city": "Lyon",
        "district": "Rhône",
        "postalCode": "69003",
        "country": "FRA",
        "period": {"start": "2018-09-01"},
    }


def _concept(system: str, code: str, display: str = "") -> Json:
    named = {"display": display} if display else {}
    return {"coding": [{"system": system, "code": code, **named}]}


def _narrative(lines: list[str]) -> Json:
    inside = "".join(f"<p>{line}</p>" for line in lines)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>',
    }
