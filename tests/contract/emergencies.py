"""How the tests open emergency sessions, and what they look at."""

from __future__ import annotations

from typing import Any

from fhir_server.consent.requester import Requester
from fhir_server.store.mongo.outbox import Outbox
from fhir_server.store.rows import Notice
from tests.support import resources as make
from tests.support.replies import Json, Reply
from tests.support.world import World

MINUTE = 60
REASON = "Coma, aucun proche joignable"


def open_(world: World, who: Requester, patient: str, **but: Any) -> Reply:
    """Ask for a session on a record, as whoever confirms all that has to be."""
    given = {"reason": REASON, "patientUnable": True} | but
    return world.as_(who).post(f"Patient/{patient}/$break-glass", make.parameters(**given))


def session_of(reply: Reply) -> dict[str, str]:
    """Return patient, session and until of an opening."""
    assert reply.status == 200, reply.body
    return {
        one["name"]: one.get("valueInstant") or one["valueReference"]["reference"]
        for one in reply.json["parameter"]
    }


def total(world: World, who: Requester, patient: str) -> int:
    return world.as_(who).get(f"DocumentReference?patient={patient}").total


def notices(world: World, patient: str, kind: str = "emergency-access") -> list[Notice]:
    found = Outbox(world.store).list("waiting", 10_000)
    return [one.notice for one in found if (one.notice.patient, one.notice.kind) == (patient, kind)]


def purposes(event: Json) -> set[tuple[str, str]]:
    """Return code and reason of what an AuditEvent says that it was for."""
    user = event["agent"][0]["purposeOfUse"][0]
    code = event["purposeOfEvent"][0]["coding"][0]["code"]
    return {(code, ""), (user["coding"][0]["code"], user.get("text", ""))}


def entities(event: Json) -> set[str]:
    return {one["what"].get("reference", "") for one in event["entity"] if "what" in one}
