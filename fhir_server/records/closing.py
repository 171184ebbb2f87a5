"""When and why a record was closed (R13), from the extension that its Patient carries.

The draft guide (PDSM4DMP, transaction td02) asks for these data on Patient and leaves the extension
to be defined; this is the shape that the demonstration records use too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CLOSING: Final = "https://interop.esante.gouv.fr/ig/fhir/dmp/StructureDefinition/dmp-fermeture"
_DATE, _CODE, _WORDS = "dateFermeture", "motifFermeture", "raisonFermeture"


@dataclass(frozen=True, slots=True)
class Closing:
    """`date` as the Patient writes it, or nothing; `reason` a CodeableConcept, maybe empty."""

    date: str = ""
    reason: Mapping[str, Any] | None = None


NOT_CLOSED: Final = Closing()


def closing(patient: Mapping[str, Any]) -> Closing:
    """Return what `patient` says of its closing; nothing of a record that is not closed."""
    if patient.get("active") is not False:
        return NOT_CLOSED
    for extension in patient.get("extension", ()):
        if extension.get("url") == CLOSING:
            parts = {part.get("url"): part for part in extension.get("extension", ())}
            date = parts.get(_DATE, {})
            reason = dict(parts.get(_CODE, {}).get("valueCodeableConcept", {}))
            if words := parts.get(_WORDS, {}).get("valueString"):
                reason["text"] = words
            return Closing(date.get("valueDateTime") or date.get("valueDate", ""), reason or None)
    return NOT_CLOSED
