"""What made a rule speak of a document: a Consent, a link, a label, a purpose, a status.

Which Consent, and which of its provisions, is found by asking the rule again with less: what it
still says without a part did not rest on that part. So there is no second reading of Consents here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from fhir_server.consent import facts
from fhir_server.consent.policy import ConsentPolicy, Provision
from fhir_server.consent.requester import Purpose
from fhir_server.consent.rules import RULES, Case, Rule
from fhir_server.predicate import holds

Facts: TypeAlias = Mapping[str, Any]

ROOT: Final = "Consent.provision"
_RULES: Final[Mapping[str, Rule]] = {rule.id: rule for rule in RULES}


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


def _labelled(code: str) -> Callable[[Case, Facts], Iterator[Ground]]:
    def told(case: Case, document: Facts) -> Iterator[Ground]:
        if code in document.get(facts.LABELS, ()):
            yield ByLabel(code)

    return told


def _linked(via: str) -> Callable[[Case, Facts], Iterator[Ground]]:
    def told(case: Case, document: Facts) -> Iterator[Ground]:
        found = (
            ByLink(link.via, link.source)
            for link in case.policy.links
            if link.via == via and link.key in case.keys and link.period.covers(case.at)
        )
        yield from dict.fromkeys(found)

    return told


def _emergency(case: Case, document: Facts) -> Iterator[Ground]:
    if case.session is not None:
        yield ByLink("break-glass", case.session.task)
    if case.requester.purpose in (Purpose.BREAK_GLASS, Purpose.REGULATION):
        yield ByPurpose(case.requester.purpose)


def _closed(case: Case, document: Facts) -> Iterator[Ground]:
    yield ByStatus(f"Patient/{case.policy.patient}")


def _consented(rule: Rule, case: Case, document: Facts) -> Iterator[Ground]:
    """Yield the Consents by which `rule` speaks; none when it would speak without any."""

    def speaks(*consents: ConsentPolicy) -> bool:
        alone = replace(case, policy=replace(case.policy, consents=consents))
        return holds(rule.reading(alone), document)

    if not speaks():
        yield from _deciding(case.policy.consents, speaks, permits=rule.effect == "permit")


_GROUNDS: Final[Mapping[str, Callable[[Case, Facts], Iterator[Ground]]]] = {
    "record-closed": _closed,
    "masked-to-professionals": _labelled(facts.MASQUE_PS),
    "invisible-to-patient": _labelled(facts.INVISIBLE_PATIENT),
    "invisible-to-representatives": _labelled(facts.INVISIBLE_REPRESENTANTS_LEGAUX),
    "legal-representative": _linked("protection"),
    "attending-doctor": _linked("attending"),
    "care-team": _linked("care-team"),
    "break-glass": _emergency,
    "regulation": _emergency,
}
"""What a rule rests on beside Consents and the caller's kind, which `Requester` says."""


def grounds(rule: str, case: Case, document: Facts) -> Iterator[Ground]:
    """Yield what `rule`, which speaks of the document, rests on in this case."""
    if (told := _GROUNDS.get(rule)) is not None:
        yield from told(case, document)
    yield from _consented(_RULES[rule], case, document)


def _deciding(
    consents: tuple[ConsentPolicy, ...], speaks: Callable[[ConsentPolicy], bool], *, permits: bool
) -> Iterator[ByConsent]:
    """Yield every Consent that speaks, with the innermost provision without which it would not."""
    for consent in consents:
        if speaks(consent):
            place = _place(consent, speaks, permits)
            path = ROOT + "".join(f".provision[{index}]" for index in place)
            version = f"Consent/{consent.id}/_history/{consent.version}"
            yield ByConsent(version, path, _at(consent.root, place).exact)


def _place(
    consent: ConsentPolicy,
    speaks: Callable[[ConsentPolicy], bool],
    permits: bool,
    place: tuple[int, ...] = (),
) -> tuple[int, ...]:
    """Return where in `consent`, which speaks, stands the provision that decides.

    A provision that permits, or denies, decides by itself or by one of the same type nested in it;
    to know which, the Consent is read again without them, and with one of them at a time.
    """
    here = _at(consent.root, place)
    same = [index for index, inner in enumerate(here.nested) if inner.permits == permits]
    if here.permits == permits and speaks(_keeping(consent, permits, place, None)):
        return place
    for index in same:
        if speaks(_keeping(consent, permits, place, index)):
            return _place(consent, speaks, permits, (*place, index))
    return place


def _at(root: Provision, place: tuple[int, ...]) -> Provision:
    for index in place:
        root = root.nested[index]
    return root


def _keeping(
    consent: ConsentPolicy,
    permits: bool,
    place: tuple[int, ...],
    only: int | None,
) -> ConsentPolicy:
    """Return `consent` where of one type nothing is nested but on the way to `place`, and `only`."""
    return replace(consent, root=_lessened(consent.root, permits, place, only))


def _lessened(
    provision: Provision,
    permits: bool,
    place: tuple[int, ...],
    only: int | None,
) -> Provision:
    """Return `provision` with those of one type silenced, so that places stay what they are."""
    kept, rest = (place[0], place[1:]) if place else (only, ())
    nested = []
    for index, inner in enumerate(provision.nested):
        if index == kept:
            nested.append(_lessened(inner, permits, rest, only) if place else inner)
        else:
            nested.append(_silenced(inner) if inner.permits == permits else inner)
    return replace(provision, nested=tuple(nested))


def _silenced(provision: Provision) -> Provision:
    """Return a provision that concerns no caller: it names an actor, and nobody as such."""
    return replace(provision, names_actor=True, actors=(), nested=())
