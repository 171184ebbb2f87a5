"""Write who may enter each record: care teams and Consents (contract, Consent conventions)."""

from __future__ import annotations

from fhir_server.demo.codes import (
    ACT_REASON,
    HL7,
    LOINC,
    PARTICIPATION,
    Json,
    coding,
    concept,
)
from fhir_server.demo.patients import CLOSED, MAIN, MINOR, OPPOSED, Person
from fhir_server.demo.people import PROFESSIONALS
from fhir_server.demo.places import ESTABLISHMENTS

_SINCE = "2022-01-03"
_UNTIL = "2099-12-31"
_MEMBERS = ["care-team-doctor", "pharmacist", "nurse", "podiatrist", "optician", "dentist"]
# A role stands for its practitioner: the reader must follow PractitionerRole.practitioner.
_BY_ROLE = frozenset({"optician", "dentist"})


def care_team(person: Person, members: list[str]) -> Json:
    """Return the care team of `person` (profile cds-ihe-careteam): the attending doctor as PCP."""
    return {
        "resourceType": "CareTeam",
        "id": f"demo-care-team-{person.number:02d}",
        "language": "fr",
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:2.25.{5000 + person.number}"}
        ],
        "status": "active",
        "name": f"Équipe de soins de {person.given} {person.family}",
        "subject": {"reference": f"Patient/{person.id}"},
        "period": {"start": _SINCE},
        "participant": [
            _participant(person.doctor, concept(PARTICIPATION, "PCP", "Médecin traitant")),
            *(_participant(member, _member_role()) for member in members),
        ],
    }


def care_teams() -> list[Json]:
    """Return the care teams of the world: the main record's has everybody, others fewer."""
    return [
        care_team(MAIN, _MEMBERS),
        care_team(MINOR, ["nurse"]),
        care_team(OPPOSED, ["pharmacist"]),
        care_team(CLOSED, ["care-team-doctor"]),
    ]


def consent(key: str, person: Person, provision: Json, policy: str) -> Json:
    """Return an active Consent of `person` whose root is `provision`; `policy` names its kind."""
    return {
        "resourceType": "Consent",
        "id": f"demo-consent-{key}",
        "language": "fr",
        "status": "active",
        "scope": concept(f"{HL7}/consentscope", "patient-privacy"),
        "category": [concept(LOINC, "59284-0")],
        "patient": {"reference": f"Patient/{person.id}"},
        "dateTime": _SINCE,
        "performer": [{"reference": f"Patient/{person.id}"}],
        "policy": [{"uri": f"urn:oid:2.25.6000.{policy}"}],
        "provision": provision,
    }


def permit(reference: str) -> Json:
    """Return a provision that authorises `reference` from the start of the world.

    It names its end: without one an authorisation lasts a year (R21), and the world is older.
    """
    period = {"start": _SINCE, "end": _UNTIL}
    return {"type": "permit", "period": period, "actor": [_actor(reference)]}


def block(reference: str) -> Json:
    """Return a provision that blocks `reference`: with or without an authorisation (R24)."""
    return {"type": "deny", "actor": [_actor(reference)]}


def opposition(purpose: str) -> Json:
    """Return an opposition to an emergency: `BTG` break-glass, `ETREAT` regulation (R65)."""
    return {"type": "deny", "purpose": [coding(ACT_REASON, purpose)]}


def consents() -> list[Json]:
    """Return the Consents of the world.

    The blocked doctor also holds an authorisation, so that the block alone keeps them out.
    """
    blocked = f"Practitioner/{PROFESSIONALS['blocked-doctor'].id}"
    centre = f"Organization/{ESTABLISHMENTS['health-centre'].id}"
    other = f"Practitioner/{PROFESSIONALS['ophthalmologist'].id}"
    return [
        consent("permit-blocked-doctor", MAIN, permit(blocked), "1"),
        consent("block-blocked-doctor", MAIN, block(blocked), "2"),
        consent("permit-health-centre", MAIN, permit(centre), "1"),
        consent("permit-ophthalmologist", OPPOSED, permit(other), "1"),
        consent("oppose-break-glass", OPPOSED, opposition("BTG"), "3"),
        consent("oppose-regulation", OPPOSED, opposition("ETREAT"), "4"),
    ]


def _actor(reference: str) -> Json:
    role = concept(f"{HL7}/v3-ParticipationType", "IRCP", "information recipient")
    return {"role": role, "reference": {"reference": reference}}


def _member_role() -> Json:
    return concept("urn:oid:1.2.250.1.213.1.6.1.107", "353", "Membre de l'équipe de soins")


def _participant(key: str, role: Json) -> Json:
    person = PROFESSIONALS[key]
    reference = (
        f"PractitionerRole/demo-role-{key}" if key in _BY_ROLE else f"Practitioner/{person.id}"
    )
    return {
        "role": [role],
        "member": {"reference": reference, "display": f"{person.given} {person.family}"},
        "period": {"start": _SINCE},
    }
