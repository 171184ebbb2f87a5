"""What one `Consent.provision` says, element by element, and what of it is not understood.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fhir_server.consent.policy import FOREVER, UNKNOWABLE, Period, Provision
from fhir_server.consent.reading_context import Context, Doubt

Json = Mapping[str, Any]

_ACTIONS: Final = frozenset({"collect", "access", "use", "disclose", "correct"})
_UNDERSTOOD: Final = frozenset(
    {"id", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code"}
    | {"dataPeriod", "data", "provision"}
)
_INSTANCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)
"""The one way of writing an instance that the fact `ref` can be compared with."""
_RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
_URI: Final = "urn:ietf:rfc:3986"
_LOINC: Final = "http://loinc.org"
_ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_KNOWN_PURPOSES: Final = frozenset(
    {"TREAT", "BTG", "ETREAT", "PATRQT", "HPAYMT", "HOPERAT", "HRESCH", "PUBHLTH", "HMARKT"}
)
NOT_A_PURPOSE: Final = "-"
"""Stands in a permit for purposes that no caller of this server has."""
RECIPIENTS: Final = frozenset(
    {"IRCP", "PRCP", "NOT", "REFB", "REFT", "DELEGATEE", "GRANTEE", "CAREGIVER", "PROV"}
    | {"ATND", "CON", "ADM", "DIS", "PRF", "PPRF", "SPRF", "PCP", "ASSIGNED", "QUAL"}
)
"""Roles of who receives information, or cares for the patient."""
BYSTANDERS: Final = frozenset(
    {"AUT", "AUTHN", "LA", "CST", "INF", "ENT", "CONSENTER", "CONSWIT", "GRANTOR", "DELEGATOR"}
    | {"WIT", "VRF", "SUBJ", "RCT", "TRC", "PAT", "NOK", "AFFL", "AGNT", "GUAR", "INTPRT"}
)
"""Roles of the value set security-role-type by which an actor has a part and reads nothing."""

PCF_CONTEXTS: Final = ("Encounter/", "EpisodeOfCare/", "CarePlan/")
"""What data are related to in IHE PCF's intermediate Consent, by referring to it."""


def read_provision(
    body: Json, context: Context, path: str, doubts: list[Doubt], *, pcf: bool = False
) -> Provision:
    """Read `body`, which stands at `path`; add to `doubts`. `pcf`: it follows IHE's PCF."""
    own = _Provision(body, context, path, pcf)
    nested = tuple(
        read_provision(inner, context, f"{path}.provision[{n}]", own.notes, pcf=pcf)
        for n, inner in enumerate(body.get("provision", ()))
    )
    found = own.read(nested)
    doubts += own.doubts + own.notes
    return found


