"""Open an emergency session on one record, and review it (bris de glace: R63-R65, R68, R69).

A session is one person's, in one software, on one record, for some minutes. It is stored as a Task
(`emergency_tasks.py`), compiled into the record's policy in the same transaction, and ends by
itself: no decision is made without looking at its period.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from fhir_server.consent.emergency import Emergency, opens
from fhir_server.consent.requester import Kind, Purpose
from fhir_server.fhir.errors import Conflict, Forbidden, NotFound
from fhir_server.predicate import Has
from fhir_server.records.emergency_tasks import Case, reviewed
from fhir_server.records.facts import REVIEW, SESSION
from fhir_server.records.identified import IDENTIFIER
from fhir_server.records.policies import sessions
from fhir_server.records.trace import Touched
from fhir_server.records.view import View
from fhir_server.search.token import pair
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Row

MINUTE = 60 * 1_000_000
RULE = "break-glass"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session: the record, the `Task/id`, and when it ends, in microseconds since the epoch."""

    patient: str
    task: str
    until: int


def record_of(view: View, system: str, value: str) -> str:
    """Return the id of the record that an exact INS names, or nothing; it stays in the server."""
    found = view.context.identified.of(Has(IDENTIFIER, pair(system, value)))
    return next(iter(found)) if len(found) == 1 else ""


def open_session(view: View, patient: str, reason: str) -> Opened:
    """Open the record `patient` to the caller of `view`, a professional, for some minutes.

    Raises `NotFound` with one text for a record that is absent or closed, and for a caller who is
    blocked or opposed (L61): who is refused learns nothing of why. Asked again in the same words
    while it is open, it is the same session, so that a request sent twice tells nobody twice.
    """
    asking = replace(view.requester, purpose=Purpose.BREAK_GLASS, patient=patient, reason=reason)
    context = view.context
    sight = context.sights.of(asking, view.at, (patient,))
    policy = sight.policy(patient)
    if policy is None or not opens(sight.case(policy)):
        refuse(view, patient if policy is not None else "", reason)
    touched = [Touched(f"Patient/{patient}", patient)]
    until = view.at + context.emergencies.minutes * MINUTE
    case = Case(view.requester, patient, RULE, reason, view.at, until)
    context.store.prepare_types(["AuditEvent", "Task"])

    def work(unit: Unit) -> tuple[Opened, tuple[str, ...]] | None:
        if unit.get("Patient", patient) is None:
            return None
        # Looked for here, so that two requests at once meet on the record's policy.
        again = _open_already(unit, case)
        events: tuple[str, ...] = ()
        if again is None:
            task, unusual = view.notifying.put_up(unit, case)
            context.policies.compile(unit, patient)
            events = ("opened", "unusual") if unusual else ("opened",)
        done = again or Opened(patient, task.ref, until)
        emergency = Emergency(RULE, reason, done.task)
        unit.append(view.tracer.entries("operation", touched, rules=(RULE,), emergency=emergency))
        return done, events

    done = context.store.transact(work, shared=True)
    if done is None:
        refuse(view, "", reason)
    opened, events = done
    for event in events:
        context.emergencies.count(event)
    return opened


def _open_already(unit: Unit, case: Case) -> Opened | None:
    """Return the session that the caller has open in this software, for the same reason."""
    who, clients = (case.who.identity, case.reason), ("", case.who.client)
    found = (
        Opened(case.patient, one.task, one.period.end)
        for one in sessions(unit, case.patient)
        if (one.key, one.reason) == who and one.client in clients and one.period.covers(case.at)
    )
    return next(found, None)


def refuse(view: View, patient: str, reason: str) -> NoReturn:
    """Leave the trace of a refusal, in the record if there is one, and raise `NotFound`."""
    emergency = Emergency(RULE, reason, "")
    rows = view.tracer.entries("operation", (), patient=patient, refused=True, emergency=emergency)
    view.tracer.commit(rows)
    view.context.emergencies.count("refused")
    raise NotFound(
        "no record of this name opens to this caller in an emergency; whoever regulates calls for "
        "the centre 15 reads under the purpose `regulation`"
    )


def review(view: View, id_: str, outcome: str, note: str) -> Row:
    """Close the review of the emergency `Task/id_` with `outcome`; its session ends now.

    Raises `NotFound` for what the caller may not know, `Forbidden` unless they are an auditor, and
    `Conflict` for what was reviewed before or is no emergency's Task.
    """
    known = view.context.store.get("Task", id_)
    if known is None or not view.seeing.knows(known):
        known = view.read("Task", id_, interaction="operation")  # refuses, as a read does
    if view.requester.kind is not Kind.AUDITOR:
        view.refused("operation", known.ref, Forbidden.__name__)
        raise Forbidden("only an auditor reviews emergencies")
    context = view.context

    def work(unit: Unit) -> Row:
        old = unit.get("Task", id_)
        if old is None or REVIEW not in old.acl:
            raise Conflict(f"Task/{id_} was reviewed before: read its `businessStatus`")
        new = reviewed(old, outcome, note, view.requester, view.at, context.locale)
        unit.replace(old, new)
        patient = new.acl["patient"]
        if SESSION in old.acl:
            context.policies.compile(unit, patient)
        unit.append(view.tracer.entries("operation", [Touched(new.ref, patient)]))
        return new

    row = context.store.transact(work, shared=True)
    context.emergencies.count("reviewed")
    return row
