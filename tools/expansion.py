"""Expand the value sets of a FHIR package, as far as the package itself allows.

https://hl7.org/fhir/R4/valueset.html#expansion
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Resource = dict[str, Any]
Package = dict[str, list[Resource]]
Codes = dict[str, set[str]]

SUBTREE_FILTERS = {("concept", "is-a"), ("concept", "descendent-of")}


class Terminology:
    """The package's code systems and value sets, enough to list the small closed ones."""

    def __init__(self, package: Package) -> None:
        """Index both by canonical address."""
        self.systems = {system["url"]: system for system in package["CodeSystem"]}
        self.value_sets = {value_set["url"]: value_set for value_set in package["ValueSet"]}

    def expand(self, url: str) -> Codes | None:
        """Return the codes of `url` by system, or None where they can't all be known from here."""
        compose = self.value_sets.get(url, {}).get("compose", {})
        codes: Codes = {}
        for include in compose.get("include", ()):
            included = self._part(include)
            if included is None:
                return None
            for system, found in included.items():
                codes.setdefault(system, set()).update(found)
        for exclude in compose.get("exclude", ()):
            excluded = self._part(exclude)
            if excluded is None:
                return None
            for system, found in excluded.items():
                codes.get(system, set()).difference_update(found)
        return codes

    def _part(self, part: Resource) -> Codes | None:
        """Return what one include or exclude names: its system's codes, in all its value sets."""
        codes: Codes | None = None
        if "system" in part:
            found = self._of_system(part)
            if found is None:
                return None
            codes = {part["system"]: found}
        for url in part.get("valueSet", ()):
            others = self.expand(canonical(url))
            if others is None:
                return None
            codes = others if codes is None else intersection(codes, others)
        return codes

    def _of_system(self, part: Resource) -> set[str] | None:
        """Return the codes that `part` takes from its system; a filter can't be followed."""
        if "concept" in part:
            return {concept["code"] for concept in part["concept"]}
        system = self.systems.get(part["system"])
        if system is None or system["content"] != "complete":
            return None
        concepts = system.get("concept", ())
        for rule in part.get("filter", ()):
            if (rule["property"], rule["op"]) not in SUBTREE_FILTERS:
                return None
            concepts = subtree(concepts, rule["value"], itself=rule["op"] == "is-a")
        return {concept["code"] for concept in below(concepts)}


def below(concepts: Iterable[Resource]) -> Iterator[Resource]:
    """Yield each of `concepts` and all that stand under them."""
    for concept in concepts:
        yield concept
        yield from below(concept.get("concept", ()))


def subtree(concepts: Iterable[Resource], code: str, *, itself: bool) -> list[Resource]:
    """Return the concept `code`, or only what stands under it."""
    found = [concept for concept in below(concepts) if concept["code"] == code]
    return found if itself else [child for c in found for child in c.get("concept", ())]


def intersection(some: Codes, others: Codes) -> Codes:
    """Keep the codes of `some` that are in `others` as well."""
    return {system: found & others.get(system, set()) for system, found in some.items()}


def canonical(url: str) -> str:
    """Return the address without its version."""
    return url.partition("|")[0]
