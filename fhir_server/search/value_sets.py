"""Which codes a ValueSet holds: https://hl7.org/fhir/R4/valueset.html#compositions.

1. The set is stored here (by canonical address or `ValueSet/id`) or shipped with R4.
2. Its `compose` is worked out: everything included, without what is excluded. Each part is a
   list of concepts, a whole system, or filters; value sets named in it narrow it.
3. Where that can't be done exactly, a complete `expansion` stands for it.
4. Else the search is refused. A set is never taken for smaller or larger than it is.
"""

from __future__ import annotations

from typing import Any, Final

from fhir_server.definitions import value_set_by_system
from fhir_server.search.concept_filters import filtered
from fhir_server.search.concepts import MAX_CODES, Concepts, NotCarriedOut
from fhir_server.search.hierarchy import CodeSystem
from fhir_server.search.terminology import Terminology

Json = dict[str, Any]
_DEEPEST: Final = 8
"""Value sets inside value sets: more is a circle, or as good as one."""


def expand(address: str, terminology: Terminology) -> Concepts:
    """Return the codes of the value set at `address`. Raises `NotCarriedOut`."""
    found = _value_set(address, terminology, 0)
    if len(found.codes) > MAX_CODES:
        raise NotCarriedOut(
            f"has {len(found.codes)} codes, more than {MAX_CODES}; use a smaller one", "too-costly"
        )
    return found


def _value_set(address: str, terminology: Terminology, depth: int) -> Concepts:
    if depth > _DEEPEST:
        raise NotCarriedOut(f"names value sets more than {_DEEPEST} deep, or itself")
    resource = terminology.value_set(address)
    if resource is None:
        return _shipped(address)
    try:
        return _composed(resource, terminology, depth)
    except NotCarriedOut:
        expanded = _expanded(resource)
        if expanded is None:
            raise
        return expanded


def _shipped(address: str) -> Concepts:
    url, _, version = address.partition("|")
    by_system = value_set_by_system(url) if version in ("", "4.0.1") else None
    if by_system is None:
        raise NotCarriedOut(f"is not a value set of this server: `{address[:200]}`")
    pairs = ((system, code) for system, codes in by_system.items() for code in codes)
    return Concepts(frozenset(pairs))


def _composed(resource: Json, terminology: Terminology, depth: int) -> Concepts:
    compose = resource.get("compose")
    parts = compose.get("include") if isinstance(compose, dict) else None
    if not isinstance(compose, dict) or not parts:
        raise NotCarriedOut("says nothing of what it includes")
    included, excluded = Concepts(), Concepts()
    for part in parts:
        included |= _part(part, terminology, depth, listing=True)
    for part in compose.get("exclude", ()):
        excluded |= _part(part, terminology, depth, listing=False)
    return _listed(included, excluded, terminology) - excluded


def _listed(included: Concepts, excluded: Concepts, terminology: Terminology) -> Concepts:
    """List the codes of whole systems out of which some are to be taken."""
    for system in included.systems & {system for system, _ in excluded.codes}:
        known = terminology.code_system(system)
        if known is not None and known.complete:
            codes = Concepts.of(system, known.concepts)
            included = Concepts(included.codes, included.systems - {system}) | codes
    return included


def _part(part: Json, terminology: Terminology, depth: int, *, listing: bool) -> Concepts:
    """Return one include or exclude: its system's codes that are also in all of its value sets.

    With `listing`, a whole system is the codes that it is known to have.
    """
    named = [_value_set(one, terminology, depth + 1) for one in part.get("valueSet", ())]
    sets = [_of_system(part, terminology, listing=listing), *named] if "system" in part else named
    if not sets:
        raise NotCarriedOut("has a part with neither a system nor a value set")
    found = sets[0]
    for other in sets[1:]:
        found &= other
    return found


def _of_system(part: Json, terminology: Terminology, *, listing: bool) -> Concepts:
    system, version = part["system"], part.get("version")
    if "concept" in part:
        return Concepts.of(system, (concept["code"] for concept in part["concept"]))
    address = f"{system}|{version}" if version else system
    known = terminology.code_system(address)
    if "filter" in part:
        return Concepts.of(system, filtered(part["filter"], _complete(known, system)))
    if listing and known is not None and known.complete and len(known.concepts) <= MAX_CODES:
        return Concepts.of(system, known.concepts)
    return Concepts(systems=frozenset({system}))


def _complete(known: CodeSystem | None, system: str) -> CodeSystem:
    if known is None or not known.complete:
        raise NotCarriedOut(f"filters `{system}`, whose CodeSystem is not complete on this server")
    return known


def _expanded(resource: Json) -> Concepts | None:
    """Return the stored expansion, if it is whole: not one page, not a part of what it counts."""
    expansion = resource.get("expansion")
    if not isinstance(expansion, dict) or expansion.get("offset") or "contains" not in expansion:
        return None
    codes: set[tuple[str, str]] = set()
    listed = 0
    pending = list(expansion["contains"])
    while pending:
        entry = pending.pop()
        listed += 1
        pending += entry.get("contains", ())
        if "code" in entry and not entry.get("abstract"):
            codes.add((entry.get("system", ""), entry["code"]))
    return Concepts(frozenset(codes)) if expansion.get("total", listed) <= listed else None
