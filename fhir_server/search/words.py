"""The words of a resource, for `_text` and `_content`: https://hl7.org/fhir/R4/search.html#content.

A word is indexed as its French stem, folded first: `opérée`, `OPEREES` and `operee` are one. Stems
stand in `idx._content` and `idx._text` as any other index value, so that a search by words is made
of the same predicates as every other and composes with consent exactly (ADR 0018).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from snowballstemmer.french_stemmer import FrenchStemmer

from fhir_server.definitions import PRIMITIVES, child, elements
from fhir_server.search.string import fold

CONTENT: Final = "_content"
TEXT: Final = "_text"
CODES: Final = frozenset({CONTENT, TEXT})

# INVARIANT: whoever may know a resource of these types is sent all of it. What points loses what
# its reader may not know (`records/prune.py`); its words would tell of that.
TYPES: Final = frozenset(
    """
    AdverseEvent AllergyIntolerance Appointment BodyStructure CarePlan CareTeam ClinicalImpression
    Condition Consent DetectedIssue Device DeviceRequest DeviceUseStatement DiagnosticReport
    DocumentReference Encounter EpisodeOfCare FamilyMemberHistory Flag Goal HealthcareService
    ImagingStudy Immunization ImmunizationRecommendation Location Media Medication
    MedicationAdministration MedicationDispense MedicationRequest MedicationStatement
    NutritionOrder Observation Organization Patient Practitioner PractitionerRole Procedure
    QuestionnaireResponse RelatedPerson RequestGroup RiskAssessment ServiceRequest Specimen
    SupplyRequest VisionPrescription
    """.split()  # noqa: SIM905 (a table to be read)
)
"""The types that a person reads."""

_LONGEST: Final = 40
"""Characters of one stem; no French word has more."""
_WORD: Final = re.compile(r"[^\W_]+['’]?")
_ELIDED: Final = frozenset("c d j l m n s t qu jusqu lorsqu puisqu quoiqu".split())  # noqa: SIM905
_STOP: Final = frozenset(
    """
    a ai au aux avec ce ces cet cette dans de des du elle elles en est et etait ete etre eu il ils
    je la le les leur leurs lui ma mais me mes mon nos notre nous on ont ou par pour qu que qui sa
    se ses si son sont sur ta te tes ton tu un une vos votre vous y
    """.split()  # noqa: SIM905
)
_TAG: Final = re.compile(r"<[^>]*>")
_TOLD: Final = frozenset({"string", "markdown"})
"""Primitive types in which people write. Codes (`use`, `gender`, `final`) are found by parameters;
ids, addresses, dates, numbers and contents are no words."""
_NOT_READ: Final = frozenset(
    {("Reference", "reference"), ("Coding", "version"), ("SampledData", "data")}
)
"""Texts by their type that are none to a reader; nor are the ids of elements."""


def searched(resource_type: str, code: str) -> bool:
    """Tell whether `code` is a search by words that resources of the type are indexed for."""
    return code in CODES and resource_type in TYPES


def values(resource_type: str, resource: dict[str, Any]) -> dict[str, list[str]]:
    """Return the stems of a resource, sorted, by parameter; those without any are left out."""
    if resource_type not in TYPES:
        return {}
    narrative = _narrative(resource)
    told = stems(narrative)
    found = {CONTENT: stems(" ".join(_texts(resource_type, resource))) | told, TEXT: told}
    return {code: sorted(words) for code, words in found.items() if words}


def stems(text: str) -> set[str]:
    """Return the stems of the words in `text`; what means nothing alone (`de`, `l'`) has none."""
    # Split where it is cheap; what punctuation is left is read once and remembered.
    return set().union(*map(_read, set(unicodedata.normalize("NFKC", text).split())))


@lru_cache(maxsize=32768)
def _read(run: str) -> frozenset[str]:
    """Return the stems in a run of signs without white space."""
    return frozenset(filter(None, map(_stem, _WORD.findall(run))))


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    plain = fold(word)
    if word[-1:] in "'’" and plain in _ELIDED:
        return ""
    if plain in _STOP:
        return ""
    if not plain.isalpha():
        return plain[:_LONGEST]  # a number or a reference has no endings
    # A stemmer keeps the word in itself, so that two threads can't share one. Without its accents
    # a word may lose its endings one by one: `operees`, `operee`, `opere`.
    stemmer, stem = FrenchStemmer(), ""
    while plain != stem:
        stem, plain = plain, str(stemmer.stemWord(plain))
    return stem[:_LONGEST]


def _narrative(resource: dict[str, Any]) -> str:
    text = resource.get("text")
    div = text.get("div") if isinstance(text, dict) else None
    return html.unescape(_TAG.sub(" ", div)) if isinstance(div, str) else ""


def _texts(type_: str, value: dict[str, Any]) -> Iterator[str]:
    """Yield every text that a person would read, at any depth."""
    pending: list[tuple[str, dict[str, Any]]] = [(type_, value)]
    while pending:
        path, holder = pending.pop()
        read = _read_in(path)
        for name, held in holder.items():
            inner = read.get(name)
            if inner is None:
                continue
            for item in held if isinstance(held, list) else (held,):
                if isinstance(item, dict):
                    whole = inner == "Resource"
                    pending.append((item.get("resourceType", "") if whole else inner, item))
                elif isinstance(item, str):
                    yield item


@lru_cache(maxsize=2048)
def _read_in(path: str) -> Mapping[str, str]:
    """Return the members of a type that lead to texts, with the type of each."""
    found = {}
    for element in elements(path).values():
        for name in [element.json_name(type_.code) for type_ in element.types] or [element.name]:
            place = child(path, name)
            if place is None or name == "id" or (path, name) in _NOT_READ:
                continue
            if place[1] in PRIMITIVES:
                found[f"_{name}"] = "Element"  # what an extension says of it
            if place[1] in _TOLD or place[1] not in {"Narrative", *PRIMITIVES}:
                found[name] = place[1]
    return found
