"""The history of a type, or of everything, as one requester may see it (L20).

A version is shown when it could be known as it was, and the resource can be known as it is now:
both conditions stand in the query. The access log is no part of it; it never changes, and it is
read by searching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.consent import facts
from fhir_server.records.trace import Touched
from fhir_server.records.view import View
from fhir_server.records.weight import fitting
from fhir_server.store.mongo.errors import translated
from fhir_server.store.mongo.past import Place, Window, place
from fhir_server.store.rows import Row


@dataclass(frozen=True, slots=True)
class Chapter:
    """One page of a history; `last` is where the next one begins, None at the end."""

    rows: tuple[Row, ...]
    total: int
    last: Place | None


@translated
def chronicle(
    view: View, type_: str, window: Window, *, count: int, after: Place | None, asked: str
) -> Chapter:
    """Return the versions of `type_` (all types when empty), newest first."""
    types = _types(view, type_)
    sight = view.seeing.sight(None)
    past = view.context.store.past(types, dict.fromkeys(types, sight.known), window)
    rows = past.page(after, count + 1) if count else []
    kept = fitting(rows, count)
    more, rows = len(rows) > kept, rows[:kept]
    complete = not (more or after or not count)
    total = len(rows) if complete else past.count()
    _trace(view, type_, rows, asked)
    last = place(rows[-1]) if more else None
    return Chapter(tuple(row if row.gone else view.shown(row) for row in rows), total, last)


def _types(view: View, type_: str) -> Sequence[str]:
    stored = [name for name in view.context.store.types() if name != "AuditEvent"]
    return [name for name in stored if type_ in ("", name)]


def _trace(view: View, type_: str, rows: Sequence[Row], asked: str) -> None:
    interaction = "history-type" if type_ else "history-system"
    touched = [Touched(row.ref, row.acl.get(facts.PATIENT, "")) for row in rows]
    unique = list(dict.fromkeys(touched))
    view.tracer.commit(view.tracer.entries(interaction, unique, query=asked))
