"""What a requester can read: the reading side of the only door.

Every method answers as if what the requester may not know did not exist, and has left its trace
in the access log before it returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.consent import facts
from fhir_server.consent.requester import Kind, Requester
from fhir_server.consent.rules import EXCLUDED
from fhir_server.fhir.errors import BadRequest, Gone, NotFound
from fhir_server.predicate import ALWAYS, Has, OneOf, Predicate, all_of, any_of, one_of
from fhir_server.records.context import Context
from fhir_server.records.facts import governed
from fhir_server.records.governance import governance
from fhir_server.records.prune import prune
from fhir_server.records.scope import MOST, patients
from fhir_server.records.seeing import ACL, Seeing
from fhir_server.records.stored_sight import StoredSight
from fhir_server.records.trace import Touched, Tracer
from fhir_server.records.weight import check_included, fitting, without_content
from fhir_server.search.page import Position, beyond, value_at
from fhir_server.search.query import Clause, Hop, Leaf, Query
from fhir_server.search.registry import field
from fhir_server.search.result import Include
from fhir_server.store.rows import Row

_PAGE: Final = (f"{ACL}.{facts.PATIENT}", f"{ACL}.{facts.TARGETS}")
"""The facts that a page still needs once the query has decided what is on it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `total` is None when it was not asked for."""

    rows: tuple[Row, ...]
    included: tuple[Row, ...] = ()
    total: int | None = None
    last: Position | None = None


class View:
    """The record as one requester may see it, at one instant, in one request."""

    def __init__(self, context: Context, requester: Requester, request_id: str, at: int) -> None:
        """Bind to `requester`; `at` is in microseconds since the epoch."""
        self.context = context
        self.requester = requester
        self.request_id = request_id
        self.at = at
        self.seeing = Seeing(context.store, context.sights, requester, at)
        self.tracer = Tracer(context.log, context.locale, requester, request_id, at)
        self._found: dict[Predicate, list[str]] = {}

    # one resource --------------------------------------------------------------------------

    def read(self, type_: str, id_: str, *, interaction: str = "read") -> Row:
        """Return the current version. Raises `NotFound`, the same for hidden and absent (L17)."""
        row = self.context.store.get(type_, id_)
        if row is None:
            row = self._deleted(type_, id_)
        if row is None or not self.seeing.knows(row):
            self._refuse(interaction, f"{type_}/{id_}", row)
            raise unknown(type_, id_)
        if row.gone:
            self._refuse(interaction, row.ref, row)
            raise Gone(f"{type_}/{id_} was deleted")
        self._disclose(interaction, [row])
        return row if row.content else self.shown(row)

    def _deleted(self, type_: str, id_: str) -> Row | None:
        last = self.context.store.last(type_, id_)
        return last if last is not None and last.gone else None

    def version(self, type_: str, id_: str, version: str) -> Row:
        """Return one version. What hides the resource now hides its past; old labels too (L19)."""
        row = None
        latest = self.context.store.get(type_, id_) or self._deleted(type_, id_)
        if latest is not None and version.isascii() and version.isdigit() and len(version) < 10:
            past = int(version) != latest.version
            row = self.context.store.version(type_, id_, int(version)) if past else latest
        if row is None or latest is None or not all(map(self.seeing.knows, (latest, row))):
            self._refuse("vread", f"{type_}/{id_}", latest)
            raise unknown(type_, f"{id_}/_history/{version}")
        if row.gone:
            self._refuse("vread", row.ref, row)
            raise Gone(f"{type_}/{id_} was deleted in version {version}")
        self._disclose("vread", [row])
        return row if row.content else self.shown(row)

    def versions(self, type_: str, id_: str) -> list[Row]:
        """Return every version that may be known, newest first, tombstones included."""
        rows = self.context.store.versions(type_, id_)
        if not rows or not self.seeing.knows(rows[0]):
            self._refuse("history-instance", f"{type_}/{id_}", rows[0] if rows else None)
            raise unknown(type_, id_)
        found = [row for row in rows if self.seeing.knows(row)]
        self._disclose("history-instance", found[:1])
        return [row if row.gone else self.shown(row) for row in found]

    # searches --------------------------------------------------------------------------------

    def search(self, query: Query, after: Position | None = None, *, asked: str = "") -> Page:
        """Return one page: matches in order, includes, and the exact total for this caller."""
        scope = self._scope(query)
        sight = self.seeing.sight(scope)
        alone = next(iter(scope)) if scope is not None and len(scope) == 1 else ""
        matching = self._matching(query, sight, alone)
        result = query.result
        only_total = result.summary_count or result.count == 0
        rows = [] if only_total else self._rows(query, matching, after)
        kept = fitting(rows, result.count)
        more, rows = len(rows) > kept, rows[:kept]
        total = self._total(query, matching, rows, complete=not (more or after or only_total))
        included = self._included(query.result.includes, rows, sight)
        check_included(included)
        self._disclose("search-type", [*rows, *included], asked=asked, patient=alone, sight=sight)
        last = self._position(query, rows[-1]) if more else None
        shown = (self.shown(row) for row in rows)
        return Page(tuple(shown), tuple(map(self.shown, included)), total, last)

    def condition(self, query: Query) -> Predicate:
        """Return what a conditional write may match: what is known, and what the caller authored.

        Their own they may change without being authorised to read it (R22).
        """
        sight = self.seeing.sight(self._scope(query))
        own = [self._clause(query.type, clause, sight) for clause in query.clauses]
        authored = one_of(f"{ACL}.{facts.AUTHORS}", self.requester.keys)
        return all_of(*own, any_of(self.seeing.known(query.type, sight), authored))

    def matching(self, type_: str, condition: Predicate, *, limit: int = 2) -> list[Row]:
        """Return what a `condition` of this view finds now, before the write that it is for."""
        return self.context.store.find(type_, condition, limit=limit)

    def met(self, row: Row) -> None:
        """Log that a conditional create told its caller of `row`, which was there before."""
        self._disclose("search-type", [row])

    def _matching(self, query: Query, sight: StoredSight, record: str) -> Predicate:
        clauses = [self._clause(query.type, clause, sight) for clause in query.clauses]
        # What a search by patient finds of these types is in that record (`facts.patients`), so
        # the query may begin with it: the record's indexes are in the order of its pages.
        inside = record if governance()[query.type].kind == "record" else ""
        known = self.seeing.known(query.type, sight, inside)
        if inside and known != ALWAYS:
            # INVARIANT: `acl.patient` is `patient` where the type has that parameter.
            clauses = [clause for clause in clauses if not _names(clause, inside)]
        return all_of(*clauses, known)

    def _rows(self, query: Query, matching: Predicate, after: Position | None) -> list[Row]:
        sort = query.result.sort
        if after is not None:
            matching = all_of(matching, beyond(sort, after.values, after.id))
        included = (f"idx.{include.code}" for include in query.result.includes)
        return self.context.store.find(
            query.type,
            matching,
            sort=[(key.field, key.descending) for key in sort],
            limit=query.result.count + 1,
            only=(*_PAGE, *(key.field for key in sort if "." in key.field), *included),
        )

    def _total(
        self, query: Query, matching: Predicate, rows: Sequence[Row], *, complete: bool
    ) -> int | None:
        if query.result.total == "none":
            return None
        return len(rows) if complete else self.context.store.count(query.type, matching)

    def _position(self, query: Query, row: Row) -> Position:
        document = {"_id": row.id, "updated": row.updated, "srt": row.srt}
        values = tuple(value_at(document, key.field) for key in query.result.sort)
        return Position(query.type, query.used, values, row.id)

    def _scope(self, query: Query) -> frozenset[str] | None:
        """Return the records that `query` can be about; None for any."""
        self._found.clear()

        def candidates(clause: Clause) -> frozenset[str] | None:
            if not isinstance(clause, Leaf):
                return None
            if query.type == "Patient" and self.requester.kind is Kind.TRUSTED_SYSTEM:
                return None  # no policy is read, so none need be left out
            found = self._patients(clause.predicate)
            return frozenset(found) if len(found) <= MOST else None

        return patients(query, candidates)

    def _patients(self, predicate: Predicate) -> list[str]:
        """Return the Patients in which `predicate` holds, whoever asks; asked once a search."""
        if predicate not in self._found:
            self._found[predicate] = self.context.store.ids("Patient", predicate, limit=MOST + 1)
        return self._found[predicate]

    def _clause(self, type_: str, clause: Clause, sight: StoredSight) -> Predicate:
        """Return a clause as a predicate; a hop sees only what its caller may know (L10)."""
        if isinstance(clause, Hop):
            refs = [
                ref
                for target, inner in clause.targets.items()
                for ref in self._reach(target, inner, sight)
            ]
            found = one_of(clause.field, refs)
        else:
            found = clause.predicate
        return self._guarded(type_, clause.code, found, sight)

    def _guarded(self, type_: str, code: str, found: Predicate, sight: StoredSight) -> Predicate:
        """Let a pointer be found only by what the caller may know that it points to (L36)."""
        if governance()[type_].kind not in ("pointer", "trace"):
            return found
        where = field(code)
        match found:
            case Has(name, str() as value) if name == where:
                refs = [value]
            case OneOf(name, values) if name == where:
                refs = [value for value in values if isinstance(value, str)]
            case _:
                return found
        pointed = [ref for ref in refs if governed_ref(ref)]
        if not pointed:
            return found
        shown = self.seeing.pointing(type_, where, pointed, sight)
        return all_of(found, shown)

    def _reach(self, target: str, inner: Clause, sight: StoredSight) -> list[str]:
        """Return the references that a hop leads through."""
        predicate = all_of(self._clause(target, inner, sight), self.seeing.known(target, sight))
        ids = self._found.get(predicate, []) if target == "Patient" else []
        if not 0 < len(ids) <= MOST:
            ids = self.context.store.ids(target, predicate, limit=self.context.hop_limit + 1)
        if len(ids) > self.context.hop_limit:
            raise BadRequest(
                f"a chain through {target} meets more than {self.context.hop_limit} resources; "
                "narrow it",
                code="too-costly",
            )
        return [f"{target}/{id_}" for id_ in ids]

    def _included(
        self, includes: Iterable[Include], rows: Sequence[Row], sight: StoredSight
    ) -> list[Row]:
        """Return what rows refer to and the caller may know, each once, never a match (L12)."""
        wanted: dict[str, dict[str, None]] = {}
        matched = {row.ref for row in rows}
        for include in includes:
            for row in rows:
                for ref in row.idx.get(include.code, ()) if row.type == include.source else ():
                    type_, _, id_ = ref.partition("/")
                    asked = include.target in ("", type_) and type_ in governance()
                    if asked and ref not in matched and ref not in self.seeing.hidden_in(row):
                        wanted.setdefault(type_, {})[id_] = None
        found: list[Row] = []
        for type_, ids in wanted.items():
            known = self.seeing.known(type_, sight)
            found += self.context.store.find(type_, all_of(one_of("_id", ids), known))
        return found

    # traces ----------------------------------------------------------------------------------

    def shown(self, row: Row) -> Row:
        """Return what points without what is hidden, spaced alike whether that is something.

        The content of a large Binary is left out: it is for who reads it alone.
        """
        if row.content:
            return without_content(row)
        hidden = self.seeing.hidden_in(row)
        if not hidden and (row.type == "AuditEvent" or not self.seeing.prunes(row)):
            return row
        return replace(row, raw=prune(row.raw, hidden, self.context.locale.base))

    def _disclose(
        self,
        interaction: str,
        rows: Sequence[Row],
        *,
        asked: str = "",
        patient: str = "",
        sight: StoredSight | None = None,
    ) -> None:
        touched = [Touched(row.ref, row.acl.get(facts.PATIENT, "")) for row in rows]
        if sight is None and touched:
            sight = self.seeing.sight((touched[0].patient,) if touched[0].patient else ())
        rules = sight.rules_used() if sight is not None else ()
        excluded = sight is not None and self.requester.kind in EXCLUDED
        self.tracer.commit(
            self.tracer.entries(
                interaction,
                touched,
                patient=patient,
                query=asked,
                rules=rules,
                refused=excluded,
            )
        )

    def refused(self, interaction: str, ref: str, why: str) -> None:
        """Log a write that was refused; `ref` is `Type/id`, or `Type` for a new resource."""
        type_, _, id_ = ref.partition("/")
        row = self.context.store.get(type_, id_) if id_ else None
        patient = row.acl.get(facts.PATIENT, "") if row is not None else ""
        touched = [Touched(ref, patient)] if id_ else []
        self.tracer.commit(
            self.tracer.entries(interaction, touched, patient=patient, refused=True, why=why)
        )

    def _refuse(self, interaction: str, ref: str, row: Row | None) -> None:
        patient = row.acl.get(facts.PATIENT, "") if row is not None else ""
        touched = [Touched(ref, patient)]
        self.tracer.commit(self.tracer.entries(interaction, touched, refused=True))


def unknown(type_: str, id_: str) -> NotFound:
    """Return the one answer for what is absent and for what may not be known."""
    return NotFound(f"{type_}/{id_} is not known")


def _names(clause: Predicate, patient: str) -> bool:
    """Tell whether a clause asks no more than that `patient` is a record's."""
    match clause:
        case Has(name, value):
            return name == field("patient") and value == f"Patient/{patient}"
        case OneOf(name, values):
            return name == field("patient") and f"Patient/{patient}" in values
        case _:
            return False


def governed_ref(ref: str) -> bool:
    """Tell whether `ref` is of a type that can be hidden inside a record."""
    type_ = ref.partition("/")[0]
    return type_ in governance() and governed(type_)
