"""What a requester can write: the writing side of the only door.

A `Change` runs inside one transaction and may hold many writes (a transaction Bundle holds all of
its own); its access-log entries are committed with it. Nothing is half-stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypeVar

from fhir_server.consent import facts
from fhir_server.consent.requester import EMERGENCIES, Kind
from fhir_server.definitions import RESOURCE_TYPES, search_parameters
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import (
    Forbidden,
    Issue,
    PreconditionFailed,
    PreconditionRequired,
    Unprocessable,
)
from fhir_server.fhir.json import Document, Draft, parse, stamp
from fhir_server.predicate import Predicate, one_of
from fhir_server.records import authority
from fhir_server.records.consent_writing import ConsentWriting
from fhir_server.records.effects import Effects
from fhir_server.records.facts import (
    REPLACES,
    Deposit,
    consent_facts,
    subject_identifiers,
)
from fhir_server.records.naming import may_choose
from fhir_server.records.people import People
from fhir_server.records.policies import is_closed
from fhir_server.records.standing import admitted, represents, secret_deposit
from fhir_server.records.trace import Touched
from fhir_server.records.view import View, unknown
from fhir_server.search.index import IndexValues, index
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import File, Row

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write made.

    `readable` tells whether its author may also read it (R22); `warnings` are what of a Consent is
    not understood.
    """

    row: Row
    created: bool
    readable: bool
    warnings: tuple[Issue, ...] = ()


