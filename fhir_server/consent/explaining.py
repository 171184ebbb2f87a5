"""Why a document is known or not: every rule that spoke, and what each rests on.

The verdict is that of `Sight.decide`; nothing is decided a second time here. Each rule that spoke
of the document is told in the order of precedence, with what made it speak: the Consent in its
version and the provision of it that decided, the link and the resource that says so, the label,
the purpose; and, where the habilitation matrix was asked (R37), its cells.

What no rule of a record says is said under four more names, so that always: a document is known
when something permits and nothing forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from fhir_server.consent import facts
from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import ConsentPolicy, Provision
from fhir_server.consent.provision import denied, permitted
from fhir_server.consent.requester import Kind, Purpose
from fhir_server.consent.rules import RULES, Case
from fhir_server.predicate import holds

Facts: TypeAlias = Mapping[str, Any]
Effect: TypeAlias = Literal["forbid", "permit"]

ROOT: Final = "Consent.provision"


@dataclass(frozen=True, slots=True)
class ByConsent:
    """A Consent, `Consent/id/_history/version`, and the path of the provision that decided.

    `understood` is false when something in that provision could not be read exactly: a deny then
    holds without its conditions.
    """

    consent: str
    provision: str
    understood: bool


@dataclass(frozen=True, slots=True)
class ByLink:
    """A tie between caller and record: its kind, and the resource that says so (`Type/id`)."""

    via: str
    source: str


@dataclass(frozen=True, slots=True)
class ByLabel:
    """A label of the document."""

    code: str


@dataclass(frozen=True, slots=True)
class ByPurpose:
    """The purpose under which the caller asks."""

    code: str


@dataclass(frozen=True, slots=True)
class ByStatus:
    """The resource whose status says so (`Type/id`)."""

    source: str


Ground: TypeAlias = ByConsent | ByLink | ByLabel | ByPurpose | ByStatus


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
            tuple(_grounds(reason.rule, case, document)) if case is not None else (),
        )
        for reason in decision.reasons
    ]
    more = _beside(sight, document, spoken, known=decision.permit)
    cells = tuple(_cells(case, document)) if case is not None else ()
    return Explanation(decision.permit, (*more, *spoken), cells)


def policy_hash(matrix: Matrix) -> str:
    """Return the hash of the rules and of the matrix that a decision was made under, in hex."""
    rules = [(rule.id, rule.effect, rule.sources) for rule in RULES]
    return sha256(repr((rules, matrix.version)).encode()).hexdigest()


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


# what a rule rests on ----------------------------------------------------------------------------


def _labelled(code: str) -> Callable[[Case, Facts], Iterator[Ground]]:
    def grounds(case: Case, document: Facts) -> Iterator[Ground]:
        yield ByLabel(code)

    return grounds


def _linked(via: str) -> Callable[[Case, Facts], Iterator[Ground]]:
    def grounds(case: Case, document: Facts) -> Iterator[Ground]:
        found = (
            ByLink(link.via, link.source)
            for link in case.policy.links
            if link.via == via and link.key in case.keys and link.period.covers(case.at)
        )
        yield from dict.fromkeys(found)

    return grounds


def _emergency(case: Case, document: Facts) -> Iterator[Ground]:
    yield from _linked("break-glass")(case, document)
    if case.requester.purpose in (Purpose.BREAK_GLASS, Purpose.REGULATION):
        yield ByPurpose(case.requester.purpose)


def _closed(case: Case, document: Facts) -> Iterator[Ground]:
    yield ByStatus(f"Patient/{case.policy.patient}")


def _granting(case: Case, document: Facts) -> Iterator[Ground]:
    def gives(consent: ConsentPolicy) -> bool:
        return holds(permitted(consent, case.requester, case.keys, case.at), document)

    return _deciding(case.policy.consents, gives)


def _taking(case: Case, document: Facts) -> Iterator[Ground]:
    def takes(consent: ConsentPolicy) -> bool:
        return holds(denied(consent, case.requester, case.keys, case.at), document)

    return _deciding(case.policy.consents, takes)


_GROUNDS: Final[Mapping[str, Callable[[Case, Facts], Iterator[Ground]]]] = {
    "record-closed": _closed,
    "blocked-or-opposed": _taking,
    "masked-to-professionals": _labelled(facts.MASQUE_PS),
    "invisible-to-patient": _labelled(facts.INVISIBLE_PATIENT),
    "invisible-to-representatives": _labelled(facts.INVISIBLE_REPRESENTANTS_LEGAUX),
    "attending-doctor": _linked("attending"),
    "care-team": _linked("care-team"),
    "authorised": _granting,
    "break-glass": _emergency,
    "regulation": _emergency,
}
"""What each rule rests on beside the caller's kind, which `Requester` says."""


