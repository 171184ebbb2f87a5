"""Random requests about the places of a model, and how each is sent to one of the worlds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.support import random_searches as searches
from tests.support import resources as make
from tests.support.model import DOCUMENT, Model
from tests.support.random_worlds import PEOPLE
from tests.support.random_writes import WRITERS, uncovers
from tests.support.replies import Caller, Reply, entry


class Ask(NamedTuple):
    """A request of a kind, about two places of the model, with a text to fill in."""

    kind: str
    first: int
    second: int
    text: str


BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=9)
TARGETS = ("paper", "pointer", "paper", "binary", "patient", "consent", "team", "none")
ABSENT = 7
"""The place of what never was."""
NEAR = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 4, 5, 7))
_ASKED = st.sampled_from(searches.ASKED)
_SEVERAL = st.lists(_ASKED, min_size=2, max_size=3).map(" ".join)
_reads = st.builds(
    Ask, st.sampled_from(("read", "read", "head")), NEAR, NEAR, st.sampled_from(searches.READS)
)
_searches = st.builds(
    Ask, st.sampled_from(("search", "search", "search", "form")), NEAR, NEAR, _ASKED
)
_turns = st.builds(
    Ask, st.sampled_from(("next", "next", "previous", "status")), NEAR, NEAR, st.just("")
)
_batches = st.builds(Ask, st.just("batch"), NEAR, NEAR, _SEVERAL)
_writes = st.builds(
    Ask,
    st.sampled_from(tuple(WRITERS)),
    NEAR,
    NEAR,
    st.sampled_from(('W/"1"', 'W/"2"', "", "conditional")),
)
asks = st.one_of(_reads, _searches, _searches, _searches, _batches, _turns, _writes)
sequences = st.lists(asks, min_size=2, max_size=6)
CLOSING = [Ask("batch", place, place, " ".join(searches.CLOSING)) for place in range(PEOPLE)]


class Words:
    """What the places of an `Ask` stand for in a model; an id that never was, past the end."""

    def __init__(self, model: Model, known: frozenset[str], ask: Ask, number: int) -> None:
        """Read `ask`, the request of this `number` in its world, of who knows `known`."""
        self.model = model
        self.known = known
        # What is created sorts by when, and not by the id that each world gives it.
        self.instant = (BEGIN + timedelta(seconds=number)).isoformat()
        first, second = ask.first, ask.second
        self.patient = model.patient(first % PEOPLE) if first < 6 else "never-was"
        self.place, self.other_place = self._document(first), self._document(second)
        self.document = model.id("d", self.place)
        self.other = model.id("d", self.other_place)
        self.binary = model.id("b", self.place)
        self.target = self._target(TARGETS[second % len(TARGETS)], first)
        self.ref = f"{DOCUMENT}/{self.document}"
        self.number = str(int(self.document.encode().hex(), 16))
        self.by_identifier = f"{DOCUMENT}?identifier=urn:ietf:rfc:3986|urn:oid:2.25.{self.number}"
        self._first, self._second = first, second

    @property
    def knows_in_part(self) -> bool:
        """Tell whether the caller knows something of the record, and not all of it."""
        place = self._first % PEOPLE
        model = self.model
        all_ = [model.ref(at) for at, one in enumerate(model.papers) if one.of == place]
        all_ += [model.pointer(at) for at, one in enumerate(model.pointers) if one.of == place]
        shown = self.known.intersection(all_)
        return bool(shown) and len(shown) < len(all_)

    def _document(self, place: int) -> int:
        """Return the place of a document, or one past the end."""
        papers = self.model.papers
        documents = [at for at, one in enumerate(papers) if one.kind == DOCUMENT]
        known = documents and place != ABSENT
        return documents[place % len(documents)] if known else len(papers)

    def _paper(self, place: int) -> str:
        papers = len(self.model.papers)
        return f"{DOCUMENT}/d-none-7" if place == ABSENT else self.model.ref(place % papers)

    def _pointer(self, place: int) -> str:
        pointers = len(self.model.pointers)
        if place == ABSENT or not pointers:
            return "List/l-none-7"
        return self.model.pointer(place % pointers)

    def _target(self, kind: str, place: int) -> str:
        match kind:
            case "paper":
                return self._paper(place)
            case "pointer":
                return self._pointer(place)
            case "binary":
                return f"Binary/{self.binary}"
            case "patient":
                return f"Patient/{self.model.patient(place)}"
            case "consent":
                return f"Consent/{self.model.id('c', place)}"
            case "team":
                return f"CareTeam/{self.model.id('t', place)}"
            case _:
                return f"{DOCUMENT}/never-was"

    def fill(self, template: str) -> str:
        """Return the address that `template` (`random_searches`) stands for."""
        return template.format(
            p=self.patient,
            d=self.document,
            e=self.other,
            n=self.number,
            b=self.binary,
            c=self.model.id("c", self._second),
            l=self.model.id("l", self._second),
            lref=self._pointer(self._second),
            ins=f"{make.INS}|{self.model.ins(self._first % PEOPLE)}",
            dref=self._paper(self._first),
            eref=self._paper(self._second),
        )

    def new_document(self, **more: Any) -> make.Document:
        """Return a document of this request, dated by it."""
        return make.Document(self.patient, "new", identifier="42", date=self.instant).but(**more)


def send(caller: Caller, ask: Ask, words: Words, last: Reply | None) -> Reply:
    """Send one request; `last` is what this caller was answered before."""
    if ask.kind in ("next", "previous"):
        return caller.get(_link(last, ask.kind) or "Patient?_count=1&_sort=_id")
    if ask.kind in ("read", "head"):
        return caller.send("HEAD" if ask.kind == "head" else "GET", words.target + ask.text)
    if ask.kind == "batch":
        gets = (entry("GET", words.fill(template)) for template in ask.text.split(" "))
        return caller.transact(*gets, kind="batch")
    if ask.kind == "form":
        path, _, query = words.fill(ask.text).partition("?")
        return caller.form(f"{path}/_search", query.replace("+", "%2B"))
    if ask.kind == "status" and f"Patient/{words.patient}" in words.known:
        # Of any record, an exact INS tells whether it is open: contract, Consent conventions 4.
        return caller.get(words.fill("Patient/$record-status?identifier={ins}"))
    if ask.kind in WRITERS and not uncovers(ask, words):
        return WRITERS[ask.kind](caller, ask, words)
    return caller.get(words.fill(ask.text) if ask.kind == "search" else words.target)


def _link(last: Reply | None, relation: str) -> str:
    """Return the address of the page after, or before, the last one."""
    if last is None or last.status != 200 or b'"Bundle"' not in last.body[:60]:
        return ""
    return last.next if relation == "next" else last.link("previous")