class Change:
    """The writes of one transaction, by one requester."""

    def __init__(self, view: View, unit: Unit) -> None:
        """Write in `unit` as the requester of `view`."""
        self._view = view
        self._unit = unit
        self._effects = Effects(unit, view.context.policies, view.context.store.types)
        self._people = People(unit, view.context.locale.base)
        self._consents = ConsentWriting(view, unit, self._people)
        self._traces: list[Row] = []
        self.content: File | None = None
        """The content of the Binary that is to be written, when it came apart (ADR 0015)."""

    def matching(self, condition: Predicate, type_: str, *, limit: int = 2) -> list[Row]:
        """Return what matches a condition, as this transaction sees it."""
        return self._unit.find(type_, condition, limit=limit)

    # create ----------------------------------------------------------------------------------

    def create(
        self,
        type_: str,
        document: Document | Draft,
        id_: str,
        *,
        chosen: bool = False,
        named: bool = False,
    ) -> Written:
        """Store the first version of a resource under `id_`.

        `chosen`: the caller chose the id; `named`: something written before names it already.
        """
        version = 1
        if chosen and (last := self._unit.last(type_, id_)) is not None:
            version = last.version + 1
        row, resource = self._row(type_, id_, version, document, None, "PUT" if chosen else "POST")
        row = self._authorised(row, resource)
        row = self._effects.prepared(row, resource, known=chosen or named)
        self._unit.insert(row)
        self._effects.written(row, None, named=chosen or named, before=None, after=resource)
        self._trace("create", row)
        self._supersede(row)
        return Written(
            row, created=True, readable=True, warnings=self._consents.warnings(row, resource)
        )

    def _supersede(self, row: Row) -> None:
        """Mark what a new document replaces as superseded (R86, MHD ITI-105).

        The trusted system imports what others decided, so its documents stay as they come.
        """
        if self._view.requester.kind is Kind.TRUSTED_SYSTEM:
            return
        for ref in row.acl.get(REPLACES, ()):
            type_, _, id_ = ref.partition("/")
            old = self._unit.get(type_, id_)
            if old is None or not authority.owns(self._view.requester, old.acl):
                continue
            resource = parse(old.raw).resource
            if resource.get("status") == "current":
                self._store_next(old, Draft(resource | {"status": "superseded"}), "PUT")

    # update ----------------------------------------------------------------------------------

    def update(
        self,
        type_: str,
        id_: str,
        edit: Callable[[Row], Document | Draft],
        *,
        if_match: str | None = None,
        method: str = "PUT",
    ) -> Written:
        """Replace the current version by what `edit` makes of it.

        Raises `NotFound` for what the caller may neither know nor has authored (L23: before any
        precondition), `PreconditionFailed` when `if_match` names another version, and
        `PreconditionRequired` when it is empty and must not be; None is for operations.
        """
        old = self._writable(type_, id_)
        check_version(if_match, old, required=self._view.context.require_if_match)
        attending = self._attending(old.acl)
        authority.touch(self._view.requester, type_, old.acl, attending=attending)
        document = edit(old)
        row = self._store_next(old, document, method)
        readable, doubts = (
            self._view.seeing.knows(old),
            self._consents.warnings(row, document.resource),
        )
        return Written(row, created=False, readable=readable, warnings=doubts)

    def _store_next(self, old: Row, document: Document | Draft, method: str) -> Row:
        """Authorise and store the version after `old`."""
        row, resource = self._row(old.type, old.id, old.version + 1, document, old, method)
        before = parse(old.raw).resource
        authority.update(
            self._view.requester,
            old.type,
            before,
            resource,
            (old.acl, row.acl),
            attending=self._attending(old.acl),
        )
        row = self._effects.prepared(row, resource, known=True)
        self._unit.replace(old, row)
        self._effects.written(row, old, named=False, before=before, after=resource)
        self._trace("patch" if method == "PATCH" else "update", row)
        return row

    def put(
        self, type_: str, id_: str, document: Document | Draft, *, if_match: str = ""
    ) -> Written:
        """Update, or create under an id that the caller may choose (`naming`)."""
        context = self._view.context
        chooses = may_choose(self._view.requester, context.update_create, id_)
        if chooses and self._unit.get(type_, id_) is None:
            if if_match:
                raise PreconditionFailed(f"{type_}/{id_} has no version `{if_match[:40]}`")
            return self.create(type_, document, id_, chosen=True)
        return self.update(type_, id_, lambda _: document, if_match=if_match)

    # delete ----------------------------------------------------------------------------------

    def delete(self, type_: str, id_: str, *, if_match: str = "") -> Row:
        """Delete; return the tombstone. Raises `NotFound` as `update` does.

        Twice is like once, for who could read that it is deleted.
        """
        if not if_match and (gone := self._already_deleted(type_, id_)) is not None:
            return gone
        old = self._writable(type_, id_)
        check_version(if_match, old, required=self._view.context.require_if_match)
        authority.delete(self._view.requester, type_, old.acl, attending=self._attending(old.acl))
        tombstone = self._unit.remove(old, updated=self._view.at)
        self._effects.removed(old)
        self._trace("delete", old)
        return tombstone

    def _already_deleted(self, type_: str, id_: str) -> Row | None:
        last = None if self._unit.get(type_, id_) else self._unit.last(type_, id_)
        if last is None or not last.gone or not self._view.seeing.knows(last):
            return None
        authority.delete(self._view.requester, type_, last.acl, attending=self._attending(last.acl))
        self._trace("delete", last)
        return last

    # parts -----------------------------------------------------------------------------------

    def _writable(self, type_: str, id_: str) -> Row:
        old = self._unit.get(type_, id_)
        if old is None or not (
            self._view.seeing.knows(old) or authority.owns(self._view.requester, old.acl)
        ):
            raise unknown(type_, id_)
        if not represents(self._view, old.acl):
            raise unknown(type_, id_)
        self._consents.changed(old)
        return old

    def _row(
        self,
        type_: str,
        id_: str,
        version: int,
        document: Document | Draft,
        old: Row | None,
        method: str,
    ) -> tuple[Row, Json]:
        view = self._view
        resource = document.resource
        values = self._index(type_, resource)
        deposit = self._deposit(type_, old, values)
        acl = consent_facts(type_, id_, resource, values, deposit, self._people)
        raw = stamp(document, id=id_, version_id=version, last_updated=instant_text(view.at))
        row = Row(type_, id_, version, view.at, raw, acl, values.values, values.keys, method)
        if type_ == "Binary" and (file := self._content(resource, old, method)):
            row = replace(row, file=file)
        return row, resource

    def _content(self, resource: Json, old: Row | None, method: str) -> File | None:
        """Return the file that a Binary's content lies in; a patch that gives no other keeps it."""
        if method == "PATCH" and old is not None and "data" not in resource:
            return old.content
        return self.content

    def _index(self, type_: str, resource: Json) -> IndexValues:
        """Index, and follow an INS that stands for its patient without a reference."""
        values = index(type_, resource, self._view.context.locale)
        named = [] if "patient" in values.values else subject_identifiers(resource, values)
        found = (
            self._unit.find("Patient", one_of("idx.identifier", named), limit=2) if named else []
        )
        trusted = self._view.requester.kind is Kind.TRUSTED_SYSTEM
        if not trusted and any(is_closed(row) for row in found):
            raise Unprocessable("the record of this INS is closed", code="business-rule")
        for code in ("patient", "subject") if found else ():
            if code in search_parameters(type_):
                values.values.setdefault(code, []).extend(row.ref for row in found)
        return values

    def _deposit(self, type_: str, old: Row | None, values: IndexValues) -> Deposit:
        """Return who deposited and when: kept from the first version (contract, conventions 5).

        What the trusted system imports was deposited when its document says, a document alone: the
        day of a measurement is not the day on which its patient was told (R49).
        """
        if old is not None:
            return Deposit(old.acl[facts.OWNER], old.acl[facts.DEPOSITED])
        view = self._view
        at = view.at
        imported = view.requester.kind is Kind.TRUSTED_SYSTEM and type_ == "DocumentReference"
        if imported and (dated := values.values.get("date")):
            at = dated[0]["lo"] if isinstance(dated[0], dict) else at
        return Deposit(view.requester.identity, min(at, view.at))

    def _authorised(self, row: Row, resource: Json) -> Row:
        """Refuse, or return `row` as it may be added."""
        attending = self._attending(row.acl)
        recorded = None if attending else self._consents.recorded(row, resource)
        if recorded is None:
            authority.create(
                self._view.requester,
                row.type,
                row.acl,
                attending=attending,
                admitted=admitted(self._view, row.acl),
            )
        if not represents(self._view, row.acl):
            raise Forbidden("the holder of this record is of age and no longer represented")
        secret_deposit(self._view.requester, row.type, row.acl)
        return recorded or row

    def _attending(self, acl: Any) -> bool:
        """Tell whether the caller is the attending doctor of the record, which is open."""
        patient = acl.get(facts.PATIENT)
        if patient is None or not self._view.requester.rpps:
            return False
        sight = self._view.seeing.sight((patient,))
        return "attending-doctor" in sight.rules_used()

    def _trace(self, interaction: str, row: Row) -> None:
        touched = [Touched(row.ref, row.acl.get(facts.PATIENT, ""))]
        self._traces += self._view.tracer.entries(interaction, touched)

    def close(self) -> None:
        """Put the access-log entries of all writes into the transaction, and what they call for."""
        self._unit.append(self._traces)
        if self._view.requester.purpose in EMERGENCIES:
            self._view.notifying.review(self._unit, self._traces)


