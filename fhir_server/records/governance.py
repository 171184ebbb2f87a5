"""What each resource type is to consent, from `mappings/governance.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.data import mappings_dir

POINTERS = frozenset({"pointer", "binary"})


@dataclass(frozen=True, slots=True)
class Governance:
    """How one resource type is governed.

    `kind` is a value of the fact `governance`; `type` the document type whose row of the
    habilitation matrix applies; `cases` are (element, code, type) that are looked at first.
    `server` is the kind of those that the server itself writes, where it is another.
    """

    kind: str
    type: str = ""
    cases: tuple[tuple[str, str, str], ...] = ()
    server: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return every value of the fact `governance` that resources of the type have."""
        return (self.kind, self.server) if self.server else (self.kind,)

    def type_of(self, resource: Mapping[str, Any]) -> str:
        """Return the document type of `resource`: its first case, else that of its type."""
        for element, code, type_ in self.cases:
            if code in _codes(resource.get(element)):
                return type_
        return self.type


@cache
def governance() -> Mapping[str, Governance]:
    """Return the table, one entry for every R4 type."""
    text = mappings_dir().joinpath("governance.json").read_text(encoding="utf-8")
    return {
        name: Governance(
            kind=row["governance"],
            type=row.get("type", ""),
            cases=tuple((c["path"], c["code"], c["type"]) for c in row.get("when", ())),
            server=row.get("server", ""),
        )
        for name, row in json.loads(text).items()
    }


def _codes(value: Any) -> set[str]:
    concepts = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    return {
        coding.get("code", "")
        for concept in concepts
        if isinstance(concept, dict)
        for coding in concept.get("coding", ())
    }