class _Provision:
    """One provision while it is read: `doubts` make it inexact, `notes` are only to be told."""

    def __init__(self, body: Json, context: Context, path: str, pcf: bool) -> None:
        self.body, self.context, self.path, self.pcf = body, context, path, pcf
        self.permits = body.get("type") != "deny"
        self.doubts: list[Doubt] = []
        self.notes: list[Doubt] = []

    def read(self, nested: tuple[Provision, ...]) -> Provision:
        """Return the provision, with those inside it, which are read."""
        if self.body.get("type") not in ("permit", "deny"):
            self._doubt("type", "it is neither permit nor deny")
        for name in sorted(set(self.body) - _UNDERSTOOD):
            self._doubt(name, "nothing is known of it here")
        actors, names_actor = self._actors()
        instances, authors, referring = self._data()
        return Provision(
            permits=self.permits,
            period=self._period("period") or Period(),
            actors=actors,
            names_actor=names_actor,
            purposes=self._purposes(),
            actions=self._actions(),
            labels=self._labels(),
            classes=self._classes(),
            codes=self._concepts(),
            data_period=self._period("dataPeriod"),
            instances=instances,
            authored_by=authors,
            referring=referring,
            exact=not self.doubts,
            nested=nested,
        )

    def _doubt(self, place: str, why: str) -> None:
        self.doubts.append(Doubt(f"{self.path}.{place}", why))

    def _items(self, name: str) -> Sequence[Any]:
        found: Sequence[Any] = self.body.get(name, ())
        return found

    # who ---------------------------------------------------------------------------------------

    def _actors(self) -> tuple[tuple[str, ...], bool]:
        """Return the keys of the actors, and whether the provision is bound to them.

        In a permit an actor counts whose role receives information; a deny asks nobody's role.
        """
        found: set[str] = set()
        bound = bool(self._items("actor"))
        for n, item in enumerate(self._items("actor")):
            place = f"actor[{n}]"
            if "modifierExtension" in item:
                self._doubt(place, "a modifier extension may change its meaning")
            keys = self._callers(item.get("reference", {}))
            if UNKNOWABLE in keys:
                self._doubt(f"{place}.reference", "who belongs to it can't be listed")
                bound = self.permits
            elif not keys:
                self._note(f"{place}.reference", "it stands for no caller that is known here")
            if self.permits and not self._receives(item.get("role"), place):
                continue
            found |= keys - {UNKNOWABLE}
        return tuple(sorted(found)), bound

    def _callers(self, reference: Json) -> frozenset[str]:
        bounded = self.context.bounded(reference) if self.permits else ""
        return frozenset({bounded}) if bounded else self.context.who(reference)

    def _receives(self, role: Any, place: str) -> bool:
        given = set(codes([role])) if isinstance(role, Mapping) else set()
        if not role or given & RECIPIENTS:
            return True
        if given and given <= BYSTANDERS:
            self._note(f"{place}.role", "this role does not receive information")
            return False
        self._doubt(f"{place}.role", "what this role may do is not known here")
        return False

    def _note(self, place: str, why: str) -> None:
        self.notes.append(Doubt(f"{self.path}.{place}", why, fatal=False))

    # what for ----------------------------------------------------------------------------------

    def _purposes(self) -> tuple[str, ...]:
        """Return v3-ActReason codes. Of alternatives, a permit can do without the unknown ones."""
        found = set()
        for n, coding in enumerate(self._items("purpose")):
            if coding.get("system") == _ACT_REASON and coding.get("code") in _KNOWN_PURPOSES:
                found.add(coding["code"])
            elif self.permits:
                found.add(NOT_A_PURPOSE)
                self._note(f"purpose[{n}]", "no caller of this server has this purpose")
            else:
                self._doubt(f"purpose[{n}]", "no caller of this server has this purpose")
        return tuple(sorted(found))

    def _actions(self) -> tuple[str, ...]:
        found = codes(self._items("action"))
        for n, concept in enumerate(self._items("action")):
            if not set(codes([concept])) or not set(codes([concept])) <= _ACTIONS:
                self._doubt(f"action[{n}]", "it is no code of consentaction")
        return found if set(found) <= _ACTIONS else ()

    # what --------------------------------------------------------------------------------------

    def _labels(self) -> tuple[str, ...]:
        labels = self._items("securityLabel")
        for n, coding in enumerate(labels):
            if not coding.get("code"):
                self._doubt(f"securityLabel[{n}]", "a label is told by its code")
        return codes([{"coding": labels}])

    def _classes(self) -> tuple[str, ...]:
        """Return resource types, document classes, and profiles by their address."""
        found = set()
        for n, coding in enumerate(self._items("class")):
            system, code = coding.get("system", ""), coding.get("code", "")
            profile = system == _URI or (not system and "://" in code)
            if code and (profile or system == _RESOURCE_TYPES or "ClasseDocument" in system):
                found.add(code)
            else:
                self._doubt(f"class[{n}]", "it is no resource type, document class or profile")
        return tuple(sorted(found))

    def _concepts(self) -> tuple[str, ...]:
        """Return codes as `system|code`, and bare where the types of documents are so coded.

        A code without a system is that of a document; a deny of it holds under any system.
        """
        found = set()
        for n, concept in enumerate(self._items("code")):
            if not codes([concept]):
                self._doubt(f"code[{n}]", "a concept is told by its codes")
            for coding in concept.get("coding", ()):
                system, code = coding.get("system", ""), coding.get("code", "")
                if not code:
                    continue
                if system:
                    found.add(f"{system}|{code}")
                elif not self.permits:
                    found.add(f"*|{code}")
                if not system or system == _LOINC or "TypeDoc" in system:
                    found.add(code)
        return tuple(sorted(found))

    def _data(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return instances, keys of authors, and what counts for whatever refers to it."""
        instances: set[str] = set()
        authors: set[str] = set()
        referring: set[str] = set()
        for n, item in enumerate(self._items("data")):
            reference = item.get("reference", {})
            text = str(reference.get("reference", ""))
            if "modifierExtension" in item:
                self._doubt(f"data[{n}]", "a modifier extension may change its meaning")
            match item.get("meaning"):
                case "instance" if _INSTANCE.fullmatch(text):
                    instances.add(text)
                case "related" | "dependents" if text.startswith("Patient/"):
                    self._doubt(f"data[{n}]", "everything in a record refers to its Patient")
                case "related" if _INSTANCE.fullmatch(text):
                    linked = self.context.linked(text)
                    instances |= {text, *(linked.opens if self.permits else linked.refers)}
                    if not self.permits or (self.pcf and text.startswith(PCF_CONTEXTS)):
                        referring.add(text)
                case "dependents" if _INSTANCE.fullmatch(text):
                    instances.add(text)
                    referring.add(text)
                case "authoredby" if named := _persons(self.context.who(reference)):
                    authors |= named
                case _:
                    self._doubt(f"data[{n}]", "which data are meant can't be told")
        return tuple(sorted(instances)), tuple(sorted(authors)), tuple(sorted(referring))

    # when --------------------------------------------------------------------------------------

    def _period(self, name: str) -> Period | None:
        body = self.body.get(name)
        if body is None:
            return None
        try:
            start = self.context.when(body["start"])[0] if "start" in body else -FOREVER
            end = self.context.when(body["end"])[1] if "end" in body else FOREVER
        except (ValueError, TypeError):
            self._doubt(name, "its dates can't be read")
            return None
        if not {"start", "end"} & set(body):
            self._doubt(name, "it has neither start nor end")
        return Period(start, end)


def codes(concepts: Any) -> tuple[str, ...]:
    """Return the codes of CodeableConcepts, whatever their systems, each once."""
    found = {
        coding["code"]
        for concept in concepts
        for coding in concept.get("coding", ())
        if coding.get("code")
    }
    return tuple(sorted(found))


def _persons(keys: frozenset[str]) -> frozenset[str]:
    """Return the keys that an author can have; none when a team or a group is among them."""
    known = all(not key.startswith(("team:", "role:")) and key != UNKNOWABLE for key in keys)
    return keys if known else frozenset()
