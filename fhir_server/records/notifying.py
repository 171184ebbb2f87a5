"""What an access calls for besides its trace: notices (R69, R73), and the review of an emergency.

1. The first access of a professional to a record is queued with its entry of the access log.
2. An emergency that a token asks for is put up for review, once a day for each caller and record,
   in one transaction with the entry of the access.
3. What this process has seen queued is not looked for again.

INVARIANT: nothing is disclosed before entry, notice and review are durable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from fhir_server.consent import facts
from fhir_server.consent.emergency import KINDS, Emergency
from fhir_server.consent.requester import Requester
from fhir_server.predicate import After, Has, all_of
from fhir_server.records.context import Context
from fhir_server.records.emergency_tasks import Case, task_of
from fhir_server.records.facts import EMERGENCY
from fhir_server.records.ids import new_id
from fhir_server.records.outbox import emergency_access, first_access, first_access_key
from fhir_server.records.seeing import Seeing
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Notice, Row

DAY = 24 * 3600 * 1_000_000
_OWN_ACT = {"own-act"}


class Notifying:
    """The access log as one request writes it."""

    def __init__(self, context: Context, seeing: Seeing) -> None:
        """Write for the caller and the instant of `seeing`."""
        self._context = context
        self._seeing = seeing
        self._who: Requester = seeing.requester
        self._at = seeing.at

    def emergency(self, patient: str) -> Emergency | None:
        """Return the emergency in which the caller asks in a record that this request looked at."""
        return self._seeing.emergency(patient)

    def commit(self, rows: Sequence[Row]) -> None:
        """Return when `rows`, entries of the access log, and what they call for are durable."""
        if self._who.kind not in KINDS:
            self._context.log.commit(rows)
            return
        notices = list(self._first(rows))
        emergencies = list(self._in_emergency(rows))
        keys = {self._key(patient) for patient, found in emergencies if not found.task}
        unusual = 0
        if all(key in self._context.known for key in keys):
            self._context.log.commit(rows, notices)
        else:
            unusual = self._with_reviews(rows, notices)
        self._context.known.add([*(one.key for one in notices), *keys])
        for event in ["access"] * len(emergencies) + ["unusual"] * unusual:
            self._context.emergencies.count(event)

    def _with_reviews(self, rows: Sequence[Row], notices: Sequence[Notice]) -> int:
        def work(unit: Unit) -> int:
            unit.append(rows)
            for notice in notices:
                unit.queue(notice)
            return self.review(unit, rows)

        self._context.store.prepare_types(["AuditEvent", "Task"])
        return self._context.store.transact(work, shared=True)

    def review(self, unit: Unit, rows: Sequence[Row]) -> int:
        """Put the emergencies that `rows` are entries of up for review; return how many are unusual.

        A session has its own Task, and one a day is enough for what a token asks for.
        """
        unusual = 0
        for patient, found in dict(self._in_emergency(rows)).items():
            key = self._key(patient)
            if not found.task and not unit.is_queued(key):
                case = Case(self._who, patient, found.rule, found.reason, self._at)
                unusual += self.put_up(unit, case, key)[1]
        return unusual

    def put_up(self, unit: Unit, case: Case, key: str = "") -> tuple[Row, bool]:
        """Store the Task of `case` and queue its notice; return it, and whether it is unusual."""
        unusual = case.rule == "break-glass" and self._is_unusual(unit)
        task = task_of(replace(case, urgent=unusual), new_id(), self._context.locale)
        unit.append([task])
        policy = self._seeing.sight((case.patient,)).policy(case.patient)
        if policy is not None:
            unit.queue(emergency_access(key or f"emergency/{task.ref}", policy, task.ref, case.at))
        return task, unusual

    def _is_unusual(self, unit: Unit) -> bool:
        """Tell whether the caller broke the glass as often as a day should have, before this."""
        most = self._context.emergencies.alert
        lately = After(f"acl.{facts.DEPOSITED}", self._at - DAY)
        mine = all_of(Has(f"acl.{EMERGENCY}", self._who.identity), lately)
        return len(unit.find("Task", mine, limit=most)) == most

    # which entries ---------------------------------------------------------------------------

    def _first(self, rows: Sequence[Row]) -> Iterator[Notice]:
        """Yield the notice of each record that may never have been opened to this person."""
        if not self._who.rpps:
            return
        identity = self._who.identity
        for patient, row in _disclosing(rows):
            key = first_access_key(patient, identity)
            if key not in self._context.known and self._seeing.rules_in(patient) - _OWN_ACT:
                yield first_access(patient, identity, row)

    def _in_emergency(self, rows: Sequence[Row]) -> Iterator[tuple[str, Emergency]]:
        for patient, _ in _disclosing(rows):
            if (found := self._seeing.emergency(patient)) is not None:
                yield patient, found

    def _key(self, patient: str) -> str:
        """Return the key of the emergency of this caller in a record, on this day."""
        day = datetime.fromtimestamp(self._at / 1_000_000, self._context.locale.zone).date()
        return f"emergency/{patient}/{self._who.identity}/{day}"


def _disclosing(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Yield record and entry of what was shown of a record; who was shown nothing has no entry."""
    for row in rows:
        patient = row.acl.get(facts.PATIENT)
        if patient and row.acl[facts.AUTHORS]:
            yield patient, row
