"""Random worlds: callers, records and documents, drawn so that every rule has its say."""

from __future__ import annotations

from random import Random
from typing import Any

from fhir_server.consent.policy import (
    ConsentPolicy,
    Link,
    Period,
    Provision,
    RecordPolicy,
    Session,
)
from fhir_server.consent.requester import Kind, Purpose, Requester
from tests.oracle.records import BIOLOGY, DAY, HOSPITAL, NOW, PRESCRIPTION

PATIENTS = ("anna", "bruno")
RPPS = ("10000000001", "10000000002", "10000000003")
FINESS = ("750000001", "750000002")
TEAMS = ("CareTeam/t1", "CareTeam/t2", "Group/g1")
CLIENTS = ("", "software-a", "software-b")
TYPES = (BIOLOGY, HOSPITAL, PRESCRIPTION, "unknown-type")
PROFESSIONS = ("G15_10", "G15_21", "G15_99", "")
LABELS = (
    "N",
    "R",
    "V",
    "ETH",
    "ETHUD",
    "MASQUE_PS",
    "INVISIBLE_PATIENT",
    "INVISIBLE_REPRESENTANTS_LEGAUX",
)
CARE = ("record",) * 6 + ("pointer", "binary", "patient", "careteam", "policy", "trace")
OUTSIDE = ("directory", "knowledge", "restricted", "trace", "record", "pointer", "binary")
REFS = tuple(f"DocumentReference/d{n}" for n in range(6))
PEOPLE = tuple(f"rpps:{n}" for n in RPPS) + tuple(f"finess:{n}" for n in FINESS)
KEYS = PEOPLE + tuple(f"team:{team}" for team in TEAMS) + ("representative:anna",)
CODES = ("http://loinc.org|718-7", "*|718-7", "http://loinc.org|2160-0", "*|2160-0")
MOSTLY = (Kind.PROFESSIONAL,) * 12 + (Kind.PATIENT, Kind.REPRESENTATIVE, Kind.SAMU_REGULATOR) * 2


def a_requester(random: Random) -> Requester:
    kind = random.choice((*MOSTLY, *Kind))
    person = kind in (Kind.PROFESSIONAL, Kind.SAMU_REGULATOR, Kind.SECRETARY, Kind.AUDITOR)
    return Requester(
        kind=kind,
        purpose=random.choice((Purpose.TREATMENT, Purpose.TREATMENT, *Purpose)),
        rpps=random.choice(RPPS) if person else "",
        profession=random.choice(PROFESSIONS) if person else "",
        organization=random.choice((*FINESS, "")),
        patient=random.choice((*PATIENTS, *PATIENTS, "")),
        reason=random.choice(("", "coma")),
        client=random.choice(CLIENTS),
    )


def a_period(random: Random) -> Period:
    """A period that mostly covers now, with bounds that now and then fall on it exactly."""
    start = random.choice((-(2**62), NOW - 9 * DAY, NOW, NOW - 1, NOW + 1))
    end = random.choice((2**62, 2**62, NOW + 9 * DAY, NOW, NOW + 1))
    return Period(start, end)


def a_record(random: Random, patient: str) -> RecordPolicy:
    links = tuple(
        Link(
            random.choice(PEOPLE),
            random.choice(("attending", "care-team", "care-team", "group")),
            random.choice((f"Patient/{patient}", *TEAMS)),
            a_period(random),
        )
        for _ in range(random.randrange(4))
    )
    consents = tuple(
        ConsentPolicy(
            f"c{n}", 1, a_period(random), a_provision(random, 3), masks=random.random() < 0.2
        )
        for n in range(random.randrange(4))
    )
    sessions = tuple(a_session(random) for _ in range(random.choice((0, 0, 1, 2))))
    return RecordPolicy(patient, "1", random.random() < 0.1, links, consents, sessions)


