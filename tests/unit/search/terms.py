"""A small code system and value sets, and a terminology of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_server.search.hierarchy import CodeSystem, read_code_system

Json = dict[str, Any]

CARE = "http://example.org/CodeSystem/care"
ELSEWHERE = "http://loinc.org"
TREE: Json = {
    "resourceType": "CodeSystem",
    "url": CARE,
    "content": "complete",
    "property": [
        {"code": "under", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"},
        {"code": "kind", "type": "string"},
    ],
    "concept": [
        {
            "code": "care",
            "concept": [
                {"code": "nursing", "property": [{"code": "kind", "valueString": "person"}]},
                {"code": "surgery", "concept": [{"code": "heart"}, {"code": "hand"}]},
            ],
        },
        {"code": "home-nursing", "property": [{"code": "under", "valueCode": "nursing"}]},
        {
            "code": "transplant",
            "property": [
                {"code": "parent", "valueCode": "heart"},
                {"code": "parent", "valueCode": "nursing"},
                {"code": "kind", "valueString": "team"},
            ],
        },
        {"code": "other", "property": [{"code": "child", "valueCode": "odd"}]},
        {"code": "odd", "property": [{"code": "urgent", "valueBoolean": True}]},
    ],
}
ALL = {"care", "nursing", "surgery", "heart", "hand", "home-nursing", "transplant", "other", "odd"}


@dataclass(frozen=True)
class Terms:
    """A terminology in memory."""

    value_sets: Mapping[str, Json] = field(default_factory=dict)
    code_systems: Mapping[str, Json] = field(default_factory=lambda: {CARE: TREE})

    def value_set(self, address: str) -> Json | None:
        return self.value_sets.get(address)

    def code_system(self, address: str) -> CodeSystem | None:
        found = self.code_systems.get(address)
        return None if found is None else read_code_system(found)


def composed(include: Json | list[Json], *exclude: Json) -> Terms:
    """Return a terminology with one value set, `vs`."""
    parts = include if isinstance(include, list) else [include]
    return Terms({"vs": {"compose": {"include": parts, "exclude": list(exclude)}}})
