"""Random worlds and callers, drawn so that every rule that hides something has its say."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from hypothesis import strategies as st

from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.support import resources as make
from tests.support.model import DOCUMENT, Agreement, Clause, Model, Paper, Person, Pointer
from tests.support.people import (
    a_doctor,
    a_hospital,
    a_pharmacist,
    a_podiatrist,
    an_administrator,
    someone,
    the_patient,
    the_representative,
)

_SERIAL = count(1)
PEOPLE, STAFF, PAPERS = 2, 4, 8
"""At most so many in a world; the last of the staff is the software of a hospital."""

_people_places = st.integers(0, PEOPLE - 1)
places = st.integers(0, STAFF - 1)
people = st.builds(
    Person,
    active=st.sampled_from((True, True, True, True, True, False)),
    attending=st.lists(st.integers(0, STAFF - 2), max_size=1).map(tuple),
    team=st.lists(places, min_size=1, max_size=3, unique=True).map(tuple),
    team_over=st.sampled_from((False, False, False, True)),
    minor=st.booleans(),
)
LABELS = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")
TYPES = (make.BIOLOGY, make.HOSPITAL, make.PRESCRIPTION, "REMB")
KINDS = (DOCUMENT, DOCUMENT, DOCUMENT, "Observation", "Condition", "MedicationRequest")
labels = st.sampled_from((*((),) * 4, *((label,) for label in (LABELS[0], *LABELS))))


def clauses(depth: int, permits: st.SearchStrategy[bool]) -> st.SearchStrategy[Clause]:
    """Draw a provision that nests up to `depth` deep; most elements are left out."""
    inner = st.just(()) if depth == 1 else _nested(depth)
    return st.builds(
        Clause,
        permits=permits,
        actor=st.none() | places if depth < 3 else places,
        purpose=st.sampled_from(("", "", "", "TREAT", "BTG", "ETREAT", "PATRQT")),
        label=st.sampled_from(("", "", "", "", "N", "R")),
        type=st.sampled_from(("", "", "", "", *TYPES)),
        kind=st.sampled_from(("", "", "", "", DOCUMENT, "Observation", "Condition")),
        when=st.sampled_from(("", "", "", "now", "past", "future")),
        paper=st.sampled_from((None, None, None, None, 0, 1)),
        author=st.sampled_from((None, None, None, None, 0, 1)),
        old=st.sampled_from((False, False, False, False, True)),
        nested=inner,
    )


def _nested(depth: int) -> st.SearchStrategy[tuple[Clause, ...]]:
    inner = st.deferred(lambda: clauses(depth - 1, st.booleans()))
    return st.just(()) | st.just(()) | st.lists(inner, min_size=1, max_size=2).map(tuple)


agreements = st.one_of(
    st.builds(Agreement, _people_places, st.builds(Clause, st.just(True), places)),
    st.builds(
        Agreement,
        _people_places,
        clauses(3, st.sampled_from((True, True, False))),
        st.sampled_from((*("active",) * 5, "draft", "inactive", "rejected", "entered-in-error")),
    ),
    st.builds(
        Agreement,
        _people_places,
        st.builds(Clause, st.just(False), purpose=st.sampled_from(("BTG", "ETREAT"))),
    ),
)
papers = st.builds(
    Paper,
    of=st.sampled_from((0, 0, 1)),
    kind=st.sampled_from(KINDS),
    type=st.sampled_from((make.BIOLOGY, *TYPES)),
    labels=labels,
    author=st.none() | places,
    replaces=st.none() | st.integers(0, 5),
    attached=st.booleans(),
    recent=st.booleans(),
    once=st.sampled_from((None, None, None, (), ("MASQUE_PS",), ("INVISIBLE_PATIENT",))),
    gone=st.sampled_from((*(False,) * 7, True)),
)
pointers = st.builds(
    Pointer,
    st.sampled_from(("List", "List", "Composition", "Provenance", "Task", "Communication")),
    _people_places,
    st.lists(st.integers(0, PAPERS - 1), min_size=2, max_size=4, unique=True).map(tuple),
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Draw a world; what can't be is made good: a paper replaces an earlier one of its record."""
    found: list[Paper] = []
    for paper in draw(st.lists(papers, min_size=2, max_size=PAPERS)):
        found.append(_possible(paper, found))
    law = [_within(one, len(found)) for one in draw(st.lists(agreements, max_size=3))]
    pointing = [_own(one, found) for one in draw(st.lists(pointers, max_size=3))]
    return Model(
        "",
        tuple(draw(people) for _ in range(PEOPLE)),
        tuple(law),
        tuple(found),
        tuple(one for one in pointing if one.papers),
        (),
    )


def _possible(paper: Paper, earlier: list[Paper]) -> Paper:
    is_document = paper.kind == DOCUMENT
    older = paper.replaces
    fits = (
        older is not None
        and older < len(earlier)
        and is_document
        and earlier[older].kind == DOCUMENT
        and earlier[older].of == paper.of
    )
    return replace(
        paper,
        replaces=older if fits else None,
        attached=paper.attached and is_document and not paper.gone,
        author=paper.author if is_document else None,
    )


def _within(one: Agreement, papers: int) -> Agreement:
    def cut(clause: Clause) -> Clause:
        paper = clause.paper if clause.paper is None or clause.paper < papers else None
        return replace(clause, paper=paper, nested=tuple(map(cut, clause.nested)))

    return replace(one, root=cut(one.root))


def _own(one: Pointer, papers: list[Paper]) -> Pointer:
    own = (at for at in one.papers if at < len(papers) and papers[at].of == one.of)
    return replace(one, papers=tuple(own))


def lived_in(model: Model) -> Model:
    """Return `model` under a name and with professionals that no other world has."""
    hospital = a_hospital()
    staff = (a_doctor(), a_pharmacist(), a_doctor(organization=hospital.organization), hospital)
    return replace(model, name=f"w{next(_SERIAL):05d}", professionals=staff)


CALLERS = (
    *("member",) * 6,
    *("emergency", "regulator", "patient", "representative") * 2,
    *("stranger", "hospital", "administrator", "service", "feed", "excluded"),
)
"""Everybody but the auditor, who knows every trace: those of the loading too, which differ."""
_EXCLUDED = (Kind.BANK, Kind.INSURER, Kind.OCCUPATIONAL_MEDICINE, Kind.SECRETARY)


def caller_of(model: Model, name: str, place: int) -> Requester:  # noqa: C901 (one case a name)
    member = model.professionals[place]
    patient = model.patient(place % PEOPLE)
    doctor = model.professionals[place % (STAFF - 1)]
    match name:
        case "member":
            return member
        case "emergency":
            return replace(doctor, purpose=Purpose.BREAK_GLASS, patient=patient, reason="coma")
        case "regulator":
            return replace(
                doctor, kind=Kind.SAMU_REGULATOR, purpose=Purpose.REGULATION, patient=patient
            )
        case "patient":
            return the_patient(patient)
        case "representative":
            return the_representative(patient)
        case "stranger":
            return a_podiatrist()
        case "hospital":
            return a_hospital()
        case "administrator":
            return an_administrator()
        case "service":
            return replace(a_hospital(), kind=Kind.REFERENCED_SERVICE)
        case "feed":
            return someone(Kind.HEALTH_INSURANCE_FEED, purpose=Purpose.FEED)
        case _:
            return someone(_EXCLUDED[place % len(_EXCLUDED)])
