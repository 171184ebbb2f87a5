"""A resource's consent facts, computed when it is written (`consent/facts.py` names them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.definitions import compartment, search_parameters
from fhir_server.fhir.references import parse_reference, walk_references
from fhir_server.records.governance import governance
from fhir_server.records.people import People, ins_systems
from fhir_server.search.index import IndexValues
from fhir_server.search.token import SEPARATOR, pair
from fhir_server.store.rows import Row

Json = dict[str, Any]

OWN: Final = "own"
"""The labels that the resource itself bears; `labels` may have more, from newer versions."""
REPLACES: Final = "replaces"
DRAWN: Final = "drawn"
"""True when the record of a pointer is that of its targets, because it names no patient itself."""
VOID: Final = "void"
"""True on a Consent that a professional recorded while the record shut them out (R24)."""
_INSIDE: Final = frozenset({"record", "pointer", "binary", "policy", "careteam"})
_CODED: Final = frozenset({"record", "pointer"})
_CODES_OF: Final = ("code", "type", "vaccineCode", "medicationCodeableConcept")
"""The elements that say what a resource is about."""
EMERGENCY: Final = "emergency"
"""Of the server's Task of a break-glass: the key of who broke it."""
SESSION: Final = "session"
"""Of such a Task, until it is reviewed: what its session opens, and when (`policies.py`)."""
REVIEW: Final = "review"
"""Of such a Task, until it is reviewed: when it began to wait, in microseconds."""
_SPEAKS_OF_RECORD: Final = frozenset({"record", "pointer", "binary", "policy", "careteam", "trace"})


@dataclass(frozen=True, slots=True)
class Deposit:
    """Who wrote the first version of a resource, and when; both never change."""

    owner: str
    at: int


def consent_facts(
    type_: str,
    id_: str,
    resource: Json,
    index: IndexValues,
    deposit: Deposit,
    people: People,
) -> Json:
    """Return the facts of a resource, but for `targets`, which `effects` adds."""
    governed = governance()[type_]
    own = sorted(labels(resource))
    found: Json = {
        facts.REF: f"{type_}/{id_}",
        facts.GOVERNANCE: governed.kind,
        facts.CLASSES: [type_, *_profiles(resource)],
        facts.LABELS: own,
        OWN: own,
        facts.AUTHORS: sorted({deposit.owner, *_authors(type_, resource, people)}),
        facts.OWNER: deposit.owner,
        facts.DEPOSITED: deposit.at,
    }
    found |= _belonging(type_, id_, index)
    if type_ == "DocumentReference":
        found[facts.TYPES] = sorted(_codes([resource.get("type", {})]))
        found[facts.CLASSES] += sorted(_codes(resource.get("category", [])))
        if replaced := _replaced(resource, people):
            found[REPLACES] = replaced
    elif governed.kind == "record":
        found[facts.TYPES] = [governed.type_of(resource)]
    if dated := index.values.get("date"):
        found[facts.DATED] = [item for item in dated if isinstance(item, dict)]
    if governed.kind in _CODED and (codes := _own_codes(resource)):
        found[facts.CODES] = codes
    if governed.kind in _INSIDE and (refers := _refers(type_, id_, resource, index, people.base)):
        found[facts.REFERS] = refers
    return found


def _profiles(resource: Json) -> list[str]:
    """Return the profiles that a resource claims, without their versions."""
    claimed = resource.get("meta", {}).get("profile", ())
    return sorted({str(url).partition("|")[0] for url in claimed})


def _own_codes(resource: Json) -> list[str]:
    """Return what a resource is coded as: `system|code`, and `*|code` for any system."""
    found: set[str] = set()
    for name in _CODES_OF:
        value: Any = resource.get(name)
        for concept in value if isinstance(value, list) else [value]:
            for coding in concept.get("coding", ()) if isinstance(concept, dict) else ():
                if code := coding.get("code"):
                    found |= {f"*|{code}", f"{coding.get('system') or '*'}|{code}"}
    return sorted(found)


def _refers(type_: str, id_: str, resource: Json, index: IndexValues, base: str) -> list[str]:
    """Return `Type/id` of what is inside a record and `resource` refers to, attachments too."""
    found = {*_mentioned(resource, base)}
    for url in index.values.get("location", ()) if type_ == "DocumentReference" else ():
        parsed = parse_reference(str(url), base)
        if parsed.ours and parsed.type == "Binary":
            found.add(f"Binary/{parsed.id}")
    return sorted(found - {f"{type_}/{id_}"})


