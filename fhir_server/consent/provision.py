"""A Consent's provision, for one caller at one instant, as a predicate over documents.

R4 (https://hl7.org/fhir/R4/consent.html, provision): a nested provision is an exception to the one
around it. So a permit covers what it matches and what permits nested in it match, less what denies
nested in it match; a deny covers what it matches less what permits nested in it match. A permit
that names nobody opens nothing (R15), and the denies nested in it bind everybody.

INVARIANT: a provision that is not `exact` never permits, and denies without its conditions.
"""

from __future__ import annotations

from fhir_server.consent import facts
from fhir_server.consent.policy import ConsentPolicy, Provision
from fhir_server.consent.requester import Purpose, Requester
from fhir_server.predicate import (
    ALWAYS,
    NEVER,
    After,
    Before,
    Not,
    Predicate,
    Present,
    Some,
    all_of,
    any_of,
    negate,
    one_of,
)

PURPOSES: dict[Purpose, frozenset[str]] = {
    Purpose.TREATMENT: frozenset({"TREAT"}),
    Purpose.BREAK_GLASS: frozenset({"BTG"}),
    Purpose.REGULATION: frozenset({"ETREAT"}),
    Purpose.PATIENT_REQUEST: frozenset({"PATRQT"}),
    Purpose.FEED: frozenset(),
    Purpose.ADMINISTRATION: frozenset(),
}
"""v3-ActReason codes that each purpose of use answers to (contract, Consent conventions 2)."""

READING_ACTIONS = frozenset({"access", "use", "disclose"})


def permitted(
    consent: ConsentPolicy, requester: Requester, keys: frozenset[str], at: int
) -> Predicate:
    """Return what `consent` lets the caller read; never, unless its root permits by name."""
    root = consent.root
    if not root.permits or not root.names_actor or not consent.in_force.covers(at):
        return NEVER
    return _permit(root, requester, keys, at)


def denied(
    consent: ConsentPolicy, requester: Requester, keys: frozenset[str], at: int
) -> Predicate:
    """Return what `consent` takes from the caller: blocks (R24, R26) and oppositions (R65)."""
    root = consent.root
    if not consent.in_force.covers(at):
        return NEVER
    if not root.permits:
        return _deny(root, requester, keys, at)
    if root.names_actor or not _concerns(root, requester, keys, at, permit=False):
        return NEVER
    return any_of(*(_deny(i, requester, keys, at) for i in root.nested if not i.permits))


def _permit(provision: Provision, requester: Requester, keys: frozenset[str], at: int) -> Predicate:
    if not _concerns(provision, requester, keys, at, permit=True):
        return NEVER
    granted, taken = [_conditions(provision, permit=True)], []
    for inner in provision.nested:
        if inner.permits:
            granted.append(_permit(inner, requester, keys, at))
        else:
            taken.append(_deny(inner, requester, keys, at))
    return all_of(any_of(*granted), negate(any_of(*taken)))


def _deny(provision: Provision, requester: Requester, keys: frozenset[str], at: int) -> Predicate:
    if not _concerns(provision, requester, keys, at, permit=False):
        return NEVER
    covered = _conditions(provision, permit=False) if provision.exact else ALWAYS
    spared = [_permit(inner, requester, keys, at) for inner in provision.nested if inner.permits]
    also = [_deny(inner, requester, keys, at) for inner in provision.nested if not inner.permits]
    return any_of(all_of(covered, negate(any_of(*spared))), *also)


def _concerns(
    provision: Provision, requester: Requester, keys: frozenset[str], at: int, *, permit: bool
) -> bool:
    """Tell whether actor, purpose, action and period let the provision speak of this request."""
    if permit and not provision.exact:
        return False
    if not provision.period.covers(at) and (permit or provision.exact):
        return False
    if provision.names_actor and not keys.intersection(provision.actors):
        return False
    if provision.actions and not READING_ACTIONS.intersection(provision.actions):
        return False
    return not provision.purposes or _serves(provision.purposes, requester.purpose, permit=permit)


def _serves(purposes: tuple[str, ...], asked: Purpose, *, permit: bool) -> bool:
    """Match purposes.

    A deny of TREAT also covers its emergencies, which v3-ActReason puts below it, and whoever
    reads under a purpose that is none of the patient's: no purpose is a way round a deny.
    """
    wanted = PURPOSES[asked]
    if not permit and asked is not Purpose.PATIENT_REQUEST:
        wanted = wanted | {"TREAT"}
    return bool(wanted.intersection(purposes))


def _conditions(provision: Provision, *, permit: bool) -> Predicate:
    """Return the part of a provision that speaks of the data.

    A permit covers what lies wholly inside its `dataPeriod`; a deny, what is not wholly outside,
    the undated included.
    """
    parts: list[Predicate] = []
    if provision.labels:
        parts.append(_labelled(provision.labels, permit=permit))
    if provision.classes:
        parts.append(one_of(facts.CLASSES, provision.classes))
    if provision.codes:
        parts.append(
            any_of(one_of(facts.TYPES, provision.codes), one_of(facts.CODES, provision.codes))
        )
    if provision.data_period is not None:
        inside = all_of(
            After("lo", provision.data_period.start, inclusive=True),
            Before("hi", provision.data_period.end, inclusive=True),
        )
        meets = all_of(
            After("hi", provision.data_period.start), Before("lo", provision.data_period.end)
        )
        undated = Not(Present(facts.DATED))
        parts.append(
            Some(facts.DATED, inside) if permit else any_of(undated, Some(facts.DATED, meets))
        )
    if provision.instances or provision.authored_by or provision.referring:
        parts.append(
            any_of(
                one_of(facts.REF, provision.instances),
                one_of(facts.AUTHORS, provision.authored_by),
                one_of(facts.REFERS, provision.referring),
            )
        )
    return all_of(*parts)


_BROADER: dict[str, tuple[str, ...]] = {"ETH": ("ETHUD", "OPIOIDUD"), "PSY": ("PSYTHPN",)}
"""v3-ActCode: sensitivities that others are kinds of."""


def _labelled(labels: tuple[str, ...], *, permit: bool) -> Predicate:
    """Match security labels, of which one must be borne.

    R4 calls a confidentiality a high-water mark (a Consent about `R` is about `R` and less); IHE's
    PCF takes each level by itself. A permit covers what both do: the levels it lists, on what bears
    nothing above. A deny covers the levels it lists and what is above, which neither would leave
    to whoever may not have the less.
    """
    levels = facts.CONFIDENTIALITY_LEVELS
    ranks = [levels.index(label) for label in labels if label in levels]
    others = [label for label in labels if label not in levels]
    others += [kind for label in others for kind in _BROADER.get(label, ())]
    plain = one_of(facts.LABELS, others)
    if not ranks:
        return plain
    if not permit:
        return any_of(plain, one_of(facts.LABELS, levels[min(ranks) :]))
    listed = one_of(facts.LABELS, [levels[rank] for rank in ranks])
    above = one_of(facts.LABELS, levels[max(ranks) + 1 :])
    return any_of(plain, all_of(listed, negate(above)))
