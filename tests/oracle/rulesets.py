"""Rule sets drawn at random, and worlds in which each of their members has its say."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import ConsentPolicy, Link, RecordPolicy
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.ruleset import RuleSet
from tests.oracle.records import BIOLOGY, DAY, MATRIX, NOW, PRESCRIPTION, permit
from tests.oracle.worlds import RPPS, a_period, a_requester, records

OSTEOPATH = "R95_71"
WIDER_MATRIX = Matrix(
    {**MATRIX.readable, OSTEOPATH: frozenset({BIOLOGY, PRESCRIPTION})}, rows=MATRIX.rows
)
"""With a profession that is none of health (R27)."""


def a_rule_set(random: Random) -> RuleSet:
    return RuleSet(
        id="drawn",
        occupational_medicine=random.choice(("never", "express-consent")),
        masked_spares=tuple(
            whom for whom in ("attending-doctor", "author") if random.random() < 0.6
        ),
        attending_blockable=random.random() < 0.5,
        announcement_days=random.choice((1, 30, 31, 400)),
        representation=random.choice(("token", "minors-and-measures")),
        role_professions=random.random() < 0.5,
    )


def a_concerned_requester(random: Random) -> Requester:
    """Draw a caller of whom rule sets say different things, half of the time."""
    drawn = a_requester(random)
    match random.randrange(6):
        case 0:
            named = random.choice((*RPPS, ""))
            return replace(drawn, kind=Kind.OCCUPATIONAL_MEDICINE, rpps=named)
        case 1:
            own = Purpose.PATIENT_REQUEST
            return replace(drawn, kind=Kind.REPRESENTATIVE, purpose=own, rpps="")
        case 2:
            return replace(drawn, kind=Kind.PROFESSIONAL, rpps=RPPS[0], profession=OSTEOPATH)
        case _:
            return drawn


def concerned_records(random: Random) -> tuple[RecordPolicy, ...]:
    """Draw records with a majority, measures of protection and consents by name."""
    return tuple(_concerned(random, record) for record in records(random))


def _concerned(random: Random, record: RecordPolicy) -> RecordPolicy:
    links, consents = list(record.links), list(record.consents)
    if random.random() < 0.4:
        key = f"representative:{record.patient}"
        links.append(Link(key, "protection", "RelatedPerson/r", a_period(random)))
    if random.random() < 0.5:
        by_name = permit(f"rpps:{random.choice(RPPS)}")
        consents.append(ConsentPolicy("named", 1, a_period(random), by_name))
    of_age = random.choice((2**62, NOW - DAY, NOW, NOW + 1, NOW + DAY))
    return replace(record, links=tuple(links), consents=tuple(consents), of_age=of_age)
