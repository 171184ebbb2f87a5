"""Name the patients and write them as FR Core INS patients (https://hl7.fr/ig/fhir/core).

Their families are shrubs and flowers; telephone numbers come from the range that the French
regulator keeps for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from fhir_server.demo import identity
from fhir_server.demo.codes import COMMUNE, FR_CORE, ROLE_CLASS, ROLE_CODE, Json, coding, concept
from fhir_server.demo.people import PROFESSIONALS

_DMP = "https://interop.esante.gouv.fr/ig/fhir/dmp"

# Villages of the Meuse destroyed in 1916, communes to this day: nobody is born there.
_COMMUNES = (
    ("55039", "Beaumont-en-Verdunois"),
    ("55050", "Bezonvaux"),
    ("55139", "Cumières-le-Mort-Homme"),
    ("55189", "Fleury-devant-Douaumont"),
    ("55239", "Haumont-près-Samogneux"),
    ("55307", "Louvemont-Côte-du-Poivre"),
)
_FAMILIES = (
    "BRUYÈRE",
    "CAPUCINE",
    "FOUGÈRE",
    "GLYCINE",
    "JONQUILLE",
    "LAVANDE",
    "PERVENCHE",
    "VIOLETTE",
)
_FEMALE = ("Adèle", "Chloé", "Émilie", "Fatou", "Jeanne", "Maïté", "Salomé", "Yaël")
_MALE = ("Abel", "François", "Hervé", "Ismaël", "Léon", "Noé", "Rémy", "Timothée")


@dataclass(frozen=True, slots=True)
class Person:
    """A patient; `doctor` is the key of the attending doctor; `active` false: closed record."""

    number: int
    family: str
    given: str
    gender: str
    birth: date
    commune: tuple[str, str]
    doctor: str
    active: bool = True

    @property
    def id(self) -> str:
        """Return the logical id of the Patient."""
        return f"demo-patient-{self.number:02d}"

    @property
    def ins(self) -> str:
        """Return the test INS, key included."""
        sex = 1 if self.gender == "male" else 2
        return identity.ins(sex, self.birth, self.commune[0], 900 + self.number)


MAIN = Person(
    1, "AUBÉPINE", "Camille", "female", date(1988, 3, 14), _COMMUNES[3], "attending-doctor"
)
MINOR = Person(2, "GENÊT", "Lilou", "female", date(2011, 5, 20), _COMMUNES[0], "attending-doctor")
OPPOSED = Person(3, "ÉGLANTIER", "Marius", "male", date(1956, 11, 2), _COMMUNES[4], "other-doctor")
CLOSED = Person(
    4,
    "SUREAU",
    "Odette",
    "female",
    date(1941, 7, 28),
    _COMMUNES[1],
    "attending-doctor",
    active=False,
)


def people(seed: int) -> tuple[Person, ...]:
    """Return the four patients that carry a story, then eight drawn from `seed`."""
    draw = Random(seed)  # noqa: S311 - a story to tell, not a secret
    others = []
    for number, family in enumerate(draw.sample(_FAMILIES, 8), start=5):
        gender = draw.choice(("female", "male"))
        given = draw.choice(_FEMALE if gender == "female" else _MALE)
        birth = date(draw.randint(1935, 2004), draw.randint(1, 12), draw.randint(1, 28))
        commune = draw.choice(_COMMUNES)
        others.append(Person(number, family, given, gender, birth, commune, "other-doctor"))
    return (MAIN, MINOR, OPPOSED, CLOSED, *others)


def ins_identifier(person: Person) -> Json:
    """Return the INS-NIR-TEST identifier of `person`."""
    return {
        "use": "official",
        "type": concept(identity.FR_0203, "INS-NIR-TEST"),
        "system": identity.INS_TEST,
        "value": person.ins,
    }


def patient(person: Person) -> Json:
    """Return `person` as a Patient with the five traits of the INS (R95)."""
    doctor = PROFESSIONALS[person.doctor]
    closing = [] if person.active else [_closing()]
    return {
        "resourceType": "Patient",
        "id": person.id,
        "meta": {"profile": [f"{FR_CORE}/fr-core-patient-ins"]},
        "language": "fr",
        "extension": [_birth_place(person), _reliability(), *closing],
        "identifier": [ins_identifier(person)],
        "active": person.active,
        "name": [
            {
                "extension": [
                    {
                        "url": f"{FR_CORE}/fr-core-patient-birth-list-given-name",
                        "valueString": person.given,
                    }
                ],
                "use": "official",
                "family": person.family,
                "given": [person.given],
            }
        ],
        "telecom": [
            {"system": "phone", "value": f"06 39 98 00 {person.number:02d}", "use": "mobile"},
            {"system": "email", "value": f"patient-{person.number:02d}@example.org", "use": "home"},
        ],
        "gender": person.gender,
        "birthDate": person.birth.isoformat(),
        "address": [
            {
                "use": "home",
                "line": [f"{person.number} rue des Exemples"],
                "city": person.commune[1],
                "postalCode": "55100",
                "country": "FR",
            }
        ],
        "generalPractitioner": [
            {
                "reference": f"Practitioner/{doctor.id}",
                "display": f"Dr {doctor.given} {doctor.family}",
            }
        ],
    }


def representative(child: Person) -> Json:
    """Return the one legal representative of `child` (R54, R55) as a RelatedPerson."""
    return {
        "resourceType": "RelatedPerson",
        "id": "demo-related-person-01",
        "meta": {"profile": [f"{FR_CORE}/fr-core-related-person"]},
        "language": "fr",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.25.4001"}],
        "active": True,
        "patient": {"reference": f"Patient/{child.id}"},
        "relationship": [
            concept(ROLE_CLASS, "GUARD", "Représentant légal"),
            concept(ROLE_CODE, "FTH", "Père"),
        ],
        "name": [{"use": "official", "family": child.family, "given": ["Karim"]}],
        "telecom": [{"system": "phone", "value": "06 39 98 01 02", "use": "mobile"}],
        "gender": "male",
        "birthDate": "1979-09-09",
    }


def _birth_place(person: Person) -> Json:
    code, city = person.commune
    insee = {
        "url": f"{FR_CORE}/fr-core-address-insee-code",
        "valueCoding": coding(COMMUNE, code),
    }
    return {
        "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
        "valueAddress": {"extension": [insee], "city": city},
    }


def _reliability() -> Json:
    status = coding("https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445", "VALI")
    return {
        "url": f"{FR_CORE}/fr-core-identity-reliability",
        "extension": [{"url": "identityStatus", "valueCoding": status}],
    }


def _closing() -> Json:
    """Return why and when the record was closed (R13; PDSM4DMP draft, transaction td02)."""
    reason = concept(f"{_DMP}/CodeSystem/dmp-motif-fermeture", "patient-demande")
    return {
        "url": f"{_DMP}/StructureDefinition/dmp-fermeture",
        "extension": [
            {"url": "dateFermeture", "valueDate": "2025-02-10"},
            {"url": "motifFermeture", "valueCodeableConcept": reason},
            {"url": "raisonFermeture", "valueString": "À la demande du titulaire"},
        ],
    }
