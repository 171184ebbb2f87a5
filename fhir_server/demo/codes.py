"""Spell the coded values that the demonstration uses, with their systems."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NOS = "https://mos.esante.gouv.fr/NOS"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CIM10 = "http://hl7.org/fhir/sid/icd-10"
ATC = "http://www.whocc.no/atc"
DOCUMENT_CLASS = f"{NOS}/TRE_A03-ClasseDocument/FHIR/TRE-A03-ClasseDocument"
DOCUMENT_TYPE = f"{NOS}/TRE_A05-TypeDocComplementaire/FHIR/TRE-A05-TypeDocComplementaire"
VISIBILITY = f"{NOS}/TRE_A07-StatutVisibiliteDocument/FHIR/TRE-A07-StatutVisibiliteDocument"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SECTOR = f"{NOS}/TRE_R02-SecteurActivite/FHIR/TRE-R02-SecteurActivite"
SETTING = f"{NOS}/TRE_A01-CadreExercice/FHIR/TRE-A01-CadreExercice"
NOT_PROFESSIONAL = f"{NOS}/TRE_A00-ProducteurDocNonPS/FHIR/TRE-A00-ProducteurDocNonPS"
PROFESSION = f"{NOS}/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
PROFESSION_SKILL = f"{NOS}/TRE_A02-ProfessionSavFaire-CISIS/FHIR/TRE-A02-ProfessionSavFaire-CISIS"
FORMAT = f"{NOS}/TRE_A06-FormatCodeComplementaire/FHIR/TRE-A06-FormatCodeComplementaire"
IHE_FORMAT = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"
COMMUNE = f"{NOS}/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"
ROLE_CLASS = f"{NOS}/TRE_R260-HL7RoleClass/FHIR/TRE-R260-HL7RoleClass"
ROLE_CODE = f"{NOS}/TRE_R216-HL7RoleCode/FHIR/TRE-R216-HL7RoleCode"
PARTICIPATION = f"{NOS}/TRE_R259-HL7ParticipationFunction/FHIR/TRE-R259-HL7ParticipationFunction"
FR_CORE = "https://hl7.fr/ig/fhir/core/StructureDefinition"
PDSM = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition"
IS_ARCHIVED = f"{PDSM}/pdsm-ext-is-archived"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
HL7 = "http://terminology.hl7.org/CodeSystem"

LABELS = {
    "N": (CONFIDENTIALITY, "Normal"),
    "R": (CONFIDENTIALITY, "Restreint"),
    "MASQUE_PS": (VISIBILITY, "Masqué aux professionnels de santé"),
    "INVISIBLE_PATIENT": (VISIBILITY, "Non visible par le patient"),
    "INVISIBLE_REPRESENTANTS_LEGAUX": (
        VISIBILITY,
        "Non visible par les représentants légaux du patient",
    ),
}

CLASSES = {
    "10": "Compte rendu",
    "11": "Synthèse",
    "31": "Imagerie médicale",
    "42": "Prescription",
    "43": "Dispensation",
    "44": "Plan de soins, protocole de soins",
    "45": "Traitement administré",
    "52": "Certificat, déclaration",
    "60": "Données de remboursement",
    "90": "Autres documents déposés par le patient",
    "95": "Document de gestion",
}


def coding(system: str, code: str, display: str = "") -> Json:
    """Return a Coding."""
    found = {"system": system, "code": code}
    return found | {"display": display} if display else found


def concept(system: str, code: str, display: str = "") -> Json:
    """Return a CodeableConcept of one coding."""
    return {"coding": [coding(system, code, display)]}


def label(code: str) -> Json:
    """Return the securityLabel `code` (JDV_J08); raise `KeyError` for one not used here."""
    system, display = LABELS[code]
    return concept(system, code, display)


def document_type(code: str, display: str) -> Json:
    """Return a document type: LOINC when the code looks like one, TRE_A05 otherwise."""
    system = LOINC if code[0].isdigit() else DOCUMENT_TYPE
    return concept(system, code, display)