def check_version(if_match: str | None, old: Row, *, required: bool = False) -> None:
    """Raise `PreconditionFailed` when `If-Match` names another version than `old`.

    Raise `PreconditionRequired` when it names none and one is `required`.
    """
    if required and if_match == "":
        raise PreconditionRequired(
            f"a change of {old.ref} says which version it changes: read it, and send its ETag in "
            "`If-Match`, or in `ifMatch` of a Bundle's entry"
        )
    if not if_match or if_match.strip() == "*":  # any version: RFC 9110, section 13.1.1
        return
    if if_match.strip().removeprefix("W/").strip('"') != str(old.version):
        raise PreconditionFailed(
            f"{old.ref} is at version {old.version}, not `{if_match[:40]}`: read it again"
        )


def write(
    view: View,
    types: set[str],
    work: Callable[[Change], T],
    *,
    locks: Iterable[str] = (),
    small: bool = True,
) -> T:
    """Run `work` in one transaction, with the collections of `types` ready.

    A refusal leaves nothing but its own trace. Writes that share a lock run one after another;
    `small` ones may share a transaction.
    """
    store = view.context.store
    if view.requester.purpose in EMERGENCIES:
        types = {*types, "Task"}
    store.prepare_types(sorted({*types, "AuditEvent"} & RESOURCE_TYPES))
    names = sorted({sha256(lock.encode()).hexdigest() for lock in locks})
    for name in names:
        store.prepare_lock(name)

    def run(unit: Unit) -> T:
        view.context.parameters.fresh()
        for name in names:
            unit.lock(name)
        change = Change(view, unit)
        done = work(change)
        change.close()
        return done

    done = store.transact(run, shared=small)
    if "SearchParameter" in types:
        view.context.parameters.fresh(now=True)
    return done
