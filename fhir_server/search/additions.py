"""Search parameters beyond those of R4: what `profiles/` ships, and what this installation declared.

A SearchParameter resource becomes the same value as one of R4's, once `parameter_of` has found
that it can be searched.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.data import profiles_dir
from fhir_server.definitions import RESOURCE_TYPES, Component, SearchParameter, ancestry

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Additions:
    """One state of what was added; a change makes another, so each is a key of what it leads to.

    `waiting` are the addresses (`url`) of those that stored resources are not all indexed by yet:
    writes fill them, searches don't use them.
    """

    parameters: tuple[SearchParameter, ...] = ()
    waiting: frozenset[str] = frozenset()

    def of(self, type_: str) -> tuple[SearchParameter, ...]:
        """Return the parameters added for `type_`, those that wait too."""
        return tuple(one for one in self.parameters if type_ in one.base)


def read_definition(resource: Json) -> SearchParameter:
    """Return what a valid SearchParameter says, its bases as the types that they stand for."""
    return SearchParameter(
        code=str(resource["code"]),
        url=str(resource["url"]),
        base=concrete(resource["base"]),
        type=str(resource["type"]),
        expression=str(resource.get("expression", "")),
        target=tuple(resource.get("target", ())),
        component=tuple(
            Component(str(part["definition"]), str(part["expression"]))
            for part in resource.get("component", ())
        ),
        comparator=tuple(resource.get("comparator", ())),
        modifier=tuple(resource.get("modifier", ())),
        chain=tuple(resource.get("chain", ())),
        multiple_or=resource.get("multipleOr"),
        multiple_and=resource.get("multipleAnd"),
    )


def concrete(bases: Collection[str]) -> tuple[str, ...]:
    """Return the types that `bases` stand for; `Resource` is all of them but the access log."""
    return tuple(
        type_
        for type_ in sorted(RESOURCE_TYPES)
        if type_ in bases or (type_ != "AuditEvent" and not _disjoint(type_, bases))
    )


def _disjoint(type_: str, bases: Collection[str]) -> bool:
    return set(ancestry(type_)).isdisjoint(bases)


@cache
def shipped() -> tuple[SearchParameter, ...]:
    """Return the SearchParameters of `profiles/`: those of PDSm and MHD that R4 lacks."""
    files = sorted(profiles_dir().iterdir(), key=lambda file: file.name)
    return tuple(
        read_definition(json.loads(file.read_text(encoding="utf-8")))
        for file in files
        if file.name.startswith("SearchParameter-")
    )
