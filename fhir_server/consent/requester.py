"""Who asks: the facts about a caller that a decision may rest on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a caller is. Spelled as `fhir-server token --kind` takes it (contract, Tokens)."""

    PROFESSIONAL = "professional"
    PATIENT = "patient"
    REPRESENTATIVE = "representative"
    ESTABLISHMENT_SOFTWARE = "establishment-software"
    REFERENCED_SERVICE = "referenced-service"
    HEALTH_INSURANCE_FEED = "health-insurance-feed"
    SAMU_REGULATOR = "samu-regulator"
    INSURER = "insurer"
    BANK = "bank"
    OCCUPATIONAL_MEDICINE = "occupational-medicine"
    SECRETARY = "secretary"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    TRUSTED_SYSTEM = "trusted-system"


class Purpose(StrEnum):
    """Why a caller asks. Spelled as `fhir-server token --purpose` takes it."""

    TREATMENT = "treatment"
    BREAK_GLASS = "break-glass"
    REGULATION = "regulation"
    PATIENT_REQUEST = "patient-request"
    FEED = "feed"
    ADMINISTRATION = "administration"


EMERGENCIES: Final = frozenset({Purpose.BREAK_GLASS, Purpose.REGULATION})
"""Purposes that open a record in an emergency, by the token alone (R63, R64)."""


@dataclass(frozen=True, slots=True)
class Requester:
    """A caller, as its token describes it.

    `rpps` is 11 digits; `profession` a TRE_G15 code such as `G15_21` (`R94_` or `R95_` for those
    that are none of health, R27); `organization` a FINESS of 9 digits; `patient` the logical id of
    the one record a patient, a representative or an emergency is about; `reason` the words given
    for a break-glass; `client` a stable name of the software, for the log; `secret` a secret
    connection of a professional for a minor (R60).
    """

    kind: Kind
    purpose: Purpose = Purpose.TREATMENT
    rpps: str = ""
    profession: str = ""
    specialty: str = ""
    organization: str = ""
    patient: str = ""
    reason: str = ""
    client: str = ""
    name: str = ""
    scope: str = ""
    secret: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """The names under which a record's policy can link, block or credit this caller."""
        found = set()
        if self.rpps:
            found.add(f"rpps:{self.rpps}")
        if self.organization:
            found.add(f"finess:{self.organization}")
            if self.profession:
                found.add(f"role:{self.organization}:{self.profession}")
        if self.kind is Kind.PATIENT and self.patient:
            found.add(f"patient:{self.patient}")
        if self.kind is Kind.REPRESENTATIVE and self.patient:
            found.add(f"representative:{self.patient}")
        return frozenset(found)

    @property
    def identity(self) -> str:
        """The one key that names the caller: the person, else the software, else the kind."""
        if self.rpps:
            return f"rpps:{self.rpps}"
        if self.kind in (Kind.PATIENT, Kind.REPRESENTATIVE):
            return f"{self.kind}:{self.patient}"
        if self.organization:
            return f"finess:{self.organization}"
        return f"kind:{self.kind}"

    @property
    def alone(self) -> frozenset[str]:
        """The identity, when it names one person or structure and not a kind of them."""
        return self.keys & {self.identity}


TRUSTED = Requester(
    kind=Kind.TRUSTED_SYSTEM, purpose=Purpose.ADMINISTRATION, client="trusted-system"
)
