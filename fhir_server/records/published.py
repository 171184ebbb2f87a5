"""What the server says of itself: the resources of `profiles/`, which ship with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from fhir_server.data import profiles_dir
from fhir_server.fhir.json import Document, parse

_PCF: Final = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF"
GUIDES: Final = tuple(
    f"{_PCF}.{level}" for level in ("consentBasic", "consentIntermediate", "consentAdvanced")
)
"""IHE's Privacy Consent on FHIR, which Consents may claim."""


@dataclass(frozen=True, slots=True)
class Published:
    """One resource of `profiles/`."""

    type: str
    id: str
    document: Document

    @property
    def resource(self) -> dict[str, Any]:
        """Return its values."""
        return self.document.resource


@cache
def published() -> tuple[Published, ...]:
    """Return every resource of `profiles/`, by type and id."""
    found = []
    for file in profiles_dir().iterdir():
        if file.name.endswith(".json"):
            document = parse(file.read_bytes().strip())
            given = document.resource
            found.append(Published(str(given["resourceType"]), str(given["id"]), document))
    return tuple(sorted(found, key=lambda one: (one.type, one.id)))


def supported_profiles(type_: str) -> list[str]:
    """Return the profiles by which a `type_` means something to this server, its own first."""
    own = (one.resource for one in published() if one.type == "StructureDefinition")
    profiles = [each["url"] for each in own if each["kind"] == "resource" and each["type"] == type_]
    return [*profiles, *(GUIDES if type_ == "Consent" else ())]


def operation_definitions() -> tuple[dict[str, Any], ...]:
    """Return the OperationDefinition of each operation that is answered."""
    return tuple(one.resource for one in published() if one.type == "OperationDefinition")
