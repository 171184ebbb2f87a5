"""`fhir-server outbox`: what is to be told to people, counted by kind and state, or listed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fhir_server.console.database import reachable
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import check_topology, connect
from fhir_server.store.mongo.outbox import Listed, Outbox
from fhir_server.store.mongo.store import MongoStore


def outbox_listing(settings: Settings, *, state: str, limit: int, as_json: bool) -> str:
    """Return the counts, and the notices in `state` unless it is empty, as text or as JSON.

    Raise ConfigurationError or Unavailable.
    """
    with reachable(settings) as uri, connect(uri) as client:
        check_topology(client)
        outbox = Outbox(MongoStore(client, settings.database))
        counts = sorted(outbox.counts().items())
        found = outbox.list(state, limit) if state else ()
    if as_json:
        told: dict[str, Any] = {
            "counts": [{"kind": k, "state": s, "count": count} for (k, s), count in counts]
        }
        return json.dumps(told | ({"notices": [_json(one) for one in found]} if state else {}))
    lines = [f"{count:>8}  {state_:<10} {kind}" for (kind, state_), count in counts]
    return "\n".join([*(lines or ["nothing was ever queued"]), *map(_line, found)])


def _json(one: Listed) -> dict[str, Any]:
    return {
        "key": one.notice.key,
        "kind": one.notice.kind,
        "patient": one.notice.patient,
        "to": list(one.notice.to),
        "refs": list(one.notice.refs),
        "due": _instant(one.notice.due),
        "state": one.state,
        "tries": one.notice.tries,
        "next": _instant(one.next),
        "why": one.why,
    }


def _line(one: Listed) -> str:
    told = f"{one.state:<10} {_instant(one.next)}  {one.notice.kind}  {', '.join(one.notice.refs)}"
    failed = f"  {one.notice.tries} tries, last: {one.why}" if one.why else ""
    return f"{told}  to {', '.join(one.notice.to)}{failed}"


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="seconds")
