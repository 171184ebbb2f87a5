"""Who a reference stands for, as caller keys.

`rpps:…`, `finess:…`, `patient:…`, `representative:…`; `team:CareTeam/…` and `team:Group/…` for
whoever belongs to it; `role:750000001:G15_10` for a profession at an establishment.

A Practitioner is the caller when its RPPS is the caller's (contract, Consent conventions 1), so
references are followed to the identifiers once, when something is written, and what was followed
is remembered: a change of the directory compiles the policies anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, Protocol

from fhir_server.consent.policy import UNKNOWABLE
from fhir_server.data import mappings_dir
from fhir_server.fhir.json import parse
from fhir_server.fhir.references import parse_reference
from fhir_server.store.rows import Row

Json = Mapping[str, Any]

PROFESSIONS: Final = (
    "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
)


class Lookup(Protocol):
    """Reads of current versions: a `Unit`."""

    def get(self, type_: str, id_: str) -> Row | None:
        """Return the current version, or None."""


@cache
def systems() -> Mapping[str, str]:
    """Return the identifier systems of `mappings/systems.json`, by their code."""
    text = mappings_dir().joinpath("systems.json").read_text(encoding="utf-8")
    return {row["code"]: row["system"] for row in json.loads(text)}


def idnps(rpps: str) -> tuple[str, str]:
    """Return the national identifier of a professional: its system, and the value (R99)."""
    return systems()["IDNPS"], f"8{rpps}"


@cache
def ins_systems() -> frozenset[str]:
    """Return the systems under which a value is an INS (R95)."""
    return frozenset(system for code, system in systems().items() if code.startswith("INS-N"))


def identifier_key(identifier: Json) -> str:
    """Return the caller key of one identifier, or nothing."""
    system, value = identifier.get("system", ""), str(identifier.get("value", ""))
    known = systems()
    if system == known["RPPS"]:
        return f"rpps:{value}"
    if system == known["IDNPS"] and value.startswith("8") and len(value) == 12:
        return f"rpps:{value[1:]}"
    if system == known["FINESS"]:
        return f"finess:{value}"
    if system == known["IDNST"] and value.startswith("1") and len(value) == 10:
        return f"finess:{value[1:]}"
    return ""


class People:
    """Follows references inside one unit of work, and remembers what it followed in `seen`."""

    def __init__(self, lookup: Lookup, base: str) -> None:
        """Read current versions from `lookup`; `base` is the server's own FHIR base."""
        self._lookup = lookup
        self.base = base
        self.seen: set[str] = set()
        self._read: dict[str, tuple[Row, frozenset[str]]] = {}

    def who(self, reference: Json, contained: Iterable[Json] = ()) -> frozenset[str]:
        """Return the caller keys that `reference` stands for; none when it can't be followed."""
        named = identifier_key(reference.get("identifier", {}))
        if named:
            return frozenset({named})
        text = reference.get("reference")
        if not isinstance(text, str):
            return frozenset()
        if text.startswith("#"):
            inside = (item for item in contained if item.get("id") == text[1:])
            return frozenset(key for item in inside for key in self._keys(item, contained))
        found = parse_reference(text, self.base)
        if not found.ours:
            return frozenset()
        ref = f"{found.type}/{found.id}"
        self.seen.add(ref)
        match found.type:
            case "Patient":
                return frozenset({f"patient:{found.id}"})
            case "CareTeam":
                return frozenset({f"team:{ref}"})
            case "Practitioner" | "Organization":
                return self._of(self._lookup.get(found.type, found.id))
            case "PractitionerRole" | "RelatedPerson":
                row = self._lookup.get(found.type, found.id)
                return self._keys(parse(row.raw).resource) if row else frozenset()
            case "Group":
                return self._group(ref, self._lookup.get(found.type, found.id))
            case _:
                return frozenset()

    def _of(self, row: Row | None) -> frozenset[str]:
        """Return the keys of a stored person or structure, read once for each version."""
        if row is None:
            return frozenset()
        kept = self._read.get(row.ref)
        if kept is None or kept[0] is not row:
            kept = self._read[row.ref] = (row, self._keys(parse(row.raw).resource))
        return kept[1]

    def _keys(self, resource: Json, contained: Iterable[Json] = ()) -> frozenset[str]:
        match resource.get("resourceType"):
            case "PractitionerRole" if "practitioner" in resource:
                return self.who(resource["practitioner"], contained)
            case "PractitionerRole":
                return self._profession(resource, contained)
            case "RelatedPerson":
                found = parse_reference(resource["patient"].get("reference", ""), self.base)
                known = found.ours and found.type == "Patient"
                return frozenset({f"representative:{found.id}"}) if known else frozenset()
            case "Practitioner" | "Organization":
                keys = {identifier_key(item) for item in resource.get("identifier", ())}
                return frozenset(keys - {""})
            case _:
                return frozenset()

    def _profession(self, role: Json, contained: Iterable[Json]) -> frozenset[str]:
        """Return the keys of a profession at an establishment: a PractitionerRole of nobody."""
        codes = {
            coding.get("code", "")
            for concept in role.get("code", ())
            for coding in concept.get("coding", ())
            if coding.get("system") == PROFESSIONS
        }
        places = self.who(role.get("organization", {}), contained)
        return frozenset(
            f"role:{place.removeprefix('finess:')}:G15_{code}"
            for place in places
            for code in codes - {""}
        )

    def _group(self, ref: str, row: Row | None) -> frozenset[str]:
        """Return the key of a Group whose members are listed; of any other, that nobody can say."""
        if row is None:
            return frozenset()
        group = parse(row.raw).resource
        listed = group.get("actual") is True and group.get("active") is not False
        return frozenset({f"team:{ref}" if listed else UNKNOWABLE})

    def bounded(self, reference: Json, contained: Iterable[Json] = ()) -> str:
        """Return the key of a PractitionerRole that has a period or is over; nothing of others."""
        text = str(reference.get("reference", ""))
        if text.startswith("#"):
            inside = [item for item in contained if item.get("id") == text[1:]]
            return UNKNOWABLE if any(map(_is_bounded, inside)) else ""
        found = parse_reference(text, self.base)
        if not found.ours or found.type != "PractitionerRole":
            return ""
        row = self._lookup.get(found.type, found.id)
        self.seen.add(f"{found.type}/{found.id}")
        bounded = row is not None and _is_bounded(parse(row.raw).resource)
        return f"team:{found.type}/{found.id}" if bounded else ""

    def holders(self, ref: str) -> Iterator[tuple[Json, str]]:
        """Yield the PractitionerRole `ref` with each key of who fills it, while it is active."""
        row = self._lookup.get("PractitionerRole", ref.partition("/")[2])
        role = parse(row.raw).resource if row is not None else {}
        if role and role.get("active") is not False:
            for key in self._keys(role, role.get("contained", ())):
                yield role, key

    def members(self, ref: str) -> Iterator[tuple[Json, str]]:
        """Yield each member of the Group `ref` with a key of theirs, once for each key."""
        row = self._lookup.get("Group", ref.partition("/")[2])
        group = parse(row.raw).resource if row is not None else {}
        for member in group.get("member", ()):
            if member.get("inactive") is not True:
                for key in self.who(member.get("entity", {}), group.get("contained", ())):
                    yield member, key


def _is_bounded(role: Json) -> bool:
    given = role.get("resourceType") == "PractitionerRole"
    return given and (role.get("active") is False or "period" in role)