def _grounds(rule: str, case: Case, document: Facts) -> Iterator[Ground]:
    found = _GROUNDS.get(rule)
    return found(case, document) if found is not None else iter(())


def _deciding(
    consents: tuple[ConsentPolicy, ...], speaks: Callable[[ConsentPolicy], bool]
) -> Iterator[ByConsent]:
    """Yield every Consent that speaks, with the innermost provision without which it would not."""
    for consent in consents:
        if speaks(consent):
            place = _place(consent, speaks)
            path = ROOT + "".join(f".provision[{index}]" for index in place)
            version = f"Consent/{consent.id}/_history/{consent.version}"
            yield ByConsent(version, path, _at(consent.root, place).exact)


def _place(
    consent: ConsentPolicy, speaks: Callable[[ConsentPolicy], bool], place: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """Return where in `consent`, which speaks, stands the provision that decides.

    A provision decides by itself, or by one of those of its own type nested in it; to know which,
    the Consent is read again without them, and with one of them at a time.
    """
    here = _at(consent.root, place)
    same = [n for n, inner in enumerate(here.nested) if inner.permits == here.permits]
    if not same or speaks(_keeping(consent, place, None)):
        return place
    for index in same:
        if speaks(_keeping(consent, place, index)):
            return _place(consent, speaks, (*place, index))
    return place


def _at(root: Provision, place: tuple[int, ...]) -> Provision:
    for index in place:
        root = root.nested[index]
    return root


def _keeping(consent: ConsentPolicy, place: tuple[int, ...], only: int | None) -> ConsentPolicy:
    """Return `consent` where the provision at `place` has lost those of its own type, but `only`.

    They are replaced by one that never speaks, so that places stay what they are.
    """
    return replace(consent, root=_lessened(consent.root, place, only))


def _lessened(provision: Provision, place: tuple[int, ...], only: int | None) -> Provision:
    if place:
        first, rest = place[0], place[1:]
        nested = tuple(
            _lessened(inner, rest, only)
            if index == first
            else (_silenced(inner) if inner.permits == provision.permits else inner)
            for index, inner in enumerate(provision.nested)
        )
        return replace(provision, nested=nested)
    return replace(
        provision,
        nested=tuple(
            _silenced(inner) if inner.permits == provision.permits and index != only else inner
            for index, inner in enumerate(provision.nested)
        ),
    )


def _silenced(provision: Provision) -> Provision:
    """Return a provision that concerns no caller: it names an actor, and nobody as such."""
    return replace(provision, names_actor=True, actors=(), nested=())


# the matrix --------------------------------------------------------------------------------------


def _cells(case: Case, document: Facts) -> Iterator[Cell]:
    """Yield the cells that the document is judged by; the attending doctor and authors are spared."""
    spared = case.attending or bool(case.keys.intersection(document.get(facts.AUTHORS, ())))
    if not case.professional or spared or document.get(facts.GOVERNANCE) != "record":
        return
    readable = case.matrix.types_for(case.requester)
    for type_ in document.get(facts.TYPES, ()):
        yield Cell(
            case.matrix.column_of(case.requester), type_, "read" if type_ in readable else "none"
        )
