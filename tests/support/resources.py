"""Resources to put in a world: small, and saying what matters to the test."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from itertools import count
from json import dumps
from typing import Any, Self
from uuid import uuid4

from fhir_server.consent.requester import Requester
from fhir_server.demo.codes import ACT_REASON, CONFIDENTIALITY, HL7, LOINC, VISIBILITY
from fhir_server.records.closing import CLOSING
from fhir_server.records.people import systems

Json = dict[str, Any]

INS = systems()["INS-NIR-TEST"]

BIOLOGY, HOSPITAL, PRESCRIPTION = "11502-2", "34112-3", "57833-6"
_INS_SERIAL = [count(100)]


def new_id() -> str:
    """Return an id of a constant length, so that two of them can be compared in an answer."""
    return f"t{uuid4().hex[:18]}"


def new_hex() -> str:
    """Return an id of the form that the server gives."""
    return uuid4().hex


def a_urn() -> str:
    """Return a fullUrl that nobody else has."""
    return f"urn:uuid:{uuid4()}"


def ins_numbered_from(first: int) -> None:
    """Number the INS to come from `first` (under 800,000), as `people.numbered_from` does."""
    _INS_SERIAL[0] = count(first)


def an_ins() -> str:
    """Return a test INS that nobody else has; its key checks (R96)."""
    number = 2_88_03_55_180_000 + next(_INS_SERIAL[0])
    return f"{number}{97 - number % 97:02d}"


def reference(ref: str) -> Json:
    return {"reference": ref}


def concept(code: str, system: str = LOINC) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def label(code: str) -> Json:
    """Return a confidentiality or visibility label as a concept."""
    return concept(code, CONFIDENTIALITY if len(code) == 1 else VISIBILITY)


def person(who: Requester) -> Json:
    """Return a Reference that names a professional by RPPS, or a structure by FINESS."""
    system, value = (
        (systems()["RPPS"], who.rpps) if who.rpps else (systems()["FINESS"], who.organization)
    )
    return {"identifier": {"system": system, "value": value}}


def a_patient(*attending: Requester, **rest: Any) -> Json:
    found: Json = {
        "resourceType": "Patient",
        "id": new_id(),
        "active": True,
        "identifier": [{"system": INS, "value": an_ins()}],
        "name": [{"family": "GENÊT", "given": ["Lise"]}],
        "birthDate": "1988-03-05",
    }
    if attending:
        found["generalPractitioner"] = [person(who) for who in attending]
    return found | rest


def a_closing(on: str = "2025-02-10", why: str = "À la demande du titulaire") -> Json:
    """Return the extension by which a Patient tells when and why the record was closed."""
    return {
        "url": CLOSING,
        "extension": [
            {"url": "dateFermeture", "valueDate": on},
            {"url": "motifFermeture", "valueCodeableConcept": {"coding": [{"code": "demande"}]}},
            {"url": "raisonFermeture", "valueString": why},
        ],
    }


def a_care_team(of: str, *members: Requester, **rest: Any) -> Json:
    return {
        "resourceType": "CareTeam",
        "id": new_id(),
        "status": "active",
        "subject": reference(f"Patient/{of}"),
        "participant": [{"member": person(who)} for who in members],
    } | rest


@dataclass(frozen=True, slots=True)
class Document:
    """A DocumentReference of the record `of`; each method returns a changed one."""

    of: str
    id: str
    type: str = BIOLOGY
    labels: tuple[str, ...] = ("N",)
    author: Requester | None = None
    date: str = "2024-03-01"
    url: str = ""
    replaces: str = ""
    description: str = "Compte rendu"
    identifier: str = ""
    encounter: str = ""

    def typed(self, code: str) -> Self:
        return replace(self, type=code)

    def labelled(self, *codes: str) -> Self:
        return replace(self, labels=("N", *codes))

    def masked(self) -> Self:
        return self.labelled("MASQUE_PS")

    def unmasked(self) -> Self:
        return self.labelled()

    def by(self, author: Requester) -> Self:
        return replace(self, author=author)

    def replacing(self, older: str) -> Self:
        return replace(self, replaces=older)

    def attached(self, url: str) -> Self:
        return replace(self, url=url)

    def but(self, **changes: Any) -> Self:
        return replace(self, **changes)

    @property
    def ref(self) -> str:
        return f"DocumentReference/{self.id}"

    def json(self) -> Json:
        attachment: Json = {"contentType": "text/plain"}
        attachment |= {"url": self.url} if self.url else {"data": "Qm9uam91cg=="}
        found: Json = {
            "resourceType": "DocumentReference",
            "id": self.id,
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:2.25.{self.number}"}],
            "status": "current",
            "type": concept(self.type),
            "subject": reference(f"Patient/{self.of}"),
            "date": self.date if "T" in self.date else f"{self.date}T10:00:00+01:00",
            "securityLabel": [label(code) for code in self.labels],
            "description": self.description,
            "content": [{"attachment": attachment}],
        }
        if self.author is not None:
            found["author"] = [person(self.author)]
        if self.replaces:
            found["relatesTo"] = [{"code": "replaces", "target": reference(self.replaces)}]
        if self.encounter:
            found["context"] = {"encounter": [reference(self.encounter)]}
        return found

    @property
    def number(self) -> str:
        return self.identifier or str(int(self.id.encode().hex(), 16))


def a_document(of: str) -> Document:
    return Document(of, new_id())


def an_observation(of: str, *labels: str, laboratory: bool = True, **rest: Any) -> Json:
    """Return a laboratory result (judged as a biology report), or a vital sign."""
    category = "laboratory" if laboratory else "vital-signs"
    system = f"{HL7}/observation-category"
    found: Json = {
        "resourceType": "Observation",
        "id": new_id(),
        "status": "final",
        "category": [concept(category, system)],
        "code": concept("718-7"),
        "subject": reference(f"Patient/{of}"),
        "effectiveDateTime": "2024-03-01",
        "valueQuantity": {"value": 13.5, "unit": "g/dL"},
    }
    if labels:
        found["meta"] = {"security": [{"code": code, "system": VISIBILITY} for code in labels]}
    return found | rest


def a_list(of: str, *refs: str, **rest: Any) -> Json:
    return {
        "resourceType": "List",
        "id": new_id(),
        "status": "current",
        "mode": "working",
        "subject": reference(f"Patient/{of}"),
        "entry": [{"item": reference(ref)} for ref in refs],
    } | rest


def a_provenance(of: str, *refs: str) -> Json:
    return {
        "resourceType": "Provenance",
        "id": new_id(),
        "target": [reference(ref) for ref in refs],
        "recorded": "2024-03-01T10:00:00+01:00",
        "agent": [{"who": reference(f"Patient/{of}")}],
    }


def a_composition(of: str, *refs: str, **rest: Any) -> Json:
    return {
        "resourceType": "Composition",
        "id": new_id(),
        "status": "final",
        "type": {"text": "t"},
        "subject": reference(f"Patient/{of}"),
        "date": "2024-03-01",
        "author": [reference(f"Patient/{of}")],
        "title": "Synthèse",
        "section": [{"entry": [reference(ref) for ref in refs or (f"Patient/{of}",)]}],
    } | rest


def parameters(**values: Any) -> Json:
    """Return a Parameters; `valueX` goes by the type of a value: text, True, a dict of one member."""
    kinds = {str: "valueString", bool: "valueBoolean", int: "valueInteger"}
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, **(value if isinstance(value, dict) else {kinds[type(value)]: value})}
            for name, value in values.items()
        ],
    }


def a_binary(text: bytes = b"Bonjour", **rest: Any) -> Json:
    return {
        "resourceType": "Binary",
        "id": new_id(),
        "contentType": "text/plain",
        "data": b64encode(text).decode(),
    } | rest


def an_encounter(of: str, *labels: str, type_: str = "psy") -> Json:
    found: Json = {
        "resourceType": "Encounter",
        "id": new_id(),
        "status": "finished",
        "class": {"system": f"{HL7}/v3-ActCode", "code": "AMB"},
        "type": [concept(type_)],
        "subject": reference(f"Patient/{of}"),
    }
    if labels:
        found["meta"] = {"security": [{"code": code, "system": VISIBILITY} for code in labels]}
    return found


def a_consent(
    of: str, type_: str, *actors: Requester, purposes: tuple[str, ...] = (), **rest: Any
) -> Json:
    """Return an active Consent whose root provision is `type_` (permit, deny)."""
    provision: Json = {"type": type_}
    if actors:
        provision["actor"] = [{"role": concept("IRCP"), "reference": person(who)} for who in actors]
    if purposes:
        provision["purpose"] = [{"system": ACT_REASON, "code": code} for code in purposes]
    scope = concept("patient-privacy", f"{HL7}/consentscope")
    return {
        "resourceType": "Consent",
        "id": new_id(),
        "status": "active",
        "scope": scope,
        "category": [concept("59284-0")],
        "patient": reference(f"Patient/{of}"),
        "policyRule": concept("OPTIN", f"{HL7}/v3-ActCode"),
        "provision": provision | rest.pop("provision", {}),
    } | rest


def dumps_with(resource: Json, old: bytes, new: bytes) -> bytes:
    """Return `resource` in JSON with `old` spelled as `new`, for what Python can't spell."""
    text = dumps(resource).encode()
    assert text.count(old) == 1
    return text.replace(old, new)
