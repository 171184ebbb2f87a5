"""Random requests about the places of a model, and how each is sent to one of the worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.support import resources as make
from tests.support.random_worlds import PEOPLE, STAFF
from tests.support.replies import Caller, Json, Reply, entry
from tests.support.two_worlds import Model


class Ask(NamedTuple):
    """A request of a kind, about two places of the model, with a text to fill in."""

    kind: str
    first: int
    second: int
    text: str


BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
READS = ("", "/_history", "/_history/1", "/_history/2", "?_pretty=true")
SEARCHES = (
    "DocumentReference?patient={p}&_sort=date,_id",
    "DocumentReference?patient={p}&_summary=count",
    "DocumentReference?patient={p}&_count=1&_sort=date,_id",
    "DocumentReference?patient={p}&_count=2&_sort=-date,_id&_total=estimate",
    "DocumentReference?subject=Patient/{p}&_count=0",
    "DocumentReference?patient.identifier={ins}&status=current&_sort=date,_id",
    "DocumentReference?patient.family=genêt&patient={p}&_sort=date,_id",
    "DocumentReference?_id={d},{e}&_sort=date,_id",
    "DocumentReference?identifier=urn:oid:2.25.{n}",
    "DocumentReference?patient={p}&security-label=MASQUE_PS",
    "DocumentReference?patient={p}&security-label:not=MASQUE_PS&_sort=date,_id",
    "DocumentReference?patient={p}&type=11502-2&_sort=date,_id",
    "DocumentReference?relatesto={dref}",
    "DocumentReference?relatesto:DocumentReference._id={d}",
    "DocumentReference?relatesto:DocumentReference.type=11502-2&patient={p}&_sort=date,_id",
    "DocumentReference?patient={p}&relatesto:missing=false&_sort=date,_id",
    "DocumentReference?patient={p}&_sort=date,_id&_include=DocumentReference:subject"
    "&_include=DocumentReference:relatesto",
    "DocumentReference?_lastUpdated=ge2020-01-01&_sort=date,_id",
    "Observation?patient={p}&_sort=_id&_include=Observation:subject",
    "Observation?category=laboratory&_summary=count",
    "Observation?subject:Patient.active=true&_sort=_id",
    "List?patient={p}&_sort=date,_id&_include=List:item",
    "List?item={dref}&_sort=date,_id",
    "List?item:DocumentReference.status=current&_sort=date,_id",
    "Binary?_id={b}",
    "Patient?_sort=_id",
    "Patient?identifier={ins}",
    "Patient?general-practitioner:missing=true&_sort=_id",
    "Consent?patient={p}&_sort=date,_id",
    "CareTeam?patient={p}&_sort=_id&_include=CareTeam:subject",
    "AuditEvent?patient={p}&_summary=count",
    "Patient?_has:DocumentReference:patient:type=11502-2&_sort=_id",
    "Patient?_has:DocumentReference:patient:_id={d},{e}&_sort=_id",
    "Patient?_has:DocumentReference:subject:_has:List:item:status=current&_sort=_id",
    "DocumentReference?patient={p}&_has:List:item:status=current&_sort=date,_id",
    "Patient?_id={p}&_revinclude=Observation:subject",
    "DocumentReference?_id={d}&_include:iterate=*",
    "Patient/{p}/DocumentReference?_sort=date,_id&_count=2",
    "Patient/{p}/*?_type=Observation,Patient&_sort=-_id",
    "?_type=DocumentReference,List&patient={p}&_sort=date,_id&_count=2",
    "?_type=DocumentReference,List,Observation&_summary=count",
    "Nothing?x=1",
    "Observation?patient={p}&value-quantity=gt13&_sort=_id",
    "Observation?patient={p}&code-value-quantity=718-7$13.5||g/dL&_sort=-value-quantity,_id",
    "Observation?patient={p}&_sort=-code,_id&_total=accurate&_count=1",
    "Patient?_has:DocumentReference:patient:_id={d}&_sort=_id",
    "Patient?_has:Observation:patient:value-quantity=13.5&_sort=_id",
    "Patient?_has:DocumentReference:patient:_has:List:item:_id={l}&_sort=_id",
    "Patient?_id={p}&_revinclude=DocumentReference:patient&_summary=count",
    "DocumentReference?_id={d}&_revinclude=List:item&_revinclude=DocumentReference:relatesto",
    "DocumentReference?_id={d}&_include:iterate=DocumentReference:relatesto",
    "DocumentReference?_list={l}&_sort=date,_id",
    "DocumentReference?patient={p}&_filter=type%20eq%2011502-2%20or%20status%20eq%20superseded"
    "&_sort=date,_id",
    "DocumentReference?patient={p}&_filter=not%20(security-label%20eq%20MASQUE_PS)&_sort=date,_id",
    "DocumentReference?patient={p}&_content=compte&_sort=date,_id",
    "DocumentReference?patient={p}&_text=compte&_summary=count",
    "DocumentReference?patient={p}&_sort=-security-label,-date,_id&_count=2",
    "Patient/{p}/DocumentReference?_sort=date,_id",
    "Patient/{p}/Observation?_summary=count",
    "Patient/{p}/*?_type=DocumentReference,Observation&_summary=count",
)
TARGETS = (
    "document",
    "document",
    "document",
    "list",
    "binary",
    "patient",
    "consent",
    "team",
    "none",
)
NEAR = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 4, 5, 7))
asks = st.one_of(
    st.builds(Ask, st.just("read"), NEAR, NEAR, st.sampled_from(READS)),
    st.builds(Ask, st.just("search"), NEAR, NEAR, st.sampled_from(SEARCHES)),
    st.builds(Ask, st.just("search"), NEAR, NEAR, st.sampled_from(SEARCHES)),
    st.builds(
        Ask,
        st.sampled_from(("next", "put", "delete", "create", "pointer", "bundle", "test", "grant")),
        NEAR,
        NEAR,
        st.sampled_from(('W/"1"', 'W/"2"', "")),
    ),
    st.builds(
        Ask,
        st.sampled_from(("mask", "mask", "unmask", "once")),
        NEAR,
        NEAR,
        st.sampled_from(("", "conditional")),
    ),
)


CLOSING = tuple(
    Ask("search", place, 0, text)
    for place in range(PEOPLE)
    for text in (
        "List?patient={p}&_sort=date,_id",
        "DocumentReference?patient={p}&_sort=date,_id",
        "Observation?patient={p}&_sort=_id",
        "Consent?patient={p}&_sort=date,_id",
        "AuditEvent?patient={p}&_summary=count",
        "Binary?_id={b}",
    )
)
"""Asked at the end of every sequence: what both worlds have come to."""


class Words:
    """What the places of an `Ask` stand for in a model; an id that never was, past the end."""

    def __init__(self, model: Model, ask: Ask, number: int) -> None:
        """Read `ask`, the request of this `number` in its sequence."""
        self.model = model
        # What is created sorts by when, and not by the id that each world gives it.
        self.instant = (BEGIN + timedelta(minutes=number)).isoformat()
        first, second = ask.first, ask.second
        self.patient = model.patient(first % PEOPLE) if first < 6 else "never-was"
        self.document = model.id("d", first)
        self.other = model.id("d", second)
        self.target = self._target(TARGETS[second % len(TARGETS)], first)
        self.ref = f"DocumentReference/{self.document}"
        self.number = str(int(self.document.encode().hex(), 16))
        self.by_identifier = (
            f"DocumentReference?identifier=urn:ietf:rfc:3986|urn:oid:2.25.{self.number}"
        )
        self.ins = model.ins[first % PEOPLE]
        self.binary = model.id("b", first)

    def _target(self, kind: str, place: int) -> str:
        known = place < len(self.model.papers)
        match kind:
            case "document":
                return self.model.ref(place) if known else f"DocumentReference/d-none-{place}"
            case "list":
                return f"List/{self.model.id('l', place)}"
            case "binary":
                return f"Binary/{self.model.id('b', place)}"
            case "patient":
                return f"Patient/{self.model.patient(place)}"
            case "consent":
                return f"Consent/{self.model.id('c', place)}"
            case "team":
                return f"CareTeam/{self.model.id('t', place)}"
            case _:
                return "DocumentReference/never-was"

    def new_document(self, **more: Any) -> make.Document:
        return make.Document(self.patient, "new", identifier="42", date=self.instant).but(**more)


MASK = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
UNMASK = {"op": "remove", "path": "/securityLabel/1"}

Sender = Callable[[Caller, Ask, "Words"], Reply]


def send(caller: Caller, ask: Ask, words: Words, last: Reply | None) -> Reply:
    """Send one request; `last` is what this caller was answered before."""
    if ask.kind == "next":
        is_page = last is not None and b"Bundle" in last.body[:40]
        following = last.next if last is not None and is_page else ""
        return caller.get(following or "Patient?_count=1&_sort=_id")
    return SENDERS[ask.kind](caller, ask, words)


def _tag(ask: Ask) -> dict[str, str]:
    return {"If_Match": ask.text} if ask.text.startswith("W/") else {}


def _put(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.put(words.new_document(id=words.document).json(), **_tag(ask))


def _delete(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.delete(words.target, **_tag(ask))


def _create(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = words.new_document(replaces=f"DocumentReference/{words.other}")
    return caller.post("DocumentReference", body.json())


def _once(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = words.new_document(identifier=words.number).json()
    condition = words.by_identifier.partition("?")[2]
    return caller.post("DocumentReference", body, If_None_Exist=condition)


def _pointer(caller: Caller, ask: Ask, words: Words) -> Reply:
    refs = words.ref, f"DocumentReference/{words.other}"
    return caller.post("List", make.a_list(words.patient, *refs, id="new", date=words.instant))


def _grant(caller: Caller, ask: Ask, words: Words) -> Reply:
    who = words.model.professionals[ask.second % STAFF]
    body = make.a_consent(words.patient, "permit", who, id="new", dateTime=words.instant)
    return caller.post("Consent", body)


def _patch(operation: Json) -> Sender:
    def patch(caller: Caller, ask: Ask, words: Words) -> Reply:
        path = words.by_identifier if ask.text == "conditional" else words.ref
        return caller.patch(path, operation)

    return patch


def _bundle(caller: Caller, ask: Ask, words: Words) -> Reply:
    kind = "batch" if ask.first % 2 else "transaction"
    return caller.transact(*_entries(words), kind=kind)


def _entries(words: Words) -> Iterator[Json]:
    document = words.new_document(replaces=words.ref).json()
    yield entry("POST", "DocumentReference", document, fullUrl=URN)
    yield entry("GET", words.target)
    yield entry("GET", f"DocumentReference?patient={words.patient}&_summary=count")


def _search(caller: Caller, ask: Ask, words: Words) -> Reply:
    path = ask.text.format(
        p=words.patient,
        d=words.document,
        e=words.other,
        n=words.number,
        b=words.binary,
        l=words.model.id("l", ask.second),
        ins=f"{make.INS}|{words.ins}",
        dref=words.ref,
    )
    return caller.get(path)


URN = "urn:uuid:aaaaaaaa-0000-4000-8000-bbbbbbbbbbbb"
SENDERS: dict[str, Sender] = {
    "read": lambda caller, ask, words: caller.get(words.target + ask.text),
    "search": _search,
    "put": _put,
    "delete": _delete,
    "create": _create,
    "once": _once,
    "pointer": _pointer,
    "grant": _grant,
    "test": _patch({"op": "test", "path": "/status", "value": "current"}),
    "mask": _patch(MASK),
    "unmask": _patch(UNMASK),
    "bundle": _bundle,
}
