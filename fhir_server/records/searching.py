"""Searches, as one requester may carry them out: matches in order, includes, the exact total.

Every query carries the caller's predicate of the type that it reads, so nothing is taken out of a
page after it was found: totals, order and the places of pages are those of what may be known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fhir_server.consent import facts
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import ALWAYS, Has, OneOf, Predicate, all_of
from fhir_server.records.context import Context
from fhir_server.records.facts import governed
from fhir_server.records.governance import governance
from fhir_server.records.hops import POINTING, Hops
from fhir_server.records.including import SHOWN, Included, Including, links_of
from fhir_server.records.scope import about_one
from fhir_server.records.seeing import ACL, Seeing
from fhir_server.records.stored_sight import StoredSight
from fhir_server.records.weight import check_included, fitting
from fhir_server.search.page import Position, beyond, order, value_at
from fhir_server.search.query import Query
from fhir_server.search.registry import field, parameter
from fhir_server.search.result import Result
from fhir_server.store.rows import Row


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `total` is None when it is not told (`Searching.count`).

    `last` is where the next page begins and `previous` where the one before ends, if there is one.
    `cut`: there was more to include than a page may bring.
    """

    rows: tuple[Row, ...]
    included: tuple[Row, ...] = ()
    total: int | None = None
    last: Position | None = None
    cut: bool = False
    previous: Position | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that is ready to be sent; `patient` is the one record that it is about, or empty.

    `inside` is that record again, where `matching` finds nothing that is not in it, and empty where
    it may.
    """

    query: Query
    sight: StoredSight
    matching: Predicate
    patient: str
    inside: str = ""


class Searching:
    """Searches of one requester in one request."""

    def __init__(self, context: Context, seeing: Seeing) -> None:
        """Search what `seeing` may."""
        self.context = context
        self.seeing = seeing

    def prepared(self, query: Query) -> Prepared:
        """Resolve the hops of `query`, and join what it asks with what may be known."""
        check_order(query)
        hops = Hops(self.context, self.seeing)
        scope = hops.scope(query.type, query.clauses)
        sight = self.seeing.sight(scope)
        patient = next(iter(scope)) if scope is not None and len(scope) == 1 else ""
        clauses = [hops.predicate(query.type, clause, sight) for clause in query.clauses]
        # What a search by patient finds of these types is in that record (`facts.patients`), so
        # the query may begin with it: the record's indexes are in the order of its pages.
        inside = patient if governance()[query.type].kind == "record" else ""
        known = self.seeing.known(query.type, sight, inside)
        # A Patient and nothing else: what is about a Device of the same id is in no record.
        named = bool(inside) and Has(field("patient"), f"Patient/{inside}") in clauses
        if named and known == ALWAYS and about_one(query.type):
            known = Has(f"{ACL}.{facts.PATIENT}", inside)
        if known == ALWAYS:
            inside = ""
        if inside:
            # INVARIANT: `acl.patient` is `patient` where the type has that parameter.
            clauses = [clause for clause in clauses if not _names(clause, inside)]
        return Prepared(query, sight, all_of(*clauses, known), patient, inside)

    def page(self, asked: Prepared, after: Position | None = None) -> Page:
        """Return the page of one query that begins after `after`, or ends before it."""
        query, result = asked.query, asked.query.result
        only_total = result.summary_count or result.count == 0
        rows = [] if only_total else self.rows(asked, after, result.count + 1)
        rows, more = turned(rows, result.count, after)
        complete = not (more or after or only_total)
        total = total_of(result, after, lambda: len(rows) if complete else self.count([asked]))
        included = self.included(query, rows, asked.sight)
        ends = [replace(position(query, row), total=total) for row in (rows[:1] + rows[-1:])]
        last, previous = around(query, ends, after, more=more)
        return Page(tuple(rows), included.rows, total, last, included.cut, previous)

    def rows(self, asked: Prepared, after: Position | None, limit: int) -> list[Row]:
        """Return the first `limit` matches after `after`; backwards, the nearest before it."""
        query, matching, sort = asked.query, asked.matching, asked.query.result.sort
        back = after is not None and after.back
        if after is not None and not after.edge:
            matching = all_of(matching, beyond(sort, after.values, after.id, back=back))
        return self.context.store.find(
            query.type,
            matching,
            sort=[(key.field, key.descending) for key in order(sort, back=back)],
            limit=limit,
            only=shown_of(query, asked.inside),
            acl={facts.PATIENT: asked.inside} if asked.inside else None,
        )

    def count(self, asked: Sequence[Prepared]) -> int | None:
        """Count the matches of queries that are asked together, exactly.

        In a long list of patients that costs as all that may be known in them, whatever the page
        costs: there it is None, unless the caller asks for it.
        """
        if not asked[0].query.result.asks_total and any(one.sight.is_long_list for one in asked):
            return None
        return sum(self.context.store.count(one.query.type, one.matching) for one in asked)

    def included(self, query: Query, rows: Sequence[Row], sight: StoredSight) -> Included:
        """Return what comes with `rows`; raises `BadRequest` when that is too heavy for a page."""
        if not query.result.includes or not rows:
            return Included()
        found = Including(self.context, self.seeing, query.result.includes, sight).of(rows)
        check_included(found.rows)
        return found


def shown_of(query: Query, inside: str) -> tuple[str, ...]:
    """Return the fields that the matches of `query` are shown, sorted and included by.

    What is `inside` one record does not point, and its record need not be fetched.
    """
    sorted_by = (key.field for key in query.result.sort if "." in key.field)
    shown_by = () if inside else SHOWN
    return (*shown_by, *sorted_by, *links_of(query.type, query.result.includes))


def position(query: Query, row: Row) -> Position:
    """Return where the page after `row` begins."""
    document = {"_id": row.id, "updated": row.updated, "srt": row.srt}
    values = tuple(value_at(document, key.field) for key in query.result.sort)
    return Position(query.type, query.used, values, row.id)


def check_order(query: Query) -> None:
    """Refuse an order that what is hidden would have a part in: that of what a pointer points to."""
    if governance()[query.type].kind not in POINTING:
        return
    for key in query.result.sort:
        code = key.field.removeprefix("srt.")
        if code != key.field and any(map(governed, parameter(query.type, code).target)):
            raise BadRequest(
                f"`{code}` of {query.type} can't be sorted by: what it points to may be hidden",
                code="not-supported",
            )


def turned(rows: list[Row], count: int, after: Position | None) -> tuple[list[Row], bool]:
    """Return what of `rows` goes on a page, in the order asked for, and whether more was found."""
    kept = fitting(rows, count)
    more, rows = len(rows) > kept, rows[:kept]
    return (rows[::-1] if after is not None and after.back else rows), more


def total_of(
    result: Result, after: Position | None, counted: Callable[[], int | None]
) -> int | None:
    """Return the total: counted for each page, since what may be known can change between two.

    For an estimate, what the first page counted is said again.
    """
    if result.total == "none":
        return None
    if result.total == "estimate" and after is not None and after.total is not None:
        return after.total
    return counted()


def around(
    query: Query, ends: Sequence[Position], after: Position | None, *, more: bool
) -> tuple[Position | None, Position | None]:
    """Return the places of the next page and the previous one; `ends` are those of a page's rows.

    Going on from a row there was a page before, whatever became of it; none is looked for.
    """
    back, inside = after is not None and after.back, after is not None and not after.edge
    if not ends:
        edge = Position(query.type, query.used, (), "", edge=True, back=not back)
        other = edge if inside else None
        return (other, None) if back else (None, other)
    following = ends[-1] if (inside if back else more) else None
    return following, replace(ends[0], back=True) if (more if back else inside) else None


def _names(clause: Predicate, patient: str) -> bool:
    """Tell whether a clause asks no more than that `patient` is a record's."""
    match clause:
        case Has(name, value):
            return name == field("patient") and value == f"Patient/{patient}"
        case OneOf(name, values):
            return name == field("patient") and f"Patient/{patient}" in values
        case _:
            return False
