"""What a requester can read: the reading side of the only door.

Every method answers as if what the requester may not know did not exist, and has left its trace
in the access log before it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.consent import facts
from fhir_server.consent.requester import Requester
from fhir_server.fhir.errors import Gone, NotFound
from fhir_server.predicate import Predicate, all_of, any_of, one_of
from fhir_server.records.across_types import across
from fhir_server.records.context import Context
from fhir_server.records.hops import Hops
from fhir_server.records.notifying import Notifying
from fhir_server.records.prune import prune
from fhir_server.records.searching import Page as Page
from fhir_server.records.searching import Searching
from fhir_server.records.seeing import ACL, Seeing
from fhir_server.records.stored_sight import StoredSight
from fhir_server.records.terminology import StoredTerminology
from fhir_server.records.trace import Touched, Tracer
from fhir_server.records.weight import without_content
from fhir_server.search.page import Position
from fhir_server.search.query import Query
from fhir_server.search.types import Locale
from fhir_server.store.rows import Row


class View:
    """The record as one requester may see it, at one instant, in one request."""

    def __init__(self, context: Context, requester: Requester, request_id: str, at: int) -> None:
        """Bind to `requester`; `at` is in microseconds since the epoch."""
        self.context = context
        self.requester = requester
        self.request_id = request_id
        self.at = at
        self.seeing = Seeing(context.store, context.sights, requester, at)
        self.notifying = Notifying(context, self.seeing)
        self.tracer = Tracer(self.notifying, context.locale, requester, request_id, at)
        self.searching = Searching(context, self.seeing)

    @property
    def locale(self) -> Locale:
        """Return what queries are read by: the server's own, and what this caller may look up."""
        own = self.context.locale
        return replace(
            own, terminology=StoredTerminology(self.context.store, self.seeing, own.base)
        )

    # one resource --------------------------------------------------------------------------

    def read(self, type_: str, id_: str, *, interaction: str = "read") -> Row:
        """Return the current version. Raises `NotFound`, the same for hidden and absent (L17)."""
        row = self.context.store.get(type_, id_)
        if row is None:
            row = self._deleted(type_, id_)
        if row is None or not self.seeing.knows(row):
            self._refuse(interaction, f"{type_}/{id_}", self._looked_for(row))
            raise unknown(type_, id_)
        if row.gone:
            self._refuse(interaction, row.ref, row)
            raise Gone(f"{type_}/{id_} was deleted")
        self._disclose(interaction, [row])
        return row if row.content else self.shown(row)

    def _looked_for(self, row: Row | None) -> Row | None:
        """Return what is hidden, or nothing, once the database was asked as much for either.

        INVARIANT: whether a resource is absent, hidden, or was deleted while hidden, refusing it
        takes the same commands, so that the time of a refusal says nothing (L46).
        """
        if row is not None and not row.gone:
            self._deleted(row.type, row.id)
        self.seeing.ask_of_nobody()
        return row

    def _deleted(self, type_: str, id_: str) -> Row | None:
        last = self.context.store.last(type_, id_)
        return last if last is not None and last.gone else None

    def version(self, type_: str, id_: str, version: str) -> Row:
        """Return one version. What hides the resource now hides its past; old labels too (L19)."""
        latest = self.context.store.get(type_, id_) or self._deleted(type_, id_)
        if latest is None or not self.seeing.knows(latest):
            self._refuse("vread", f"{type_}/{id_}", self._looked_for(latest))
            raise unknown(type_, f"{id_}/_history/{version}")
        row: Row | None = None
        if version.isascii() and version.isdigit() and len(version) < 10:
            past = int(version) != latest.version
            row = self.context.store.version(type_, id_, int(version)) if past else latest
        if row is None or not self.seeing.knows(row):
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
            self.seeing.ask_of_nobody()
            self._refuse("history-instance", f"{type_}/{id_}", rows[0] if rows else None)
            raise unknown(type_, id_)
        found = [row for row in rows if self.seeing.knows(row)]
        self._disclose("history-instance", found[:1])
        return [row if row.gone else self.shown(row) for row in found]

    # searches --------------------------------------------------------------------------------

    def search(
        self, query: Query, after: Position | None = None, *, asked: str = "", about: str = ""
    ) -> Page:
        """Return one page: matches in order, includes, and the exact total for this caller.

        `about` is the record that the address names, for the log.
        """
        ready = self.searching.prepared(query)
        page = self.searching.page(ready, after)
        return self._shown(page, "search-type", asked, about or ready.patient, ready.sight)

    def search_types(
        self, queries: Sequence[Query], after: Position | None, *, asked: str, about: str = ""
    ) -> Page:
        """Return one page of several types together, as `search` does for one.

        Types of which nothing was ever stored are not looked at.
        """
        stored = set(self.context.store.types())
        held = [query for query in queries if query.type in stored] or queries[:1]
        ready = [self.searching.prepared(query) for query in held]
        sight = ready[0].sight
        if any(one.sight is not sight for one in ready):
            sight = self.seeing.sight(None)
        page = across(self.searching, ready, after, sight)
        interaction = "search-type" if about else "search-system"
        return self._shown(page, interaction, asked, about, sight)

    def _shown(
        self, page: Page, interaction: str, asked: str, patient: str, sight: StoredSight
    ) -> Page:
        """Log what a page discloses, and take out of what points what may not be known."""
        rows = [*page.rows, *page.included]
        self._disclose(interaction, rows, asked=asked, patient=patient, sight=sight)
        shown, included = map(self.shown, page.rows), map(self.shown, page.included)
        return replace(page, rows=tuple(shown), included=tuple(included))

    def condition(self, query: Query) -> Predicate:
        """Return what a conditional write may match: what is known, and what the caller authored.

        Their own they may change without being authorised to read it (R22).
        """
        hops = Hops(self.context, self.seeing)
        sight = self.seeing.sight(hops.scope(query.type, query.clauses))
        own = [hops.predicate(query.type, clause, sight) for clause in query.clauses]
        authored = one_of(f"{ACL}.{facts.AUTHORS}", self.requester.keys)
        return all_of(*own, any_of(self.seeing.known(query.type, sight), authored))

    def matching(self, type_: str, condition: Predicate, *, limit: int = 2) -> list[Row]:
        """Return what a `condition` of this view finds now, before the write that it is for."""
        return self.context.store.find(type_, condition, limit=limit)

    def met(self, row: Row) -> None:
        """Log that a conditional create told its caller of `row`, which was there before."""
        self._disclose("search-type", [row])

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
        excluded = sight is not None and self.requester.kind in sight.rule_set.excluded
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
        if id_ and why == NotFound.__name__:
            self.seeing.ask_of_nobody()
            if row is not None and interaction == "delete":
                self._deleted(type_, id_)
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
