"""What changes between two matrices or two rule sets, and for whom.

Matrices are compared cell by cell. Rule sets are compared by what the kernel decides in situations in
which one of their members has its say: nothing here says a rule a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import ConsentPolicy, Link, Period, Provision, RecordPolicy
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.ruleset import DAY, RuleSet

_KINDS_OF_COLUMN: Final[Mapping[str, str]] = {
    "ESTABLISHMENT_SOFTWARE": "establishment-software",
    "REFERENCED_SERVICE": "referenced-service",
    "G15_10": "professional, samu-regulator, occupational-medicine",
}
_NAMES: Final = frozenset({"id", "valid_from", "fr", "en"})
_PATIENT, _RPPS = "a", "00000000001"
_KEY: Final = f"rpps:{_RPPS}"
_NOW: Final = 4000 * DAY


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that changes; `kinds` are the kinds of caller that the column is for."""

    type: str
    column: str
    kinds: str
    gained: bool


def changed_cells(before: Matrix, after: Matrix) -> Iterator[Cell]:
    """Yield what each column gains and loses, by column, then type."""
    for column in sorted({*before.readable, *after.readable}):
        old = before.readable.get(column, frozenset())
        new = after.readable.get(column, frozenset())
        kinds = _KINDS_OF_COLUMN.get(column, "professional")
        for type_ in sorted(old ^ new):
            yield Cell(type_, column, kinds, type_ in new)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the rule set that changes."""

    name: str
    before: str
    after: str


def changed_members(before: RuleSet, after: RuleSet) -> Iterator[Member]:
    """Yield the members that differ, those that only name the rule set left out."""
    for one in fields(RuleSet):
        old, new = getattr(before, one.name), getattr(after, one.name)
        if one.name not in _NAMES and old != new:
            yield Member(one.name, _text(old), _text(new))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nobody"
    return str(value).lower() if isinstance(value, bool) else str(value)


# situations --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Situation:
    """Somebody who asks for a document, in words and as the kernel takes it."""

    kind: Kind
    fr: str
    en: str
    requester: Requester
    record: RecordPolicy
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A situation that the two rule sets decide differently."""

    situation: Situation
    gained: bool


def changed_situations(
    before: tuple[RuleSet, Matrix], after: tuple[RuleSet, Matrix]
) -> Iterator[Change]:
    """Yield the situations that come out differently, each with its matrix, in the order told."""
    for situation in situations(before, after):
        verdicts = [_reads(situation, law, matrix) for law, matrix in (before, after)]
        if verdicts[0] != verdicts[1]:
            yield Change(situation, verdicts[1])


def _reads(situation: Situation, law: RuleSet, matrix: Matrix) -> bool:
    sight = Sight(situation.requester, matrix, _NOW, (situation.record,), law)
    return sight.decide(situation.document).permit


def situations(
    before: tuple[RuleSet, Matrix], after: tuple[RuleSet, Matrix]
) -> Iterator[Situation]:
    """Yield the situations in which a member of either rule set has its say."""
    type_ = min(
        set.intersection(*(_of_doctors(matrix) for _, matrix in (before, after))), default=""
    )
    plain = _document(type_)
    yield from _occupational(plain)
    yield from _masked(type_)
    blocked = _record(attending=True, block=True)
    yield Situation(
        Kind.PROFESSIONAL,
        "médecin traitant, bloqué",
        "attending doctor, blocked",
        _doctor(),
        blocked,
        plain,
    )
    days = {law.announcement_days for law, _ in (before, after)}
    for age in sorted({day + step for day in days for step in (-1, 0)}):
        yield Situation(
            Kind.PATIENT,
            f"titulaire, document non visible par le patient, déposé il y a {age} jours",
            f"holder, document invisible to the patient, deposited {age} days ago",
            Requester(Kind.PATIENT, Purpose.PATIENT_REQUEST, patient=_PATIENT),
            _record(),
            _document(type_, "INVISIBLE_PATIENT", age=age),
        )
    yield from _represented(plain)
    yield from _roles(before, after)


