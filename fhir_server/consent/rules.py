"""The rules, as a table: who may not, then who may. Each is written once, as a predicate.

The order is that of precedence (design/consent.md section 3), strongest first. A rule's
`reading` answers: of this record, for this caller, now: which documents does the rule speak of?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from fhir_server.consent import facts
from fhir_server.consent.matrix import Matrix
from fhir_server.consent.policy import RecordPolicy, Session
from fhir_server.consent.provision import denied, permitted
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.ruleset import (
    ATTENDING_DOCTOR,
    AUTHOR,
    MINORS_AND_MEASURES,
    NEVER_READ,
    ORIGINAL,
    RuleSet,
)
from fhir_server.predicate import (
    ALWAYS,
    NEVER,
    After,
    Has,
    Predicate,
    all_of,
    any_of,
    negate,
    one_of,
)

EXCLUDED: Final = NEVER_READ
"""Kinds that read nothing under any rule set; `RuleSet.excluded` may name one more (R32)."""
PROFESSIONAL: Final = frozenset(
    {
        Kind.PROFESSIONAL,
        Kind.SAMU_REGULATOR,
        Kind.ESTABLISHMENT_SOFTWARE,
        Kind.REFERENCED_SERVICE,
    }
)
"""Callers to whom the record opens only by a link, a Consent or an emergency."""

CARE: Final = ("record", "pointer", "binary", "patient", "careteam", "policy")
"""Governances that a professional's link opens; traces have rules of their own (R72)."""


