"""A small model of a world: people, what they agreed to, papers, and what points to papers.

Nothing here asks the server anything. A place is an index into one of the model's tuples.
"""

from __future__ import annotations

from dataclasses import dataclass

from fhir_server.consent.requester import Requester
from tests.support import resources as make

DOCUMENT = "DocumentReference"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient; `attending` and `team` are places of professionals; a team may be over."""

    active: bool = True
    attending: tuple[int, ...] = ()
    team: tuple[int, ...] = ()
    team_over: bool = False
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """A provision; `actor` is a professional or None for everybody; `when` past, now or future.

    `paper` is an instance and `author` a professional who wrote; `old` asks for papers of 2024.
    """

    permits: bool
    actor: int | None = None
    purpose: str = ""
    label: str = ""
    type: str = ""
    kind: str = ""
    when: str = ""
    paper: int | None = None
    author: int | None = None
    old: bool = False
    nested: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreement:
    """A Consent of patient `of`."""

    of: int
    root: Clause
    status: str = "active"


@dataclass(frozen=True, slots=True)
class Paper:
    """A document, or another clinical resource; `replaces` is an earlier document.

    `once` are the labels of an earlier version, if there was one; `gone`: it was deleted.
    """

    of: int
    kind: str
    type: str
    labels: tuple[str, ...]
    author: int | None
    replaces: int | None
    attached: bool
    recent: bool
    once: tuple[str, ...] | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Pointer:
    """What points to papers: a List, Composition, Provenance, Task or Communication."""

    kind: str
    of: int
    papers: tuple[int, ...]


TYPES = {
    "Observation": make.BIOLOGY,
    "Condition": "60591-5",
    "MedicationRequest": make.PRESCRIPTION,
}
"""The row of the habilitation matrix that speaks of a clinical resource (mappings/governance)."""


@dataclass(frozen=True, slots=True)
class Model:
    """A world; `name` makes its ids its own."""

    name: str
    people: tuple[Person, ...]
    agreements: tuple[Agreement, ...]
    papers: tuple[Paper, ...]
    pointers: tuple[Pointer, ...]
    professionals: tuple[Requester, ...]

    def id(self, what: str, place: int) -> str:
        return f"{what}-{self.name}-{place}"

    def patient(self, place: int) -> str:
        return self.id("p", place)

    def ref(self, place: int) -> str:
        return f"{self.papers[place].kind}/{self.id('d', place)}"

    def pointer(self, place: int) -> str:
        return f"{self.pointers[place].kind}/{self.id('l', place)}"

    def key(self, professional: int) -> str:
        return self.professionals[professional].identity

    def ins(self, place: int) -> str:
        return f"{self.name}-ins-{place}"

    def labels(self, place: int) -> list[str]:
        """Return own labels and those of the newest documents of the chain."""
        heads = self._newest(place, frozenset())
        return sorted({"N", *(label for at in (place, *heads) for label in self.papers[at].labels)})

    def _newest(self, place: int, seen: frozenset[int]) -> set[int]:
        replacing = {at for at, one in enumerate(self.papers) if one.replaces == place}
        newer = {at for at in replacing if not self.papers[at].gone} - seen
        if not newer:
            return {place}
        return {head for at in newer for head in self._newest(at, seen | {place})}

    def replaced(self, place: int) -> set[int]:
        """Return the documents that one replaces, back to the first."""
        older = self.papers[place].replaces
        return set() if older is None else {older, *self.replaced(older)}

    def told(self) -> str:
        """Return the world in words, one line a thing."""
        found = [
            f"  professional {at}: {one.kind} {one.profession} {one.identity}"
            for at, one in enumerate(self.professionals)
        ]
        for name, things in (
            ("patient p", self.people),
            ("Consent c", self.agreements),
            ("paper d", self.papers),
            ("pointer l", self.pointers),
        ):
            found += [f"  {name}-{self.name}-{at}: {one}" for at, one in enumerate(things)]
        return "\n".join(found)
