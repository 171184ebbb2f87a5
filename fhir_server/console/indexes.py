"""`fhir-server indexes`: what the database is searched by, and the building of what is missing."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from fhir_server.console.database import reachable
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import check_topology, connect
from fhir_server.store.mongo.index_state import Indexes, IndexState
from fhir_server.store.mongo.parameters import Declared, Parameters
from fhir_server.store.mongo.store import MongoStore

Say = Callable[[str], object]
_MARKS = {"present": "OK", "missing": "!!", "different": "!!", "unknown": "??"}


def tend(settings: Settings, say: Say, *, check: bool, drop_unknown: bool) -> bool:
    """List the indexes; build and drop unless it is a `check`. Return whether all are there.

    Raise ConfigurationError or Unavailable.
    """
    with reachable(settings) as uri, connect(uri) as client:
        check_topology(client)
        indexes = Indexes(client, settings.database)
        found = indexes.states()
        for one in found:
            say(_line(one))
        for parameter in Parameters(MongoStore(client, settings.database)).all():
            say(_parameter(parameter))
        if not check:
            _build(indexes, [one for one in found if one.state in ("missing", "different")], say)
        if drop_unknown:
            for one in found:
                if one.state == "unknown":
                    indexes.drop(one)
                    say(f"dropped {one.collection}.{one.name}")
        return not any(one.state in ("missing", "different") for one in indexes.states())


def _build(indexes: Indexes, wanted: list[IndexState], say: Say) -> None:
    for number, one in enumerate(wanted, start=1):
        begun = monotonic()
        say(f"building {number} of {len(wanted)}: {one.collection}.{one.name}")
        indexes.build(one)
        say(f"built {number} of {len(wanted)} in {monotonic() - begun:.1f} s")


def _line(one: IndexState) -> str:
    keys = ", ".join(f"{path} {direction}" for path, direction in one.keys)
    return f"{_MARKS[one.state]}  {one.state:<9} {one.collection}.{one.name}  ({keys})"


def _parameter(one: Declared) -> str:
    bases = ", ".join(one.body["base"])
    state = {
        "ready": "ready",
        "waiting": f"being indexed, {one.progress.percent} %",
        "leaving": f"being removed, {one.progress.percent} %",
    }[one.state]
    mark = "OK" if one.state == "ready" else ".."
    return f"{mark}  parameter `{one.body['code']}` of {bases}: {state}"
