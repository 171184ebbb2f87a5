"""The Task under which an emergency is reviewed: https://hl7.org/fhir/R4/task.html.

It is the server's own, so nobody else writes one, and governed as a trace (R72): the holder, the
representative and the attending doctor see those of the record, a professional their own, the
auditor all. While it names a `session` in its facts, that session opens the record
(`records/policies.py`); no element of a Task does, so one that a client wrote opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.audit.event import ACT_REASON
from fhir_server.consent import facts
from fhir_server.consent.requester import Requester
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.json import parse, stamp_resource
from fhir_server.records.authority import SERVER
from fhir_server.records.facts import EMERGENCY, OWN, REVIEW, SESSION
from fhir_server.records.people import idnps, systems
from fhir_server.search.index import index
from fhir_server.search.types import Locale
from fhir_server.store.rows import Row

Json = dict[str, Any]

BASE: Final = "https://fhir-server.example.org/CodeSystem"
TASK_CODE: Final = "emergency-review"
OUTCOMES: Final[Mapping[str, str]] = {
    "justified": "Urgence justifiée (justified)",
    "unjustified": "Urgence non justifiée (not justified)",
    "undecided": "Suite à donner hors du serveur (to be followed up elsewhere)",
}
_REASONS: Final = {"break-glass": "BTG", "regulation": "ETREAT"}


def _nothing(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class EmergencyTerms:
    """The settings of emergencies, and who counts them.

    A session lasts `minutes`. More than `alert` break-glasses of one professional in a day are
    unusual; whoever regulates calls reads a record for each. `count` is told `opened`, `refused`, `access`, `unusual` or `reviewed`, and of whom
    or what it was never.
    """

    minutes: int = 30
    alert: int = 5
    count: Callable[[str], None] = _nothing


@dataclass(frozen=True, slots=True)
class Case:
    """An emergency to be reviewed: who, in which record, under which rule, from `at` on.

    `until` is the end of its session, None for an emergency that a token asked for; instants are
    microseconds since the epoch. `urgent`: it is to be looked at before others.
    """

    who: Requester
    patient: str
    rule: str
    reason: str
    at: int
    until: int | None = None
    urgent: bool = False


def task_of(case: Case, id_: str, locale: Locale) -> Row:
    """Return the Task of `case` under `id_`, its first version."""
    body: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": "urgent" if case.urgent else "routine",
        "code": {
            "coding": [{"system": f"{BASE}/task", "code": TASK_CODE}],
            "text": "Accès en urgence à vérifier (emergency access to review)",
        },
        "for": {"reference": f"Patient/{case.patient}"},
        "executionPeriod": _period(case),
        "authoredOn": instant_text(case.at),
        "lastModified": instant_text(case.at),
        "requester": _requester(case.who),
        "performerType": [{"text": "Auditeur (auditor)"}],
        "reasonCode": {"coding": [{"system": ACT_REASON, "code": _REASONS[case.rule]}]}
        | ({"text": case.reason} if case.reason else {}),
    }
    acl: Json = {
        facts.REF: f"Task/{id_}",
        facts.GOVERNANCE: "trace",
        facts.CLASSES: ["Task"],
        facts.LABELS: ["N"],
        OWN: ["N"],
        facts.AUTHORS: [case.who.identity],
        facts.OWNER: SERVER,
        facts.DEPOSITED: case.at,
        facts.PATIENT: case.patient,
        REVIEW: case.at,
    }
    if case.rule == "break-glass":
        acl[EMERGENCY] = case.who.identity
    if case.until is not None:
        acl[SESSION] = {
            "key": case.who.identity,
            "client": case.who.client,
            "reason": case.reason,
            "start": case.at,
            "end": case.until,
        }
    return _row(body, acl, id_, 1, case.at, locale)


def reviewed(old: Row, outcome: str, note: str, by: Requester, at: int, locale: Locale) -> Row:
    """Return the next version of a Task: completed, with its outcome; its session is over."""
    body = parse(old.raw).resource
    body.pop("meta", None)
    body |= {
        "status": "completed",
        "businessStatus": {
            "coding": [{"system": f"{BASE}/review-outcome", "code": outcome}],
            "text": OUTCOMES[outcome],
        },
        "lastModified": instant_text(at),
        "owner": _requester(by),
    }
    if note:
        body["note"] = [{"time": instant_text(at), "text": note}]
    acl = {name: value for name, value in old.acl.items() if name not in (REVIEW, SESSION)}
    return replace(_row(body, acl, old.id, old.version + 1, at, locale), method="POST")


def _period(case: Case) -> Json:
    end = {} if case.until is None else {"end": instant_text(case.until)}
    return {"start": instant_text(case.at)} | end


def _requester(who: Requester) -> Json:
    known = systems()
    name = {"display": who.name or who.client or str(who.kind)}
    if who.rpps:
        system, value = idnps(who.rpps)
        return {"identifier": {"system": system, "value": value}} | name
    if who.organization:
        return {"identifier": {"system": known["FINESS"], "value": who.organization}} | name
    return name


def _row(body: Json, acl: Json, id_: str, version: int, at: int, locale: Locale) -> Row:
    values = index("Task", body, locale)
    raw = stamp_resource(body, id=id_, version_id=version, last_updated=instant_text(at))
    return Row("Task", id_, version, at, raw, acl, values.values, values.keys)
