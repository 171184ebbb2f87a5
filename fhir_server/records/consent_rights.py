"""What consent a professional may record for a patient: R17, R18, R21, R24, R66 (L33).

The holder, the representative and the attending doctor govern the Consents of a record
(`records/authority.py`). Any other professional may, where the setting `professional_consents` is
`on`, record what the patient says in front of them, and nothing else:

1. their own authorisation, or that of their establishment (R17, R21);
2. that of another to whom they entrust part of the care (R18), when they are authorised themselves;
3. an opposition to emergency access (R66), when they are authorised themselves.

What is refused depends on the Consent and on what its author knows already. So a refusal tells
nothing of a record that is hidden, and what is accepted comes to nothing where the record shuts its
author or its actor out (R24): the answer is the same, and a block that is lifted later opens
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.engine import Sight
from fhir_server.consent.policy import ConsentPolicy, Provision
from fhir_server.consent.reading import Reading
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.rules import CARE, RULES, Case
from fhir_server.fhir.dates import interval
from fhir_server.fhir.errors import Forbidden, Issue, Unprocessable
from fhir_server.predicate import ALWAYS, one_of
from fhir_server.records.facts import VOID
from fhir_server.records.people import ins_systems

Json = Mapping[str, Any]

DAY: Final = 24 * 3600 * 1_000_000
_SLACK: Final = 300 * 1_000_000
"""How far the clock of who records a consent may be ahead of the server's."""
_EMERGENCIES: Final = frozenset({"BTG", "ETREAT"})
_LINKS: Final = frozenset({"care-team", "authorised"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A Consent about `patient` (empty for none stored) that a caller wants to record.

    `sight` is the caller's, over that record; `lifetime` the longest authorisation, in microseconds.
    """

    sight: Sight
    patient: str
    lifetime: int

    @property
    def requester(self) -> Requester:
        """Return who records."""
        return self.sight.requester

    def is_asked(self) -> bool:
        """Tell whether the caller is one who may record anything: a person, who treats."""
        who = self.requester
        treats = who.purpose is Purpose.TREATMENT
        return who.kind is Kind.PROFESSIONAL and bool(who.rpps) and treats

    def check(self, consent: Json, found: Reading) -> dict[str, Any]:
        """Return the facts to add to the Consent; raise `Forbidden` with every reason there is."""
        issues = [*self._given(consent), *self._said(found)]
        if not issues and found.policy is not None:
            issues += self._right(consent, found.policy)
        if issues:
            raise Forbidden(issues=[Issue("forbidden", why, place) for place, why in issues])
        if not self.patient:
            raise Unprocessable(
                "there is no record for this INS",
                code="business-rule",
                expression="Consent.patient",
            )
        return {VOID: True} if self._shut_out(found.policy) else {}

    # what the patient gave ---------------------------------------------------------------------

    def _given(self, consent: Json) -> Iterator[tuple[str, str]]:
        """Yield what is missing for a consent that the patient gives now, in person (R17, R21)."""
        at = self.sight.at
        if consent.get("status") != "active":
            yield "Consent.status", "a professional records a consent that is given: `active`"
        if not any(_stands_for_patient(one, consent) for one in consent.get("performer", ())):
            yield "Consent.performer", "the patient, or a RelatedPerson for them, gives the consent"
        given = consent.get("dateTime")
        span = interval(given) if isinstance(given, str) else None
        if span is None or span[1] < at - DAY or span[0] > at + _SLACK:
            yield "Consent.dateTime", "the consent is recorded when it is given: today"
        checks = consent.get("verification", ())
        if not checks or not all(
            one.get("verified") is True
            and _stands_for_patient(one.get("verifiedWith", {}), consent)
            for one in checks
        ):
            yield (
                "Consent.verification",
                "whoever records a consent has verified it with the patient: `verified` and "
                "`verifiedWith`",
            )

    def _said(self, found: Reading) -> Iterator[tuple[str, str]]:
        if found.policy is None and not found.doubts:
            yield "Consent.provision", "a consent that is recorded says something"
        for doubt in found.doubts:
            yield doubt.expression, f"not understood: {doubt.why}"

    # who may record that -----------------------------------------------------------------------

    def _right(self, consent: Json, policy: ConsentPolicy) -> Iterator[tuple[str, str]]:
        root = policy.root
        if not root.permits:
            yield from self._opposition(root)
            return
        if root.purposes != ("TREAT",):
            yield "Consent.provision.purpose", "an authorisation that is recorded is for `TREAT`"
        end = min(root.period.end, policy.in_force.end)
        if end > self.sight.at + self.lifetime + _SLACK:
            yield "Consent.provision.period", "an authorisation does not last that long here"
        if set(root.actors) <= self._own():
            if not self._in_person(consent):
                yield (
                    "Consent.patient",
                    "who does not know the record names the patient by INS, as `identifier`",
                )
        elif not all(key.startswith(("rpps:", "finess:")) for key in root.actors):
            yield "Consent.provision.actor", "a professional or an establishment is authorised"
        elif not self._authorised():
            yield (
                "Consent.provision.actor",
                "only who is authorised in this record entrusts a part of the care to others",
            )

    def _opposition(self, root: Provision) -> Iterator[tuple[str, str]]:
        bare = Provision(permits=False, purposes=root.purposes)
        if root != bare or not root.purposes or not set(root.purposes) <= _EMERGENCIES:
            yield (
                "Consent.provision",
                "a professional records no deny but an opposition to emergency access: no actor, "
                "purpose `BTG` or `ETREAT`",
            )
        elif not self._authorised():
            yield (
                "Consent.provision",
                "only who is authorised in this record records an opposition to emergency access",
            )

    def _own(self) -> set[str]:
        """Return the caller's own keys: the person, and the establishment they speak for."""
        return {key for key in self.requester.keys if key.startswith(("rpps:", "finess:"))}

    def _in_person(self, consent: Json) -> bool:
        """Tell whether the patient is named in a way that needs them, or their record is known."""
        patient = consent.get("patient", {})
        system = patient.get("identifier", {}).get("system")
        return ("reference" not in patient and system in ins_systems()) or self._authorised()

    def _authorised(self) -> bool:
        """Tell whether a link opens the whole record to the caller, and nothing shuts it."""
        case = self._case(self.requester)
        if case is None or _shut(case):
            return False
        whole = one_of(facts.GOVERNANCE, CARE)
        return any(rule.id in _LINKS and rule.reading(case) == whole for rule in RULES)

    # whom the record shuts out -----------------------------------------------------------------

    def _shut_out(self, policy: ConsentPolicy | None) -> bool:
        """Tell whether the record shuts out who records, or whom the Consent names (R24)."""
        callers = [self.requester]
        for key in policy.root.actors if policy else ():
            kind, _, number = key.partition(":")
            named = Requester(Kind.PROFESSIONAL, rpps=number)
            if kind == "finess":
                named = replace(named, rpps="", organization=number)
            callers.append(named)
        cases = (self._case(one) for one in callers)
        return any(case is not None and _shut(case) for case in cases)

    def _case(self, requester: Requester) -> Case | None:
        for policy in self.sight.policies:
            if policy.patient == self.patient:
                return replace(self.sight, requester=requester).case(policy)
        return None


def lift(sight: Sight, patient: str, id_: str) -> None:
    """Refuse a representative who would change a Consent that denies them something (R54, R58)."""
    for policy in sight.policies:
        for consent in policy.consents:
            named = consent.id == id_ and f"representative:{patient}" in consent.root.actors
            if named and policy.patient == patient and not consent.root.permits:
                raise Forbidden(
                    "only the holder lifts what is denied to a representative",
                    expression="Consent.provision.actor",
                )


def warnings(found: Reading) -> tuple[Issue, ...]:
    """Return what to tell whoever wrote a Consent of which something is not understood."""
    return tuple(
        Issue(
            "not-supported",
            f"{doubt.why}; the provision permits nothing, and denies without its conditions"
            if doubt.fatal
            else doubt.why,
            doubt.expression,
            severity="warning",
        )
        for doubt in found.doubts
    )


def _shut(case: Case) -> bool:
    return any(rule.effect == "forbid" and rule.reading(case) == ALWAYS for rule in RULES)


def _stands_for_patient(reference: Json, consent: Json) -> bool:
    """Tell whether `reference` is the Consent's patient, or a RelatedPerson (R54)."""
    patient = consent.get("patient", {})
    text = str(reference.get("reference", ""))
    if text.startswith("RelatedPerson/") or reference.get("type") == "RelatedPerson":
        return True
    for name in ("reference", "identifier"):
        if patient.get(name) and patient[name] == reference.get(name):
            return True
    return False
