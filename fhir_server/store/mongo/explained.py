"""What MongoDB does for a search: the plan of every query that was sent for it, and what it cost.

The queries are noted as they are sent, so that the plans are those of the search as it is, hops
and includes and totals too. https://www.mongodb.com/docs/manual/reference/explain-results/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fhir_server.store.mongo.errors import translated

if TYPE_CHECKING:
    from fhir_server.store.mongo.store import MongoStore

Command = dict[str, Any]
EXPLAIN_TIME_MS: Final = 10_000
"""The longest a query may run to be explained: no longer than to be answered (L47)."""
_NOTED: Final[ContextVar[list[Command] | None]] = ContextVar("noted", default=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one query was answered. No value of it is here: stages and indexes have names.

    `verb` is MongoDB's (`find`, `aggregate` for a total); stages stand outermost first; `documents`
    and `keys` were examined, `returned` came out.
    """

    verb: str
    collection: str
    stages: tuple[str, ...]
    indexes: tuple[str, ...]
    keys: int
    documents: int
    returned: int
    milliseconds: int


def note(command: Command) -> None:
    """Keep the command that is about to be sent, if somebody asked for plans."""
    noted = _NOTED.get()
    if noted is not None:
        noted.append(command)


@contextmanager
def noting() -> Iterator[list[Command]]:
    """Give the list of the commands that are sent inside, by this thread."""
    noted: list[Command] = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


@translated
def plan(store: MongoStore, command: Command) -> Plan:
    """Run `command` once more, and return how MongoDB went about it."""
    told = store._db.command(
        "explain", command, verbosity="executionStats", maxTimeMS=EXPLAIN_TIME_MS
    )
    first = told.get("stages", [{}])[0].get("$cursor", told)
    stats = first["executionStats"]
    stages = list(_stages(first["queryPlanner"]["winningPlan"]))
    verb = next(iter(command))
    return Plan(
        verb=verb,
        collection=command[verb],
        stages=tuple(dict.fromkeys(name for name, _ in stages)),
        indexes=tuple(dict.fromkeys(index for _, index in stages if index)),
        keys=stats["totalKeysExamined"],
        documents=stats["totalDocsExamined"],
        returned=stats["nReturned"],
        milliseconds=stats["executionTimeMillis"],
    )


def _stages(node: Any) -> Iterator[tuple[str, str]]:
    """Yield name and index of each stage; a sharded or a slot-based plan has them deeper."""
    if isinstance(node, list):
        for each in node:
            yield from _stages(each)
    elif isinstance(node, Mapping):
        if isinstance(stage := node.get("stage"), str):
            yield stage, str(node.get("indexName", ""))
        for name in ("queryPlan", "inputStage", "inputStages", "shards", "winningPlan"):
            yield from _stages(node.get(name))
