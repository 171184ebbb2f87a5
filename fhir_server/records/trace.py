"""Accesses as stored AuditEvents, and when they are committed.

A read waits until its entry is durable (`AccessLog`); a write carries its entry in its own
transaction. An access to several records leaves one entry in each, so that no holder learns of
another's; the query itself is told only where it speaks of one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fhir_server.audit.event import Access, Actor
from fhir_server.consent import facts
from fhir_server.consent.emergency import RULE_IDS, Emergency
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.fhir.dates import instant_text
from fhir_server.records.entry import entry
from fhir_server.records.ids import new_id
from fhir_server.records.notifying import Notifying
from fhir_server.records.people import idnps, systems
from fhir_server.search.types import Locale
from fhir_server.store.rows import Row

_PURPOSE_CODES = {
    Purpose.TREATMENT: "TREAT",
    Purpose.BREAK_GLASS: "BTG",
    Purpose.REGULATION: "ETREAT",
    Purpose.PATIENT_REQUEST: "PATRQT",
    Purpose.FEED: "TREAT",
    Purpose.ADMINISTRATION: "HSYSADMIN",
}
_PURPOSES = {"break-glass": Purpose.BREAK_GLASS, "regulation": Purpose.REGULATION}


def actor(requester: Requester) -> Actor:
    """Return the log's description of a caller."""
    known = systems()
    return Actor(
        kind=requester.kind,
        name=requester.name,
        identifier=idnps(requester.rpps) if requester.rpps else ("", ""),
        organization=(
            (known["FINESS"], requester.organization) if requester.organization else ("", "")
        ),
        profession=requester.profession,
        patient=requester.patient if requester.kind is Kind.PATIENT else "",
        purpose=_PURPOSE_CODES[requester.purpose],
        reason=requester.reason,
        client=requester.client,
    )


class Touched(NamedTuple):
    """A resource that an access disclosed or wrote, and its record (empty for none)."""

    ref: str
    patient: str = ""


@dataclass
class Tracer:
    """Writes the entries of one caller's request. Used by one thread."""

    log: Notifying
    locale: Locale
    requester: Requester
    request_id: str
    at: int
    _held: list[Row] | None = None

    def entries(
        self,
        interaction: str,
        touched: Sequence[Touched],
        *,
        patient: str = "",
        query: str = "",
        rules: Iterable[str] = (),
        refused: bool = False,
        why: str = "",
        emergency: Emergency | None = None,
    ) -> list[Row]:
        """Return the AuditEvents of one access: one for each record, at least one.

        `patient` is the record that the request was about even if nothing of it was disclosed;
        `emergency` one that is no right yet, because this request asks for it.
        """
        by_patient: dict[str, list[str]] = {}
        for item in touched:
            by_patient.setdefault(item.patient, []).append(item.ref)
        if patient or not by_patient:
            by_patient.setdefault(patient, [])
        alone = len(by_patient) == 1
        access = Access(
            interaction,
            instant_text(self.at),
            actor(self.requester),
            self.request_id,
            rules=tuple(rules),
            refused=refused,
            why=why,
        )
        rows = [
            self._row(
                _in_emergency(
                    replace(access, refs=tuple(refs), patient=record, query=query if alone else ""),
                    emergency or (self.log.emergency(record) if record else None),
                ),
                disclosed=bool(touched) and not refused,
            )
            for record, refs in by_patient.items()
        ]
        if not alone and query:
            rows.append(self._row(replace(access, query=query), disclosed=True))
        return rows

    def commit(self, rows: Sequence[Row]) -> None:
        """Return when `rows` are durable, or are `together` with others of this request."""
        if self._held is None:
            self.log.commit(rows)
        else:
            self._held += rows

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all entries of what happens inside durable at its end, in one write.

        INVARIANT: what is read inside is disclosed after the end, with the answer.
        """
        held: list[Row] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            self.log.commit(held)

    def _row(self, access: Access, *, disclosed: bool) -> Row:
        """Return the stored form. Only an access that disclosed something is its actor's to see."""
        id_ = new_id()
        cast = entry(access, id_, self.at, self.locale)
        acl: dict[str, Any] = {
            facts.REF: f"AuditEvent/{id_}",
            facts.GOVERNANCE: "trace",
            facts.CLASSES: ["AuditEvent"],
            facts.LABELS: ["N"],
            facts.AUTHORS: [self.requester.identity] if disclosed else [],
            facts.OWNER: "kind:server",
            facts.DEPOSITED: self.at,
        }
        if access.patient:
            acl[facts.PATIENT] = access.patient
        others = [ref for ref in access.refs if ref != f"Patient/{access.patient}"]
        if others:
            acl[facts.TARGETS] = [{facts.REF: ref} for ref in others]
        return Row("AuditEvent", id_, 1, self.at, cast.raw, acl, cast.values, cast.keys)


def _in_emergency(access: Access, emergency: Emergency | None) -> Access:
    """Return `access` as it happened in its record: in an emergency there, or in none (R68).

    One entry of several tells of no emergency in another record.
    """
    if emergency is None:
        if not any(rule in RULE_IDS for rule in access.rules):
            return access
        return replace(access, rules=tuple(one for one in access.rules if one not in RULE_IDS))
    code = _PURPOSE_CODES[_PURPOSES[emergency.rule]]
    who = replace(access.actor, purpose=code, reason=emergency.reason)
    return replace(access, actor=who, task=emergency.task)
