"""Random worlds and callers, drawn so that every rule that hides something has its say."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from hypothesis import strategies as st

from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    a_pharmacist,
    a_podiatrist,
    someone,
    the_patient,
    the_representative,
)
from tests.support.two_worlds import Agreement, Model, Paper, Person

_SERIAL = count(1)
PEOPLE, STAFF = 2, 3

places = st.integers(0, STAFF - 1)
people = st.builds(
    Person,
    active=st.sampled_from((True, True, True, True, False)),
    attending=st.lists(places, max_size=1).map(tuple),
    team=st.lists(places, min_size=1, max_size=3, unique=True).map(tuple),
)
agreements = st.one_of(
    st.builds(Agreement, st.integers(0, PEOPLE - 1), st.booleans(), places),
    st.builds(
        Agreement,
        st.integers(0, PEOPLE - 1),
        st.just(False),
        st.none(),
        st.sampled_from(("BTG", "ETREAT")),
    ),
)
papers = st.builds(
    Paper,
    of=st.sampled_from((0, 0, 1)),
    type=st.sampled_from(
        (make.BIOLOGY, make.BIOLOGY, make.HOSPITAL, make.PRESCRIPTION, "REMB", "")
    ),
    labels=st.sampled_from(
        (
            (),
            (),
            ("MASQUE_PS",),
            ("MASQUE_PS",),
            ("INVISIBLE_PATIENT",),
            ("INVISIBLE_REPRESENTANTS_LEGAUX",),
        )
    ),
    author=st.none() | places,
    replaces=st.none() | st.integers(0, 5),
    attached=st.booleans(),
    recent=st.booleans(),
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Draw a world in which a document replaces only earlier ones of the same record."""
    found: list[Paper] = []
    for paper in draw(st.lists(papers, min_size=2, max_size=7)):
        older = paper.replaces
        fits = (
            older is not None
            and older < len(found)
            and bool(paper.type and found[older].type)
            and found[older].of == paper.of
        )
        found.append(paper if fits else _without_replacing(paper))
    lists = draw(
        st.lists(
            st.tuples(
                st.integers(0, PEOPLE - 1),
                st.lists(st.integers(0, len(found) - 1), min_size=2, max_size=5, unique=True),
            ),
            max_size=2,
        )
    )
    own = [(of, tuple(at for at in all_ if found[at].of == of)) for of, all_ in lists]
    return Model(
        "",
        tuple(draw(people) for _ in range(PEOPLE)),
        tuple(draw(st.lists(agreements, max_size=2))),
        tuple(found),
        tuple((of, all_) for of, all_ in own if all_),
        (),
    )


def lived_in(model: Model) -> Model:
    """Return `model` under a name and with professionals that no other world has."""
    staff = (a_doctor(), a_pharmacist(), a_doctor())
    return replace(model, name=f"w{next(_SERIAL):05d}", professionals=staff)


def _without_replacing(paper: Paper) -> Paper:
    return replace(paper, replaces=None)


CALLERS = (
    "member",
    "member",
    "member",
    "emergency",
    "regulator",
    "patient",
    "representative",
    "stranger",
    "hospital",
    "bank",
)


def caller_of(model: Model, name: str, place: int) -> Requester:
    member = model.professionals[place]
    patient = model.patient(place % PEOPLE)
    match name:
        case "member":
            return member
        case "emergency":
            return replace(member, purpose=Purpose.BREAK_GLASS, patient=patient, reason="coma")
        case "regulator":
            return replace(
                member, kind=Kind.SAMU_REGULATOR, purpose=Purpose.REGULATION, patient=patient
            )
        case "patient":
            return the_patient(patient)
        case "representative":
            return the_representative(patient)
        case "stranger":
            return a_podiatrist()
        case "hospital":
            return a_hospital()
        case _:
            return someone(Kind.BANK)