def _of_doctors(matrix: Matrix) -> set[str]:
    return set(matrix.readable.get("G15_10", ())) - {"*"}


def _doctor(kind: Kind = Kind.PROFESSIONAL, profession: str = "G15_10") -> Requester:
    return Requester(kind, rpps=_RPPS, profession=profession)


def _occupational(plain: Mapping[str, Any]) -> Iterator[Situation]:
    kind = Kind.OCCUPATIONAL_MEDICINE
    for fr, en, record in (
        ("sans lien", "without a link", _record()),
        ("de l'équipe de soins", "of the care team", _record(team=True)),
        ("nommée par un consentement", "named by a Consent", _record(consent=True)),
    ):
        words = f"médecine du travail, {fr}", f"occupational medicine, {en}"
        yield Situation(kind, *words, _doctor(kind), record, plain)


def _masked(type_: str) -> Iterator[Situation]:
    for fr, en, record, own in (
        ("médecin traitant, document masqué", "attending doctor, masked document", True, False),
        ("auteur, son document masqué", "author, their own masked document", False, True),
    ):
        document = _document(type_, "MASQUE_PS", mine=own)
        policy = _record(attending=record, team=not record)
        yield Situation(Kind.PROFESSIONAL, fr, en, _doctor(), policy, document)


def _represented(plain: Mapping[str, Any]) -> Iterator[Situation]:
    who = Requester(Kind.REPRESENTATIVE, Purpose.PATIENT_REQUEST, patient=_PATIENT)
    measure = Link(f"representative:{_PATIENT}", "protection", "RelatedPerson/r")
    for fr, en, of_age, links in (
        ("d'un mineur", "of a minor", _NOW + 1, ()),
        ("d'un majeur", "of an adult", _NOW, ()),
        ("d'un majeur protégé", "of a protected adult", _NOW, (measure,)),
    ):
        record = RecordPolicy(_PATIENT, "1", links=links, of_age=of_age)
        words = f"représentant {fr}", f"representative {en}"
        yield Situation(Kind.REPRESENTATIVE, *words, who, record, plain)


def _roles(before: tuple[RuleSet, Matrix], after: tuple[RuleSet, Matrix]) -> Iterator[Situation]:
    for column in sorted({c for _, matrix in (before, after) for c in matrix.role_columns}):
        types = {t for _, matrix in (before, after) for t in matrix.readable.get(column, ())}
        for type_ in sorted(types):
            yield Situation(
                Kind.PROFESSIONAL,
                f"profession `{column}` de l'équipe de soins, type `{type_}`",
                f"profession `{column}` of the care team, type `{type_}`",
                _doctor(profession=column),
                _record(team=True),
                _document(type_),
            )


def _record(
    *, attending: bool = False, team: bool = False, consent: bool = False, block: bool = False
) -> RecordPolicy:
    links = [Link(_KEY, "attending", f"Patient/{_PATIENT}")] if attending else []
    links += [Link(_KEY, "care-team", "CareTeam/t")] if team else []
    consents = [
        ConsentPolicy("c", 1, Period(), Provision(permits, actors=(_KEY,), names_actor=True))
        for permits, said in ((True, consent), (False, block))
        if said
    ]
    return RecordPolicy(_PATIENT, "1", links=tuple(links), consents=tuple(consents))


def _document(type_: str, *labels: str, mine: bool = False, age: int = 3000) -> Mapping[str, Any]:
    author = _KEY if mine else "rpps:00000000002"
    return {
        "patient": _PATIENT,
        "governance": "record",
        "ref": "DocumentReference/d",
        "types": [type_],
        "classes": ["DocumentReference"],
        "labels": ["N", *labels],
        "authors": [author],
        "owner": author,
        "deposited": _NOW - age * DAY,
    }
