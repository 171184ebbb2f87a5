"""Why a document is known or not: every rule that spoke, and what each rests on.

The verdict is that of `Sight.decide`; nothing is decided a second time here. Each rule that spoke
of the document is told in the order of precedence, with what made it speak: the Consent in its
version and the provision of it that decided, the link and the resource that says so, the label,
the purpose; and, where the habilitation matrix was asked (R37), its cells.

What no rule of a record says is said under four more names, so that always: a document is known
when something permits and nothing forbids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fhir_server.consent import facts
from fhir_server.consent.engine import Sight
from fhir_server.consent.grounds import Facts, Ground, grounds
from fhir_server.consent.requester import Kind
from fhir_server.consent.rules import RULES, Case
from fhir_server.predicate import holds

Effect: TypeAlias = Literal["forbid", "permit"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the habilitation matrix (R37): `profession` is its column, `type` its row.

    `right` is `read` or `none`; a type or profession that the matrix lacks is `none`.
    """

    profession: str
    type: str
    right: Literal["read", "none"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One rule that spoke of the document, its text in French and English, and its grounds."""

    rule: str
    effect: Effect
    sources: tuple[str, ...]
    fr: str
    en: str
    grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the caller may know the document, and why, strongest reason first.

    `cells` are those of the matrix that count for this caller and document; none where the matrix
    is not asked.
    """

    known: bool
    rules: tuple[Spoken, ...]
    cells: tuple[Cell, ...] = ()


TRUSTED: Final = Spoken(
    "trusted-system",
    "permit",
    (),
    "Le système de confiance est hors des règles.",
    "The trusted system is outside the rules.",
)
OUTSIDE: Final = Spoken(
    "outside-records",
    "permit",
    (),
    "Hors de tout dossier : annuaire, référentiel, dépôt de l'appelant, ou trace lue par l'auditeur.",
    "Outside every record: directory, knowledge, the caller's deposit, or a trace for the auditor.",
)
POINTS_TO_HIDDEN: Final = Spoken(
    "points-to-hidden",
    "forbid",
    (),
    "Rien de ce que la ressource désigne n'est connu de l'appelant.",
    "Nothing that the resource points to is known to the caller.",
)
NOTHING_PERMITS: Final = Spoken(
    "nothing-permits",
    "forbid",
    ("R15",),
    "Aucune règle n'ouvre ce document à l'appelant.",
    "No rule opens this document to the caller.",
)
BESIDE_THE_TABLE: Final = (TRUSTED, OUTSIDE, POINTS_TO_HIDDEN, NOTHING_PERMITS)
"""What is said where no rule of a record speaks; design/consent.md section 3, default deny."""


def explain(sight: Sight, document: Facts) -> Explanation:
    """Return the verdict of `sight` on the facts of one document, and everything that made it."""
    decision = sight.decide(document)
    cases = {policy.patient: sight.case(policy) for policy in sight.policies}
    case = cases.get(document.get(facts.PATIENT, ""))
    spoken = [
        Spoken(
            reason.rule,
            "forbid" if reason.effect == "forbid" else "permit",
            reason.sources,
            reason.fr,
            reason.en,
            tuple(grounds(reason.rule, case, document)) if case is not None else (),
        )
        for reason in decision.reasons
    ]
    more = _beside(sight, document, spoken, known=decision.permit)
    cells = tuple(_cells(case, document)) if case is not None else ()
    return Explanation(decision.permit, (*more, *spoken), cells)


def _beside(
    sight: Sight, document: Facts, spoken: list[Spoken], *, known: bool
) -> tuple[Spoken, ...]:
    """Return what no rule of a record says and the verdict rests on, if anything."""
    if sight.requester.kind is Kind.TRUSTED_SYSTEM:
        return (TRUSTED,)
    permits = any(one.effect == "permit" for one in spoken)
    forbids = any(one.effect == "forbid" for one in spoken)
    if known and not permits:
        return (OUTSIDE,)
    if not known and permits and not forbids:
        return (POINTS_TO_HIDDEN,)
    return () if permits or forbids else (NOTHING_PERMITS,)


# the matrix --------------------------------------------------------------------------------------


def _cells(case: Case, document: Facts) -> Iterator[Cell]:
    """Yield the cells that the document is judged by, as the rule itself reads them.

    It shuts a document without a type wherever it is asked: so it tells whom it spares.
    """
    shut = next(rule for rule in RULES if rule.id == "not-habilitated").reading(case)
    types = document.get(facts.TYPES, ())
    if types and holds(shut, {**document, facts.TYPES: ()}):
        column = case.matrix.column_of(case.requester)
        for type_ in types:
            is_shut = holds(shut, {**document, facts.TYPES: (type_,)})
            yield Cell(column, type_, "none" if is_shut else "read")
