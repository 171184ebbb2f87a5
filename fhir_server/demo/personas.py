"""Name the people who try the demonstration (contract, Demonstration data and personas)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.demo.patients import MAIN, MINOR, Person
from fhir_server.demo.people import PROFESSIONALS
from fhir_server.demo.places import ESTABLISHMENTS


@dataclass(frozen=True, slots=True)
class RecordRef:
    """The record that a persona is about: logical id of the Patient, and INS."""

    patient: str
    ins: str


@dataclass(frozen=True, slots=True)
class Persona:
    """A caller with a stable `name`; `title_fr` says who it is to a French reader."""

    name: str
    kind: Kind
    title_fr: str
    requester: Requester
    record: RecordRef | None

    def as_json(self) -> dict[str, Any]:
        """Return the persona as `fhir-server personas --json` prints it, empty facts left out."""
        caller = self.requester
        facts = {
            "name": caller.name,
            "rpps": caller.rpps,
            "profession": caller.profession,
            "specialty": caller.specialty,
            "organization": caller.organization,
            "patient": caller.patient,
            "purpose": str(caller.purpose),
            "reason": caller.reason,
            "client": caller.client,
        }
        record = self.record
        return {
            "name": self.name,
            "kind": str(self.kind),
            "title": self.title_fr,
            "identity": {key: value for key, value in facts.items() if value},
            "record": {"patient": record.patient, "ins": record.ins} if record else None,
        }


def personas() -> tuple[Persona, ...]:
    """Return every persona, in the order of the contract."""
    return (
        *(_professional(key, Kind.PROFESSIONAL, title) for key, title in _CARERS.items()),
        _professional(
            "emergency-doctor",
            Kind.PROFESSIONAL,
            "Médecin urgentiste, bris de glace",
            purpose=Purpose.BREAK_GLASS,
            reason="Patiente inconsciente aux urgences, antécédents inconnus",
            patient=MAIN.id,
        ),
        _professional(
            "samu-regulator",
            Kind.SAMU_REGULATOR,
            "Médecin régulateur du SAMU-Centre 15",
            purpose=Purpose.REGULATION,
            reason="Appel au 15 concernant la patiente",
            patient=MAIN.id,
        ),
        _person("patient", Kind.PATIENT, "La patiente", MAIN, f"{MAIN.given} {MAIN.family}"),
        _person(
            "representative", Kind.REPRESENTATIVE, "Le père de la mineure", MINOR, "Karim GENÊT"
        ),
        _person("minor", Kind.PATIENT, "La mineure", MINOR, f"{MINOR.given} {MINOR.family}"),
        _professional(
            "occupational-doctor", Kind.OCCUPATIONAL_MEDICINE, "Médecin du travail (exclu)"
        ),
        _service(
            "insurer", Kind.INSURER, "Assureur complémentaire (exclu)", Purpose.ADMINISTRATION
        ),
        _service("bank", Kind.BANK, "Banque (exclue)", Purpose.ADMINISTRATION),
        _service(
            "secretary",
            Kind.SECRETARY,
            "Secrétaire du cabinet (exclue)",
            Purpose.ADMINISTRATION,
            "practice",
        ),
        _service(
            "hospital-system",
            Kind.ESTABLISHMENT_SOFTWARE,
            "Logiciel de l'hôpital",
            Purpose.FEED,
            "hospital",
        ),
        _service(
            "pharmacy-system",
            Kind.ESTABLISHMENT_SOFTWARE,
            "Logiciel de la pharmacie",
            Purpose.FEED,
            "pharmacy",
        ),
        _service(
            "health-insurance-feed",
            Kind.HEALTH_INSURANCE_FEED,
            "Alimentation par l'Assurance maladie",
            Purpose.FEED,
            "health-insurance",
        ),
        _service(
            "referenced-service",
            Kind.REFERENCED_SERVICE,
            "Service numérique référencé",
            Purpose.FEED,
        ),
        _service("auditor", Kind.AUDITOR, "Auditeur des traces", Purpose.ADMINISTRATION),
        _service("administrator", Kind.ADMINISTRATOR, "Administrateur", Purpose.ADMINISTRATION),
    )


def persona(name: str) -> Persona:
    """Return the persona called `name`; raise `KeyError` when there is none."""
    return {one.name: one for one in personas()}[name]


_CARERS = {
    "attending-doctor": "Médecin traitant",
    "care-team-doctor": "Cardiologue de l'équipe de soins",
    "unrelated-doctor": "Médecin sans lien avec la patiente",
    "blocked-doctor": "Médecin autorisé puis bloqué",
    "pharmacist": "Pharmacienne de l'équipe de soins",
    "nurse": "Infirmier de l'équipe de soins",
    "podiatrist": "Pédicure-podologue de l'équipe de soins",
    "optician": "Opticien de l'équipe de soins",
    "dentist": "Chirurgienne-dentiste de l'équipe de soins",
}


def _record(person: Person) -> RecordRef:
    return RecordRef(person.id, person.ins)


def _professional(
    key: str,
    kind: Kind,
    title: str,
    *,
    purpose: Purpose = Purpose.TREATMENT,
    reason: str = "",
    patient: str = "",
) -> Persona:
    who = PROFESSIONALS[key]
    caller = Requester(
        kind=kind,
        purpose=purpose,
        rpps=who.rpps,
        profession=who.profession,
        specialty=who.specialty,
        organization=ESTABLISHMENTS[who.establishment].finess,
        patient=patient,
        reason=reason,
        client=f"demo-{key}",
        name=f"{who.given} {who.family}",
    )
    return Persona(key, kind, title, caller, _record(MAIN))


def _person(key: str, kind: Kind, title: str, record: Person, name: str) -> Persona:
    caller = Requester(
        kind=kind,
        purpose=Purpose.PATIENT_REQUEST,
        patient=record.id,
        client=f"demo-{key}",
        name=name,
    )
    return Persona(key, kind, title, caller, _record(record))


def _service(key: str, kind: Kind, title: str, purpose: Purpose, place: str = "") -> Persona:
    caller = Requester(
        kind=kind,
        purpose=purpose,
        organization=ESTABLISHMENTS[place].finess if place else "",
        client=f"demo-{key}",
        name=title,
    )
    return Persona(key, kind, title, caller, _record(MAIN))