def a_session(random: Random) -> Session:
    """An emergency that somebody opened, in one software or in any."""
    key = f"rpps:{random.choice(RPPS)}"
    return Session(key, random.choice(CLIENTS), "Task/s", "coma", a_period(random))


def a_provision(random: Random, depth: int) -> Provision:
    """A provision nested up to `depth` deep; each element is there one time in a few."""

    def some(values: tuple[str, ...], chance: float) -> tuple[str, ...]:
        if random.random() >= chance:
            return ()
        return tuple(sorted(random.sample(values, random.randint(1, 2))))

    actors = some(KEYS, 0.7 if depth == 3 else 0.2)
    nested = random.randrange(3) if depth > 1 else 0
    return Provision(
        permits=random.random() < 0.6,
        period=a_period(random) if random.random() < 0.3 else Period(),
        actors=actors,
        names_actor=bool(actors) or random.random() < 0.1,
        purposes=some(("TREAT", "BTG", "ETREAT", "PATRQT", "HRESCH"), 0.2),
        actions=some(("access", "use", "collect", "correct"), 0.15),
        labels=some(LABELS, 0.15),
        classes=some(("DocumentReference", "Observation", "10"), 0.15),
        codes=some((*TYPES, *CODES), 0.2),
        data_period=a_span(random) if random.random() < 0.1 else None,
        instances=some(REFS, 0.1),
        authored_by=some(PEOPLE, 0.1),
        referring=some(REFS, 0.1),
        exact=random.random() < 0.9,
        nested=tuple(a_provision(random, depth - 1) for _ in range(nested)),
    )


def a_span(random: Random) -> Period:
    start = NOW - random.randrange(20) * 100 * DAY
    return Period(start, start + random.randrange(1, 10) * 100 * DAY)


def a_document(random: Random, *, depth: int = 3) -> dict[str, Any]:
    """Facts of anything; `targets` up to `depth` deep for what points."""
    inside = random.random() < 0.85
    governance = random.choice(CARE if inside else OUTSIDE)
    authors = random.sample(PEOPLE, random.randint(1, 2))
    month = 30 * DAY
    deposited = NOW - random.choice((0, DAY, month - 1, month, month + 1, 400 * DAY))
    found: dict[str, Any] = {
        "ref": random.choice(REFS),
        "governance": governance,
        "classes": random.sample(("DocumentReference", "Observation", "10"), 2),
        "labels": sorted({"N", *random.sample(LABELS, random.choice((0, 0, 1, 2)))}),
        "authors": sorted(authors),
        "owner": random.choice((authors[0], f"patient:{PATIENTS[0]}")),
        "deposited": deposited,
    }
    if inside:
        found["patient"] = random.choice(PATIENTS)
    elif random.random() < 0.2:
        found["shared"] = True
    if governance == "record":
        found["types"] = random.sample(TYPES, random.choice((1, 1, 1, 2)))
    if random.random() < 0.3:
        found["codes"] = random.choice((CODES[:2], CODES[2:]))
    if random.random() < 0.5:
        found["refers"] = random.sample(REFS, random.randint(1, 2))
    if random.random() < 0.5:
        span = a_span(random)
        found["dated"] = [{"lo": span.start, "hi": span.end}]
    if governance in ("pointer", "binary") and depth and random.random() < 0.8:
        count = random.randint(1, 3)
        found["targets"] = [a_target(random, depth - 1) for _ in range(count)]
    if governance == "binary" and depth and random.random() < 0.3:
        found["context"] = [a_target(random, depth - 1)]
    return found


def a_target(random: Random, depth: int) -> dict[str, Any]:
    """Facts of what is pointed to; of a deleted resource its reference alone is left."""
    if random.random() < 0.1:
        return {"ref": random.choice(REFS)}
    return a_document(random, depth=depth)


def records(random: Random) -> tuple[RecordPolicy, ...]:
    """The records whose policy is at hand; now and then one of them is not."""
    return tuple(a_record(random, patient) for patient in PATIENTS if random.random() < 0.95)
