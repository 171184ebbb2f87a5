"""Name the establishments and write them as FR Core Organizations (https://hl7.fr/ig/fhir/core)."""

from __future__ import annotations

from dataclasses import dataclass

from fhir_server.demo import identity
from fhir_server.demo.codes import FR_CORE, SECTOR, Json, concept

# Columns: key, name, sector (TRE_R02) and its display, practice setting (TRE_A01).
_TABLE = """
hospital | Hôpital des Trois-Sources | SA01 | Etablissement public de santé | ETABLISSEMENT
emergency-hospital | Hôpital du Grand-Plateau | SA01 | Etablissement public de santé | SAMU_SMUR
practice | Cabinet médical des Arbres | SA08 | Cabinet de groupe | AMBULATOIRE
cardiology | Cabinet de cardiologie du Ruisseau | SA07 | Cabinet individuel | AMBULATOIRE
other-practice | Cabinet médical du Vallon | SA08 | Cabinet de groupe | AMBULATOIRE
pharmacy | Pharmacie de la Fontaine | SA33 | Pharmacie d'officine | AMBULATOIRE
nursing | Cabinet infirmier des Prés | SA08 | Cabinet de groupe | SAD
podiatry | Cabinet de podologie du Sentier | SA07 | Cabinet individuel | AMBULATOIRE
optics | Optique de la Clairière | SA42 | Appareillage médical | AMBULATOIRE
dental | Cabinet dentaire de la Lisière | SA07 | Cabinet individuel | AMBULATOIRE
laboratory | Laboratoire des Sources | SA25 | Laboratoire de biologie médicale | AMBULATOIRE
imaging | Centre d'imagerie de la Rive | SA08 | Cabinet de groupe | AMBULATOIRE
psychiatry | Cabinet de psychiatrie du Quai | SA07 | Cabinet individuel | AMBULATOIRE
pathology | Pathologie du Pont | SA25 | Laboratoire de biologie médicale | AMBULATOIRE
ophthalmology | Cabinet d'ophtalmologie du Phare | SA07 | Cabinet individuel | AMBULATOIRE
health-centre | Centre de santé du Moulin | SA05 | Centre de santé | AMBULATOIRE
occupational-health | SPST de la Plaine | SA13 | Prévention et soins en entreprise | AMBULATOIRE
health-insurance | Assurance maladie (démonstration) | SA24 | Organisme de sécurité sociale | AMO
"""

_SETTINGS = {
    "AMBULATOIRE": "Ambulatoire",
    "ETABLISSEMENT": "Etablissement de santé",
    "SAMU_SMUR": "SAMU/SMUR",
    "SAD": "Soins à domicile",
    "AMO": "Organisme d'assurance maladie obligatoire",
}


@dataclass(frozen=True, slots=True)
class Establishment:
    """A place of care or an organisation: `sector` is a TRE_R02 code, `setting` a TRE_A01 one."""

    key: str
    serial: int
    name: str
    sector: str
    sector_fr: str
    setting: str

    @property
    def id(self) -> str:
        """Return the logical id of its Organization."""
        return f"demo-organization-{self.key}"

    @property
    def setting_fr(self) -> str:
        """Return the French name of its practice setting."""
        return _SETTINGS[self.setting]

    @property
    def finess(self) -> str:
        """Return its FINESS number."""
        return identity.finess(self.serial)


def _establishments() -> dict[str, Establishment]:
    rows = [[cell.strip() for cell in row.split("|")] for row in _TABLE.strip().splitlines()]
    return {row[0]: Establishment(row[0], at, *row[1:]) for at, row in enumerate(rows, start=1)}


ESTABLISHMENTS = _establishments()


def organization(place: Establishment) -> Json:
    """Return `place` as an Organization with its IDNST and FINESS identifiers."""
    return {
        "resourceType": "Organization",
        "id": place.id,
        "meta": {"profile": [f"{FR_CORE}/fr-core-organization"]},
        "language": "fr",
        "identifier": [
            {
                "use": "official",
                "type": concept(identity.FR_0203, "IDNST"),
                "system": identity.IDNST,
                "value": f"1{place.finess}",
            },
            {
                "use": "official",
                "type": concept(identity.FR_0203, "FINEG"),
                "system": identity.FINESS,
                "value": place.finess,
            },
        ],
        "active": True,
        "type": [concept(SECTOR, place.sector, place.sector_fr)],
        "name": place.name,
    }
