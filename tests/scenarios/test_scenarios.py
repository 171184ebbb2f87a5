"""Run the scenarios: what the engine answers, case by case, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import read_matrix
from fhir_server.consent.policy import FOREVER, ConsentPolicy, Link, Period, RecordPolicy
from fhir_server.consent.reading import Context, read_consent
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.rules import RULES
from fhir_server.data import mappings_dir
from fhir_server.fhir.dates import interval
from fhir_server.records.rulesets import rule_set

Json = Mapping[str, Any]

HERE = Path(__file__).parent
PEOPLE: dict[str, Json] = json.loads((HERE / "personnes.json").read_text(encoding="utf-8"))
THEMES = sorted(path for path in HERE.glob("*.json") if path.stem != "personnes")
SCENARIOS: list[tuple[str, Json]] = [
    (path.stem, case) for path in THEMES for case in json.loads(path.read_text(encoding="utf-8"))
]
MATRIX = read_matrix(
    mappings_dir().joinpath("habilitation.csv").read_text(encoding="utf-8").splitlines()
)
A_YEAR = 365 * 86_400 * 1_000_000
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TODAY = "2024-05-15"


def keys(name: str) -> frozenset[str]:
    """Return the keys of one person: their RPPS, or the FINESS of a structure."""
    person = PEOPLE[name]
    if "rpps" in person:
        return frozenset({f"rpps:{person['rpps']}"})
    return frozenset({f"finess:{person['structure']}"})


CONTEXT = Context(who=lambda ref: keys(ref["display"]), when=interval, lifetime=A_YEAR)


def a_requester(said: Json) -> Requester:
    person = PEOPLE[said["personne"]]
    return Requester(
        kind=Kind(person["genre"]),
        purpose=Purpose(said.get("but", "treatment")),
        rpps=person.get("rpps", ""),
        profession=person.get("profession", ""),
        organization=person.get("structure", ""),
        patient=said.get("pour", person.get("dossier", "")),
        reason=said.get("motif", ""),
    )


def a_span(said: Json) -> dict[str, str]:
    return {to: said[by] for by, to in (("du", "start"), ("au", "end")) if by in said}


def a_period(said: Json) -> Period:
    span = a_span(said)
    start = interval(span["start"])[0] if "start" in span else Period().start
    end = interval(span["end"])[1] if "end" in span else Period().end
    return Period(start, end)


def a_provision(said: Json) -> dict[str, Any]:
    """Write a consent's words as the provision of a FHIR Consent."""
    found = {
        "type": {"autorise": "permit", "refuse": "deny"}[said["effet"]],
        "period": a_span(said),
        "actor": [{"reference": {"display": name}} for name in said.get("à", ())],
        "purpose": [{"system": ACT_REASON, "code": code} for code in said.get("buts", ())],
        "code": [{"coding": [{"code": code}]} for code in said.get("types", ())],
        "securityLabel": [{"code": code} for code in said.get("étiquettes", ())],
        "provision": [a_provision(inner) for inner in said.get("sauf", ())],
    }
    return {name: value for name, value in found.items() if value}


def a_consent(said: Json) -> ConsentPolicy | None:
    resource = {
        "id": "c",
        "status": said.get("statut", "active"),
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "dateTime": said.get("donné le", "2024-01-10"),
        "provision": a_provision(said),
    }
    return read_consent(resource, version=1, updated=0, context=CONTEXT)


def a_record(said: Json) -> RecordPolicy:
    links = [
        Link(key, "care-team", "CareTeam/t", a_period(member))
        for member in said.get("équipe de soins", ())
        for key in keys(member["nom"])
    ]
    if "mesure de protection" in said:
        during = a_period(said["mesure de protection"])
        links.append(Link("representative:anna", "protection", "RelatedPerson/r", during))
    if "médecin traitant" in said:
        links += [Link(k, "attending", "Patient/anna") for k in keys(said["médecin traitant"])]
    consents = [a_consent(words) for words in said.get("consentements", ())]
    return RecordPolicy(
        patient="anna",
        version="1",
        closed=said.get("fermé", False),
        of_age=interval(said["majeur le"])[0] if "majeur le" in said else FOREVER,
        links=tuple(links),
        consents=tuple(consent for consent in consents if consent is not None),
    )


def a_document(said: Json) -> dict[str, Any]:
    authors = keys(said["auteur"]) if "auteur" in said else frozenset({"rpps:19999999999"})
    return {
        "patient": "anna",
        "governance": "record",
        "ref": "DocumentReference/d",
        "types": [said["type"]],
        "classes": ["DocumentReference"],
        "labels": ["N", *said.get("étiquettes", ())],
        "authors": sorted(authors),
        "owner": min(authors),
        "deposited": interval(said.get("déposé le", "2023-06-01"))[0],
    }


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{theme}: {case['titre']}") for theme, case in SCENARIOS]
)
def test_the_engine_answers_as_the_scenario_says(case: Json) -> None:
    at = interval(f"{case.get('le', TODAY)}T12:00:00Z")[0]
    law = rule_set(case.get("jeu de règles", "original"))
    sight = Sight(a_requester(case["appelant"]), MATRIX, at, (a_record(case["dossier"]),), law)
    decided = sight.decide(a_document(case["document"]))
    assert ("permis" if decided.permit else "refusé") == case["verdict"]
    assert [reason.rule for reason in decided.reasons] == case["raisons"]


def test_every_rule_about_documents_has_a_scenario() -> None:
    told = {rule for _, case in SCENARIOS for rule in case["raisons"]}
    # Traces are no documents: see tests/unit/consent/test_pointers.py.
    assert {rule.id for rule in RULES} - {"own-act"} == told


def test_every_scenario_has_a_title_of_its_own_and_names_its_rules() -> None:
    titles = [case["titre"] for _, case in SCENARIOS]
    assert len(set(titles)) == len(titles) >= 25
    for _, case in SCENARIOS:
        assert all(rule[0] in "RL" and rule[1:].isdigit() for rule in case["règles"])
        assert case["verdict"] in ("permis", "refusé")