@dataclass(frozen=True)
class Case:
    """A caller, a record and an instant: what a rule is read for."""

    requester: Requester
    policy: RecordPolicy
    matrix: Matrix
    at: int
    keys: frozenset[str]
    rule_set: RuleSet = ORIGINAL

    @property
    def professional(self) -> bool:
        """Tell whether the caller needs a link, a Consent or an emergency."""
        return self.requester.kind in PROFESSIONAL or self.by_name_only

    @property
    def by_name_only(self) -> bool:
        """Tell whether nothing but a Consent that names the caller opens the record (R32)."""
        kind = self.requester.kind
        return kind is Kind.OCCUPATIONAL_MEDICINE and kind not in self.rule_set.excluded

    @property
    def named(self) -> frozenset[str]:
        """Return the keys by which a Consent can permit the caller.

        Express consent is given to a person: not to their structure, nor to a team (R32).
        """
        if not self.by_name_only:
            return self.keys
        return self.requester.alone if self.requester.rpps else frozenset()

    @property
    def attending(self) -> bool:
        """Tell whether the caller is the record's attending doctor now (R20)."""
        return self.linked("attending")

    @property
    def represents(self) -> bool:
        """Tell whether a representative of this record still is one (R54, R57)."""
        if self.rule_set.representation != MINORS_AND_MEASURES:
            return True
        return self.at < self.policy.of_age or self.linked("protection")

    def linked(self, via: str) -> bool:
        """Tell whether a link of kind `via` ties the caller to the record now."""
        return not self.by_name_only and any(
            link.via == via and link.key in self.keys and link.period.covers(self.at)
            for link in self.policy.links
        )

    def about(self) -> bool:
        """Tell whether the caller's token names this very record."""
        return self.requester.patient == self.policy.patient

    @property
    def session(self) -> Session | None:
        """Return the emergency session that the caller has open on the record now (R63).

        The last one opened, where there are several.
        """
        if self.requester.kind is not Kind.PROFESSIONAL:
            return None
        who, clients = self.requester.identity, ("", self.requester.client)
        mine = (one for one in self.policy.sessions if one.key == who and one.client in clients)
        open_ = (one for one in mine if one.period.covers(self.at))
        return max(open_, key=lambda one: (one.period.start, one.task), default=None)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where it is written, and which documents of a record it speaks of."""

    id: str
    effect: Literal["forbid", "permit"]
    sources: tuple[str, ...]
    reading: Callable[[Case], Predicate]
    fr: str
    en: str


def _when(condition: bool, predicate: Predicate = ALWAYS) -> Predicate:
    return predicate if condition else NEVER


def _own(case: Case) -> Predicate:
    """Return what the caller wrote (R44): they or their structure, for no team is an author."""
    return one_of(facts.AUTHORS, case.requester.keys)


def _blocks(case: Case) -> Predicate:
    consents = tuple(consent for consent in case.policy.consents if not consent.masks)
    if case.requester.kind is Kind.REPRESENTATIVE:  # denied by name, never with everybody
        consents = tuple(consent for consent in consents if consent.root.names_actor)
    elif not case.professional or (case.attending and not case.rule_set.attending_blockable):
        return NEVER
    return any_of(*(denied(consent, case.requester, case.keys, case.at) for consent in consents))


def _masked(case: Case) -> Predicate:
    attending = case.attending and case.rule_set.spares(ATTENDING_DOCTOR)
    if not case.professional or attending:
        return NEVER
    said = (
        denied(consent, case.requester, case.keys, case.at)
        for consent in case.policy.consents
        if consent.masks
    )
    hidden = any_of(Has(facts.LABELS, facts.MASQUE_PS), *said)
    spared = _own(case) if case.rule_set.spares(AUTHOR) else NEVER
    return all_of(hidden, negate(spared))


def _invisible_to_patient(case: Case) -> Predicate:
    recent = After(facts.DEPOSITED, case.at - case.rule_set.announcement)
    mine = case.requester.kind in (Kind.PATIENT, Kind.REPRESENTATIVE)
    return _when(mine, all_of(Has(facts.LABELS, facts.INVISIBLE_PATIENT), recent))


def _not_habilitated(case: Case) -> Predicate:
    if not case.professional or case.attending:
        return NEVER
    matrix = case.matrix if case.rule_set.role_professions else case.matrix.of_health_professions
    readable = one_of(facts.TYPES, matrix.types_for(case.requester))
    against = one_of(facts.TYPES, matrix.types_against(case.requester))
    shut = any_of(negate(readable), against)
    return all_of(Has(facts.GOVERNANCE, "record"), shut, negate(_own(case)))


def _authorised(case: Case) -> Predicate:
    if not case.professional:
        return NEVER
    granted = any_of(
        *(
            permitted(consent, case.requester, case.named, case.at)
            for consent in case.policy.consents
        )
    )
    return all_of(one_of(facts.GOVERNANCE, CARE), granted)


def _doctor(case: Case) -> bool:
    """Tell whether the caller is a doctor: only those regulate (R64)."""
    return case.requester.profession == "G15_10"


def _emergency(case: Case, *kinds: Kind, purpose: Purpose, reason: bool) -> Predicate:
    asked = (
        case.requester.kind in kinds
        and case.requester.purpose is purpose
        and case.about()
        and (bool(case.requester.reason) or not reason)
    )
    return _when(asked, one_of(facts.GOVERNANCE, CARE))


def _break_glass(case: Case) -> Predicate:
    by_token = _emergency(case, Kind.PROFESSIONAL, purpose=Purpose.BREAK_GLASS, reason=True)
    return any_of(by_token, _session(case))


def _session(case: Case) -> Predicate:
    """Return what an open session shows: what an opposition takes from it, it takes alone (R65).

    A deny of this purpose that comes while the session is open ends it, and leaves the caller what
    they may read without it.
    """
    if case.session is None:
        return NEVER
    breaking = replace(case.requester, purpose=Purpose.BREAK_GLASS)
    opposed = (
        denied(consent, breaking, case.keys, case.at)
        for consent in case.policy.consents
        if not consent.masks
    )
    return all_of(one_of(facts.GOVERNANCE, CARE), negate(any_of(*opposed)))


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "excluded-kind",
        "forbid",
        ("R32", "R33", "R34", "R35"),
        lambda case: _when(case.requester.kind in case.rule_set.excluded),
        "Cette catégorie d'appelant ne lit jamais un dossier.",
        "This kind of caller never reads a record.",
    ),
    Rule(
        "record-closed",
        "forbid",
        ("R7", "R8", "R13"),
        lambda case: _when(case.professional and case.policy.closed),
        "Le dossier est fermé.",
        "The record is closed.",
    ),
    Rule(
        "blocked-or-opposed",
        "forbid",
        ("R24", "R26", "R38", "R65", "R67"),
        _blocks,
        "Le titulaire a bloqué cet appelant ou s'oppose à cet accès.",
        "The holder blocked this caller or opposes this access.",
    ),
    Rule(
        "masked-to-professionals",
        "forbid",
        ("R43", "R44", "R70"),
        _masked,
        "Le document est masqué aux professionnels.",
        "The document is masked to professionals.",
    ),
    Rule(
        "invisible-to-patient",
        "forbid",
        ("R49", "R51"),
        _invisible_to_patient,
        "Le document attend une consultation d'annonce.",
        "The document waits for an announcement consultation.",
    ),
    Rule(
        "invisible-to-representatives",
        "forbid",
        ("R58",),
        lambda case: _when(
            case.requester.kind is Kind.REPRESENTATIVE,
            Has(facts.LABELS, facts.INVISIBLE_REPRESENTANTS_LEGAUX),
        ),
        "Le document n'est pas visible par les représentants légaux.",
        "The document is not visible to legal representatives.",
    ),
    Rule(
        "not-habilitated",
        "forbid",
        ("R27", "R37", "R39", "R40", "R41"),
        _not_habilitated,
        "La matrice d'habilitation n'ouvre pas ce type de document à cette profession.",
        "The habilitation matrix does not open this type of document to this profession.",
    ),
    Rule(
        "holder",
        "permit",
        ("R15", "R25", "R71", "R72"),
        lambda case: _when(case.requester.kind is Kind.PATIENT and case.about()),
        "Le titulaire lit son dossier.",
        "The holder reads their record.",
    ),
    Rule(
        "legal-representative",
        "permit",
        ("R54", "R57"),
        lambda case: _when(
            case.requester.kind is Kind.REPRESENTATIVE and case.about() and case.represents
        ),
        "Le représentant légal exerce les droits du titulaire.",
        "The legal representative exercises the holder's rights.",
    ),
    Rule(
        "attending-doctor",
        "permit",
        ("R20", "R72"),
        lambda case: _when(
            case.professional and case.attending, one_of(facts.GOVERNANCE, (*CARE, "trace"))
        ),
        "Le médecin traitant lit tout le dossier.",
        "The attending doctor reads the whole record.",
    ),
    Rule(
        "care-team",
        "permit",
        ("R16",),
        lambda case: _when(
            case.professional and case.linked("care-team"), one_of(facts.GOVERNANCE, CARE)
        ),
        "L'appelant est de l'équipe de soins.",
        "The caller is of the care team.",
    ),
    Rule(
        "authorised",
        "permit",
        ("R15", "R21", "R32"),
        _authorised,
        "Une autorisation du titulaire est en vigueur.",
        "An authorisation of the holder is in force.",
    ),
    Rule(
        "break-glass",
        "permit",
        ("R63", "R68"),
        _break_glass,
        "Bris de glace : urgence motivée sur ce dossier.",
        "Break-glass: an emergency on this record, with its reason.",
    ),
    Rule(
        "regulation",
        "permit",
        ("R64", "R67"),
        lambda case: _emergency(
            case,
            *(
                (Kind.SAMU_REGULATOR, Kind.PROFESSIONAL)
                if _doctor(case)
                else (Kind.SAMU_REGULATOR,)
            ),
            purpose=Purpose.REGULATION,
            reason=False,
        ),
        "Régulation médicale du centre 15 pour ce dossier.",
        "Emergency regulation (centre 15) for this record.",
    ),
    Rule(
        "own-act",
        "permit",
        ("R72",),
        lambda case: _when(
            case.professional,
            all_of(Has(facts.GOVERNANCE, "trace"), one_of(facts.AUTHORS, case.requester.alone)),
        ),
        "L'appelant lit la trace de ses propres actes.",
        "The caller reads the trace of their own acts.",
    ),
)
"""All rules that speak of a record. A caller of kind `trusted-system` is outside them."""