def labels(resource: Mapping[str, Any]) -> set[str]:
    """Return confidentiality and visibility labels; a resource without the first is normal, N.

    A visibility label counts whatever system it is written under: doubt restricts.
    """
    codings = list(resource.get("meta", {}).get("security", ()))
    for concept in resource.get("securityLabel", ()):
        codings += concept.get("coding", ()) if "coding" in concept else [concept]
    found = {coding.get("code", "") for coding in codings} - {""}
    return found if found & facts.CONFIDENTIALITY_LABELS else found | {"N"}


def patients(type_: str, id_: str, index: IndexValues) -> list[str]:
    """Return the ids of the records that a resource belongs to.

    `patient` where the type has that parameter (the subject, not the performer), else the
    parameters of the Patient compartment (https://hl7.org/fhir/R4/compartmentdefinition-patient.html).
    """
    if type_ == "Patient":
        return [id_]
    codes: tuple[str, ...] = compartment("Patient").get(type_, ())
    if "patient" in search_parameters(type_):
        codes = ("patient",)
    found = {
        value.removeprefix("Patient/")
        for code in codes
        for value in index.values.get(code, ())
        if isinstance(value, str) and value.startswith("Patient/")
    }
    return sorted(found)


def _belonging(type_: str, id_: str, index: IndexValues) -> Json:
    speaks = type_ == "Patient" or governance()[type_].kind in _SPEAKS_OF_RECORD
    ids = patients(type_, id_, index)
    match ids:
        case []:
            return {}
        case [only] if speaks:
            return {facts.PATIENT: only}
        case _:
            return {facts.SHARED: True}


def subject_identifiers(resource: Json, index: IndexValues) -> list[str]:
    """Return the INS by which a resource names its patient without a reference to one stored.

    A logical reference, or a contained Patient, as token values of `Patient.identifier`.
    """
    found = [
        value
        for code in ("patient", "subject")
        for value in index.values.get(f"{code}:identifier", ())
    ]
    for name in ("subject", "patient"):
        reference = resource.get(name)
        text = reference.get("reference", "") if isinstance(reference, dict) else ""
        for inside in resource.get("contained", ()) if text.startswith("#") else ():
            if inside.get("id") == text[1:] and inside.get("resourceType") == "Patient":
                given = inside.get("identifier", ())
                found += [pair(i.get("system", ""), str(i.get("value", ""))) for i in given]
    systems = ins_systems()
    return [value for value in found if value.partition(SEPARATOR)[0] in systems]


def targets(type_: str, resource: Json, base: str) -> list[str]:
    """Return what a pointer points to: `Type/id` of every governed resource it mentions."""
    return list(_mentioned(resource, base)) if governance()[type_].kind == "pointer" else []


def _mentioned(resource: Json, base: str) -> dict[str, None]:
    """Return `Type/id` of every governed resource that references name, in order, each once."""
    found: dict[str, None] = {}
    for _, reference in walk_references(resource):
        parsed = parse_reference(reference["reference"], base)
        if parsed.ours and parsed.type in governance() and governed(parsed.type):
            found[f"{parsed.type}/{parsed.id}"] = None
    return found


def governed(type_: str) -> bool:
    """Tell whether resources of `type_` can be hidden inside a record."""
    return governance()[type_].kind in _INSIDE


def as_target(row: Row, *, deep: bool = True) -> Json:
    """Return the facts of `row` as they stand inside a pointer to it, two steps deep."""
    own = (facts.TARGETS, facts.CONTEXT, OWN, EMERGENCY, SESSION, REVIEW)
    found = {name: value for name, value in row.acl.items() if name not in own}
    if deep and facts.TARGETS in row.acl:
        found[facts.TARGETS] = [
            {name: value for name, value in inner.items() if name not in own}
            for inner in row.acl[facts.TARGETS]
        ]
    return found


def _authors(type_: str, resource: Json, people: People) -> set[str]:
    """Return the declared authors of a document (R44); other types are their depositor's."""
    if type_ != "DocumentReference":
        return set()
    contained = resource.get("contained", ())
    return {key for item in resource.get("author", ()) for key in people.who(item, contained)}


def _replaced(resource: Json, people: People) -> list[str]:
    found = []
    for item in resource.get("relatesTo", ()):
        text = item.get("target", {}).get("reference", "")
        if item.get("code") == "replaces" and text:
            parsed = parse_reference(text, people.base)
            if parsed.ours:
                found.append(f"{parsed.type}/{parsed.id}")
    return found


def _codes(concepts: list[Json]) -> set[str]:
    return {c["code"] for concept in concepts for c in concept.get("coding", ()) if c.get("code")}
