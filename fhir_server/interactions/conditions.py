"""Conditional writes: https://hl7.org/fhir/R4/http.html#cond-update and its neighbours.

A condition finds, among what the caller may know or has authored (L24, L25, L30), the one resource
that a write is about. It is looked for again inside the transaction that writes, and two writes
under the same condition run one after another, so that identical conditional creates make one
resource however many come at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fhir_server.fhir.errors import BadRequest, PreconditionFailed
from fhir_server.interactions.exchange import Exchange
from fhir_server.interactions.search import read
from fhir_server.predicate import Predicate
from fhir_server.records.naming import may_choose
from fhir_server.records.writing import Change
from fhir_server.store.rows import Row

Pairs = Sequence[tuple[str, str]]
MOST_DELETED = 100
"""A conditional delete that would take more is refused."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on resources of `type`; `lock` names it for writes that must not overlap."""

    type: str
    predicate: Predicate
    lock: str

    def sole(self, change: Change) -> Row | None:
        """Return what matches now, or None. Raises `PreconditionFailed` when several do."""
        return one(self.type, change.matching(self.predicate, self.type))

    def now(self, x: Exchange) -> Row | None:
        """Return what matches before a transaction begins; raises as `sole` does."""
        return one(self.type, x.view.matching(self.type, self.predicate))


def chosen_id(x: Exchange, resource: Mapping[str, Any]) -> str:
    """Return the id of a new `resource` if the caller may choose it (contract, conventions 9)."""
    id_ = str(resource.get("id", ""))
    return id_ if may_choose(x.view.requester, x.view.context.update_create, id_) else ""


def condition(x: Exchange, type_: str, pairs: Pairs) -> Condition:
    """Read a condition; raises `BadRequest` when it selects nothing in particular."""
    query = read(x, type_, pairs)
    if not query.clauses:
        raise BadRequest("a condition needs at least one search parameter", code="invalid")
    lock = f"{type_}?{urlencode(sorted(query.used))}"
    return Condition(type_, x.view.condition(query), lock)


def one(type_: str, found: Sequence[Row]) -> Row | None:
    """Return the only row, or None; raises `PreconditionFailed` for several."""
    if len(found) > 1:
        raise PreconditionFailed(
            f"several {type_} resources match the condition", code="multiple-matches"
        )
    return found[0] if found else None


def pairs_of(text: str) -> Pairs:
    """Read the query of `If-None-Exist` or of a conditional reference, its type left out or not."""
    return parse_qsl(text.partition("?")[2] or text, keep_blank_values=True)
