"""An access as an AuditEvent, in the form of IHE BALP (IHE.BasicAudit.PatientRead and its kin).

https://profiles.ihe.net/ITI/BALP and https://hl7.org/fhir/R4/auditevent.html
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_PROFESSIONS: Final = {
    "G15_": "TRE_G15-ProfessionSante",
    "R94_": "TRE_R94-ProfessionSocial",
    "R95_": "TRE_R95-UsagerTitre",
}
"""Prefix of a profession's code → its code system in the French nomenclatures (NOS)."""
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_BALP_TYPE: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
RULE_EXTENSION: Final = "https://fhir-server.example.org/StructureDefinition/access-rule"
"""Extension of the AuditEvent: id of a rule under which the access was granted."""

ACTIONS: Final = {
    "create": "C",
    "read": "R",
    "vread": "R",
    "history-instance": "R",
    "history-type": "E",
    "history-system": "E",
    "search-type": "E",
    "search-system": "E",
    "operation": "E",
    "update": "U",
    "patch": "U",
    "delete": "D",
    "transaction": "E",
}
_READING: Final = frozenset({"R", "E"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: `identifier` is (system, value) of a person or structure, or empty."""

    kind: str
    name: str = ""
    identifier: tuple[str, str] = ("", "")
    organization: tuple[str, str] = ("", "")
    profession: str = ""
    patient: str = ""
    purpose: str = ""
    reason: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """One access to log. `refs` are the resources disclosed, written or asked for.

    `patient` is the record concerned; `query` the search as it was asked; `refused` says that
    nothing was disclosed or done, and `why` in words. `task` is the `Task/id` of the emergency
    session that it happened in (R68).
    """

    interaction: str
    at: str
    actor: Actor
    request_id: str
    refs: tuple[str, ...] = ()
    patient: str = ""
    query: str = ""
    rules: tuple[str, ...] = ()
    refused: bool = False
    why: str = ""
    task: str = ""
    observer: str = field(default="fhir-server")


def resource(access: Access) -> Json:
    """Return the AuditEvent, without id and meta."""
    action = ACTIONS[access.interaction]
    found: Json = {"resourceType": "AuditEvent"}
    if access.rules:
        found["extension"] = [{"url": RULE_EXTENSION, "valueCode": rule} for rule in access.rules]
    found |= {
        "type": {"system": _TYPE, "code": "rest", "display": "RESTful Operation"},
        "subtype": [{"system": _INTERACTION, "code": access.interaction}],
        "action": action,
        "recorded": access.at,
        "outcome": "4" if access.refused else "0",
    }
    if access.why:
        found["outcomeDesc"] = access.why
    if access.actor.purpose:
        found["purposeOfEvent"] = [_concept(ACT_REASON, access.actor.purpose)]
    found["agent"] = _agents(access, reading=action in _READING)
    found["source"] = {"observer": {"display": access.observer}}
    found["entity"] = _entities(access)
    return found


def _agents(access: Access, *, reading: bool) -> list[Json]:
    """Return user, client and server; a read sends from the server, a write to it."""
    actor = access.actor
    user: Json = {
        "type": _concept(_PARTICIPATION, "IRCP"),
        "who": _who(actor),
        "requestor": True,
    }
    if actor.profession:
        name, code = _PROFESSIONS[actor.profession[:4]], actor.profession[4:]
        system = f"https://mos.esante.gouv.fr/NOS/{name}/FHIR/{name.replace('_', '-')}"
        user["role"] = [_concept(system, code)]
    if actor.name:
        user["name"] = actor.name
    if actor.purpose:
        user["purposeOfUse"] = [_concept(ACT_REASON, actor.purpose) | _text(actor.reason)]
    client, server = ("110152", "110153") if reading else ("110153", "110152")
    display = {"display": actor.client or actor.kind}
    software: Json = {"type": _concept(_DCM, client), "who": display, "requestor": False}
    if actor.organization[1]:
        system, value = actor.organization
        software["who"] = {"identifier": {"system": system, "value": value}, **display}
    us = {"type": _concept(_DCM, server), "who": {"display": access.observer}, "requestor": False}
    return [user, software, us]


def _who(actor: Actor) -> Json:
    if actor.patient:
        return {"reference": f"Patient/{actor.patient}"}
    system, value = actor.identifier
    if value:
        return {"identifier": {"system": system, "value": value}}
    return {"display": actor.client or actor.kind}


def _entities(access: Access) -> list[Json]:
    entities: list[Json] = [
        {
            "what": {"reference": ref},
            "type": {"system": _ENTITY_TYPE, "code": "2"},
            "role": {"system": _ROLE, "code": "4"},
        }
        for ref in access.refs
        if ref != f"Patient/{access.patient}"
    ]
    if access.patient:
        entities.append(
            {
                "what": {"reference": f"Patient/{access.patient}"},
                "type": {"system": _ENTITY_TYPE, "code": "1"},
                "role": {"system": _ROLE, "code": "1"},
            }
        )
    if access.task:
        entities.append(
            {
                "what": {"reference": access.task},
                "type": {"system": _ENTITY_TYPE, "code": "2"},
                "role": {"system": _ROLE, "code": "20"},
            }
        )
    if access.query:
        entities.append(
            {
                "type": {"system": _ENTITY_TYPE, "code": "2"},
                "role": {"system": _ROLE, "code": "24"},
                "query": b64encode(access.query.encode()).decode(),
            }
        )
    entities.append(
        {
            "what": {"identifier": {"value": access.request_id}},
            "type": {"system": _BALP_TYPE, "code": "XrequestId"},
        }
    )
    return entities


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _text(text: str) -> Json:
    return {"text": text} if text else {}
