"""Make identifiers whose keys check and which belong to nobody.

INS: people are born in villages without an inhabitant since 1916, with birth ranks above 900.
RPPS and FINESS: number ranges that the registers do not give out, with valid Luhn keys.
"""

from __future__ import annotations

from datetime import date

INS_TEST = "urn:oid:1.2.250.1.213.1.4.10"
IDNPS = "urn:oid:1.2.250.1.71.4.2.1"
RPPS = "https://rpps.esante.gouv.fr"
IDNST = "urn:oid:1.2.250.1.71.4.2.2"
FINESS = "https://finess.esante.gouv.fr"
FR_0203 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"

_CORSICA = {"2A": "19", "2B": "18"}


def ins_key(matricule: str) -> str:
    """Return the two-digit key of a `matricule` of 13 characters (R96).

    Raise `ValueError` when it is not 13 characters or not a number once Corsica is replaced.
    """
    if len(matricule) != 13:
        raise ValueError(f"a matricule has 13 characters, not {len(matricule)}")
    department = matricule[5:7]
    number = int(matricule[:5] + _CORSICA.get(department, department) + matricule[7:])
    return f"{97 - number % 97:02d}"


def ins(sex: int, birth: date, commune: str, rank: int) -> str:
    """Return an INS of 15 characters: `sex` 1 or 2, INSEE `commune`, birth `rank` (R95)."""
    matricule = f"{sex}{birth:%y%m}{commune}{rank:03d}"
    return matricule + ins_key(matricule)


def luhn_key(digits: str) -> str:
    """Return the digit that makes `digits` valid by the Luhn formula (ISO/IEC 7812-1)."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def rpps(serial: int) -> str:
    """Return an RPPS number of 11 digits in the test range 9979."""
    digits = f"9979{serial:06d}"
    return digits + luhn_key(digits)


def finess(serial: int) -> str:
    """Return a FINESS number of 9 digits in the unused department 99."""
    digits = f"99{serial:06d}"
    return digits + luhn_key(digits)
