"""A small model of a world, its resources, and what a caller may know of it by the naive oracle.

Nothing here asks the server what is hidden: the facts are written down from the model, and the
oracle (`tests/oracle/consent.py`) is the second reading of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fhir_server.consent.policy import ConsentPolicy, Link, Period, Provision, RecordPolicy
from fhir_server.consent.requester import Requester
from fhir_server.records.rulesets import shipped_matrix
from tests.oracle.consent import Oracle
from tests.support import resources as make
from tests.support.replies import Json

OLD, NEW = "2024-03-01T10:00:00Z", datetime.now(UTC).isoformat(timespec="seconds")
DEPOSITOR = "kind:trusted-system"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient: `attending` and `team` are places in the model's list of professionals."""

    active: bool = True
    attending: tuple[int, ...] = ()
    team: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreement:
    """A Consent of patient `of`; `actor` is a professional, or None for everybody."""

    of: int
    permits: bool
    actor: int | None
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document, or an Observation when `type` is empty; `replaces` is an earlier document."""

    of: int
    type: str
    labels: tuple[str, ...]
    author: int | None
    replaces: int | None
    attached: bool
    recent: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A world; `lists` are (patient, places of documents); `name` makes its ids its own."""

    name: str
    people: tuple[Person, ...]
    agreements: tuple[Agreement, ...]
    papers: tuple[Paper, ...]
    lists: tuple[tuple[int, tuple[int, ...]], ...]
    professionals: tuple[Requester, ...]

    def id(self, what: str, place: int) -> str:
        return f"{what}-{self.name}-{place}"

    def patient(self, place: int) -> str:
        return self.id("p", place)

    def ref(self, place: int) -> str:
        kind = "DocumentReference" if self.papers[place].type else "Observation"
        return f"{kind}/{self.id('d', place)}"

    @property
    def ins(self) -> tuple[str, ...]:
        return tuple(f"{self.name}-ins-{place}" for place in range(len(self.people)))

    def labels(self, place: int) -> list[str]:
        """Return own labels and those of the newest documents of the chain."""
        heads = self._newest(place, frozenset())
        return sorted({"N", *(label for at in (place, *heads) for label in self.papers[at].labels)})

    def _newest(self, place: int, seen: frozenset[int]) -> set[int]:
        newer = {at for at, paper in enumerate(self.papers) if paper.replaces == place} - seen
        if not newer:
            return {place}
        return {head for at in newer for head in self._newest(at, seen | {place})}

    # resources -----------------------------------------------------------------------------------

    def resources(self, known: frozenset[str] | None = None) -> list[Json]:
        """Return everything, or only what is in `known` (`Type/id`), Lists without the rest."""
        found = [*self._people(), *self._agreements(), *self._papers(), *self._lists(known)]
        return [
            body
            for body in found
            if known is None or f"{body['resourceType']}/{body['id']}" in known
        ]

    def _people(self) -> list[Json]:
        found = []
        for place, person in enumerate(self.people):
            attending = [self.professionals[at] for at in person.attending]
            ins = [{"system": make.INS, "value": self.ins[place]}]
            found.append(
                make.a_patient(
                    *attending, id=self.patient(place), active=person.active, identifier=ins
                )
            )
            if person.team:
                members = [self.professionals[at] for at in person.team]
                found.append(
                    make.a_care_team(self.patient(place), *members, id=self.id("t", place))
                )
        return found

    def _agreements(self) -> list[Json]:
        return [
            make.a_consent(
                self.patient(one.of),
                "permit" if one.permits else "deny",
                *([] if one.actor is None else [self.professionals[one.actor]]),
                purposes=(one.purpose,) if one.purpose else (),
                id=self.id("c", place),
            )
            for place, one in enumerate(self.agreements)
        ]

    def _papers(self) -> list[Json]:
        found: list[Json] = []
        for place, paper in enumerate(self.papers):
            patient, id_ = self.patient(paper.of), self.id("d", place)
            if not paper.type:
                body = make.an_observation(patient, *paper.labels, id=id_)
                found.append(body)
                continue
            document = make.Document(patient, id_, paper.type, ("N", *paper.labels))
            document = replace(document, date=NEW if paper.recent else OLD)
            if paper.author is not None:
                document = document.by(self.professionals[paper.author])
            if paper.replaces is not None:
                document = document.replacing(self.ref(paper.replaces))
            if paper.attached:
                binary = make.a_binary(id_.encode(), id=self.id("b", place))
                found.append(binary)
                document = document.attached(f"Binary/{binary['id']}")
            found.append(document.json())
        return found

    def _lists(self, known: frozenset[str] | None) -> list[Json]:
        return [
            make.a_list(
                self.patient(of),
                *(self.ref(at) for at in places if known is None or self.ref(at) in known),
                id=self.id("l", place),
            )
            for place, (of, places) in enumerate(self.lists)
        ]

    # what a caller may know ----------------------------------------------------------------------

    def known(self, who: Requester) -> frozenset[str]:
        """Return `Type/id` of all that `who` may know, or has authored and so knows of (R22)."""
        now = int(datetime.now(UTC).timestamp() * 1_000_000)
        matrix = shipped_matrix()
        policies = [self._policy(at) for at in range(len(self.people))]
        oracle = Oracle(who, policies, matrix.readable, matrix.rows, now)
        facts = self._facts()
        return frozenset(
            ref
            for ref, one in facts.items()
            if oracle.may_know(one) or who.keys & set(one["authors"])
        )

    def _policy(self, place: int) -> RecordPolicy:
        person, patient = self.people[place], self.patient(place)
        team = f"CareTeam/{self.id('t', place)}"
        keys = [f"rpps:{who.rpps}" for who in self.professionals]
        links = [Link(keys[at], "attending", f"Patient/{patient}") for at in person.attending]
        links += [Link(keys[at], "care-team", team) for at in person.team]
        consents = [
            ConsentPolicy(self.id("c", at), 1, Period(), _provision(one, keys))
            for at, one in enumerate(self.agreements)
            if one.of == place
        ]
        return RecordPolicy(patient, "1", not person.active, tuple(links), tuple(consents))

    def _facts(self) -> dict[str, Json]:
        found: dict[str, Json] = {}

        def note(ref: str, governance: str, of: int, **more: Any) -> None:
            given = {"labels": ["N"], "authors": [DEPOSITOR], "classes": [], "deposited": 0}
            found[ref] = {
                **given,
                "ref": ref,
                "governance": governance,
                "patient": self.patient(of),
                "owner": DEPOSITOR,
                **more,
            }

        for place, person in enumerate(self.people):
            note(f"Patient/{self.patient(place)}", "patient", place)
            if person.team:
                note(f"CareTeam/{self.id('t', place)}", "careteam", place)
        for place, one in enumerate(self.agreements):
            note(f"Consent/{self.id('c', place)}", "policy", one.of)
        for place, paper in enumerate(self.papers):
            authors = (
                [] if paper.author is None else [f"rpps:{self.professionals[paper.author].rpps}"]
            )
            day = datetime.fromisoformat(NEW if paper.recent or not paper.type else OLD)
            note(
                self.ref(place),
                "record",
                paper.of,
                types=[paper.type or make.BIOLOGY],
                labels=self.labels(place),
                authors=[DEPOSITOR, *authors],
                deposited=int(day.timestamp() * 1_000_000),
            )
            if paper.attached and paper.type:
                # Who authored the document did not deposit its attachment.
                binary = f"Binary/{self.id('b', place)}"
                note(binary, "binary", paper.of, targets=[found[self.ref(place)]])
        for place, (of, places) in enumerate(self.lists):
            targets = [found[self.ref(at)] for at in places]
            note(f"List/{self.id('l', place)}", "pointer", of, targets=targets)
        return found


def _provision(one: Agreement, keys: list[str]) -> Provision:
    return Provision(
        permits=one.permits,
        actors=() if one.actor is None else (keys[one.actor],),
        names_actor=one.actor is not None,
        purposes=(one.purpose,) if one.purpose else (),
    )
