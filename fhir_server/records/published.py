"""What the server says of itself: the resources of `profiles/`, which ship with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.data import profiles_dir
from fhir_server.fhir.json import Document, parse


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


def operation_definitions() -> tuple[dict[str, Any], ...]:
    """Return the OperationDefinition of each operation that is answered."""
    return tuple(one.resource for one in published() if one.type == "OperationDefinition")
