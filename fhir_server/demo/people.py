"""Name the professionals and write them as FR Core resources (https://hl7.fr/ig/fhir/core).

Their families are trees, so that nobody real is meant.
"""

from __future__ import annotations

from dataclasses import dataclass

from fhir_server.demo import identity
from fhir_server.demo.codes import FR_CORE, PROFESSION, PROFESSION_SKILL, Json, coding, concept
from fhir_server.demo.places import ESTABLISHMENTS

# Columns: key, family, given, gender, profession (TRE_G15), establishment, skill.
_TABLE = """
attending-doctor | CHÊNE | Hélène | female | G15_10 | practice | SM54
care-team-doctor | FRÊNE | Rémi | male | G15_10 | cardiology | SM04
unrelated-doctor | HÊTRE | Noëlle | female | G15_10 | other-practice | SM26
blocked-doctor | ORME | Loïc | male | G15_10 | other-practice | SM15
pharmacist | TILLEUL | Aïcha | female | G15_21 | pharmacy |
nurse | SAULE | Benoît | male | G15_60 | nursing |
podiatrist | ALISIER | Maëlle | female | G15_80 | podiatry |
optician | CYPRÈS | Gaël | male | G15_28 | optics |
dentist | ÉRABLE | Zoé | female | G15_40 | dental |
emergency-doctor | PLATANE | Jérôme | male | G15_10 | emergency-hospital | SM59
samu-regulator | SORBIER | Anaïs | female | G15_10 | emergency-hospital | SM59
occupational-doctor | AULNE | Cédric | male | G15_10 | occupational-health | SM25
hospital-doctor | CÈDRE | Françoise | female | G15_10 | hospital | SM27
midwife | PEUPLIER | Inès | female | G15_50 | hospital |
biologist | MÉLÈZE | Théo | male | G15_10 | laboratory | SM03
radiologist | BOULEAU | Océane | female | G15_10 | imaging | SM74
psychiatrist | MERISIER | Raphaël | male | G15_10 | psychiatry | SM42
pathologist | NOYER | Élise | female | G15_10 | pathology | SM01
ophthalmologist | OLIVIER | Léa | female | G15_10 | ophthalmology | SM38
other-doctor | ACACIA | Mickaël | male | G15_10 | health-centre | SM54
"""

_PROFESSIONS = {
    "G15_10": "Médecin",
    "G15_21": "Pharmacien",
    "G15_28": "Opticien-Lunetier",
    "G15_40": "Chirurgien-Dentiste",
    "G15_50": "Sage-Femme",
    "G15_60": "Infirmier",
    "G15_80": "Pédicure-Podologue",
}


@dataclass(frozen=True, slots=True)
class Professional:
    """A professional: `profession` is a TRE_G15 code (`G15_10`), `specialty` a skill (`SM54`)."""

    key: str
    serial: int
    family: str
    given: str
    gender: str
    profession: str
    establishment: str
    specialty: str

    @property
    def id(self) -> str:
        """Return the logical id of the Practitioner."""
        return f"demo-practitioner-{self.key}"

    @property
    def rpps(self) -> str:
        """Return the RPPS number."""
        return identity.rpps(self.serial)

    @property
    def title_fr(self) -> str:
        """Return the French name of the profession."""
        return _PROFESSIONS[self.profession]

    @property
    def skill(self) -> str:
        """Return the TRE_A02 code: profession, and skill after a slash."""
        return f"{self.profession}/{self.specialty}" if self.specialty else self.profession


def _professionals() -> dict[str, Professional]:
    rows = [[cell.strip() for cell in row.split("|")] for row in _TABLE.strip().splitlines()]
    return {row[0]: Professional(row[0], at, *row[1:]) for at, row in enumerate(rows, start=1)}


PROFESSIONALS = _professionals()


def identifiers(person: Professional) -> list[Json]:
    """Return the IDNPS (`8` + RPPS) and RPPS identifiers of `person`."""
    return [
        {
            "use": "official",
            "type": concept(identity.FR_0203, "IDNPS"),
            "system": identity.IDNPS,
            "value": f"8{person.rpps}",
        },
        {
            "use": "official",
            "type": concept(identity.FR_0203, "RPPS"),
            "system": identity.RPPS,
            "value": person.rpps,
        },
    ]


def name(person: Professional) -> Json:
    """Return the HumanName of `person`."""
    found: Json = {
        "text": f"{person.given} {person.family}",
        "family": person.family,
        "given": [person.given],
    }
    return found | {"suffix": ["DR"]} if person.profession == "G15_10" else found


def practitioner(person: Professional) -> Json:
    """Return `person` as a Practitioner."""
    profession = coding(PROFESSION, person.profession.removeprefix("G15_"), person.title_fr)
    return {
        "resourceType": "Practitioner",
        "id": person.id,
        "meta": {"profile": [f"{FR_CORE}/fr-core-practitioner"]},
        "language": "fr",
        "identifier": identifiers(person),
        "active": True,
        "name": [name(person)],
        "gender": person.gender,
        "qualification": [{"code": {"coding": [profession]}}],
    }


def practitioner_role(person: Professional) -> Json:
    """Return the place where `person` works as a PractitionerRole."""
    place = ESTABLISHMENTS[person.establishment]
    return {
        "resourceType": "PractitionerRole",
        "id": f"demo-role-{person.key}",
        "meta": {"profile": [f"{FR_CORE}/fr-core-practitioner-role"]},
        "language": "fr",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{person.id}", "display": name(person)["text"]},
        "organization": {"reference": f"Organization/{place.id}", "display": place.name},
        "code": [concept(PROFESSION_SKILL, person.skill)],
    }
