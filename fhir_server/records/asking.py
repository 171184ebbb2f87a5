"""Who may ask what others see, and what their question may be about (design/consent.md section 8).

The holder, the representative, the auditor (the data protection officer) and the trusted system
may ask; a professional never, who could ask about what is hidden from them (L60). Nobody's answer
is made of anything that the asker may not know: neither resources, nor Consents and care teams of
the record. So a representative learns nothing from a Consent that a minor keeps from them (R58).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.consent import facts
from fhir_server.consent.policy import Link, RecordPolicy
from fhir_server.consent.requester import Kind, Requester
from fhir_server.fhir.errors import Forbidden
from fhir_server.predicate import Has, Predicate, all_of, one_of
from fhir_server.records.facts import governed
from fhir_server.records.governance import governance
from fhir_server.records.past import Past
from fhir_server.records.stored_sight import ACL, StoredSight
from fhir_server.records.trace import Touched
from fhir_server.records.view import View, unknown
from fhir_server.store.rows import Row

ASKERS: Final = frozenset({Kind.PATIENT, Kind.REPRESENTATIVE, Kind.AUDITOR, Kind.TRUSTED_SYSTEM})
_OF_EVERYTHING: Final = frozenset({Kind.AUDITOR, Kind.TRUSTED_SYSTEM})
"""Who answers for all records: the log tells them every name already."""


class Asking:
    """One caller's question, at the instant of their view."""

    def __init__(self, view: View) -> None:
        """Bind to `view`; raise `Forbidden`, the same for every address, unless they may ask."""
        if view.requester.kind not in ASKERS:
            raise Forbidden("this caller may not ask what others see")
        self.view = view
        self._store = view.context.store

    @property
    def of_everything(self) -> bool:
        """Tell whether the asker may ask about any resource."""
        return self.view.requester.kind in _OF_EVERYTHING

    def own(self, patient: str) -> StoredSight:
        """Return what the asker knows of record `patient`, and outside every record."""
        return self.view.seeing.sight((patient,) if patient else ())

    def knows(self, row: Row) -> bool:
        """Tell whether the question may be about `row`."""
        return self.of_everything or self.view.seeing.knows(row)

    def scope(self, type_: str, patient: str) -> Predicate:
        """Return the resources of `type_` in record `patient` that a question may be about."""
        inside = Has(f"{ACL}.{facts.PATIENT}", patient)
        if self.of_everything:
            return inside
        seeing = self.view.seeing
        return all_of(inside, seeing.known(type_, seeing.sight((patient,)), patient))

    def record_of(self, type_: str, id_: str) -> str:
        """Return the record that a resource belongs to, as far as the asker may know it."""
        row = self._store.get(type_, id_) or self._store.last(type_, id_)
        return row.acl.get(facts.PATIENT, "") if row is not None and self.knows(row) else ""

    def row(self, type_: str, id_: str) -> Row:
        """Return the current version. Raises `NotFound`, the same for hidden and absent."""
        row = self._store.get(type_, id_)
        if row is None or not self.knows(row):
            raise self._unknown(type_, id_, row)
        return row

    def row_then(self, type_: str, id_: str, past: Past) -> Row:
        """Return a version of the past, with the facts of that instant, as `row` does."""
        then = self.version_then(f"{type_}/{id_}", past)
        if then is None:
            raise self._unknown(type_, id_, self._store.get(type_, id_))
        return then

    def version_then(self, ref: str, past: Past) -> Row | None:
        """Return the version of `ref` in force then; None for hidden and absent.

        What hides the resource today hides its past (L19).
        """
        type_, _, id_ = ref.partition("/")
        latest = self._store.get(type_, id_) or self._store.last(type_, id_)
        then = past.facts(type_, id_)
        if latest is None or then is None or not all(map(self.knows, (latest, then))):
            return None
        return then

    def _unknown(self, type_: str, id_: str, row: Row | None) -> Exception:
        patient = row.acl.get(facts.PATIENT, "") if row is not None else ""
        tracer = self.view.tracer
        touched = [Touched(f"{type_}/{id_}", patient)]
        tracer.commit(tracer.entries("operation", touched, refused=True))
        return unknown(type_, id_)

    def sight(self, subject: Subject, policy: RecordPolicy | None, at: int) -> StoredSight:
        """Return what `subject` would know at `at` if their record said `policy` of itself."""
        shared = None if self.of_everything else self.own(policy.patient if policy else "")
        supposed = policy if policy is None else subject.policy(policy)
        return self.view.context.sights.supposed(subject.requester, at, supposed, shared)

    # what the record says of itself ----------------------------------------------------------

    def policy(self, patient: str, past: Past | None = None) -> RecordPolicy | None:
        """Return what record `patient` says of itself, then or now, as far as the asker knows."""
        if not patient:
            return None
        sights = self.view.context.sights
        found = past.policy(patient) if past is not None else sights.stored_policy(patient)
        return found if found is None else self.known_of(found, past)

    def known_of(
        self,
        policy: RecordPolicy,
        past: Past | None = None,
        *,
        besides: frozenset[str] = frozenset(),
    ) -> RecordPolicy:
        """Return `policy` without what rests on resources of the record that the asker may not know.

        `besides` are names that count as known.
        """
        if self.of_everything:
            return policy
        consents = {f"Consent/{one.id}" for one in policy.consents}
        sources = {link.source for link in policy.links}
        named = {ref for ref in consents | sources if _in_record(ref)}
        hidden = named - besides - self._known(named - besides, past)
        return replace(
            policy,
            links=tuple(link for link in policy.links if link.source not in hidden),
            consents=tuple(one for one in policy.consents if f"Consent/{one.id}" not in hidden),
        )

    def _known(self, refs: Iterable[str], past: Past | None) -> frozenset[str]:
        """Return those of `refs` that the asker may know, deleted ones too in the past."""
        if past is not None:
            return frozenset(ref for ref in refs if self.version_then(ref, past) is not None)
        by_type: dict[str, list[str]] = {}
        for ref in refs:
            type_, _, id_ = ref.partition("/")
            by_type.setdefault(type_, []).append(id_)
        return frozenset(
            row.ref
            for type_, ids in by_type.items()
            for row in self._store.find(type_, one_of("_id", ids))
            if self.knows(row)
        )


def _in_record(ref: str) -> bool:
    """Tell whether `ref` names something that a record holds, and that can be hidden in it."""
    type_ = ref.partition("/")[0]
    return type_ in governance() and governed(type_)


@dataclass(frozen=True, slots=True)
class Subject:
    """About whom is asked: a caller, and a link to the record that they are supposed to have.

    `link` is `care-team`, `attending` or empty; with one, the caller has a number of their own.
    """

    requester: Requester
    link: str = ""

    def policy(self, policy: RecordPolicy) -> RecordPolicy:
        """Return what a record says of itself with the link that is supposed."""
        if not self.link:
            return policy
        tie = Link(self.requester.identity, self.link, SUPPOSED)
        return replace(policy, links=(*policy.links, tie))


SUPPOSED: Final = ""
"""The source of a link that nothing in the record says."""
