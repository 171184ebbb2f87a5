"""What follows from a write, in the same transaction.

1. A newer version's labels hide the versions that it replaces (L38).
2. A Binary's rights are those of the documents of the same depositor that refer to it (L34).
3. What points carries the facts of its targets, so they are copied anew when they change (L36).
4. A record's policy is compiled anew when its Patient, a CareTeam, a Consent, or a person or
   structure named in it changes (L50).
5. The notice of what waits for an announcement consultation is queued, or cancelled (R50).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.fhir.errors import Unprocessable
from fhir_server.fhir.references import parse_reference
from fhir_server.predicate import Has, one_of
from fhir_server.records.chains import LONGEST_CHAIN, TRUSTED_OWNER, effective_labels, same_hand
from fhir_server.records.declaring import declare
from fhir_server.records.facts import DRAWN, REPLACES, as_target, governed, targets
from fhir_server.records.governance import governance
from fhir_server.records.outbox import announce, renounce
from fhir_server.records.policies import DIRECTORY, PolicyCompiler, rules_alike
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Row

Json = dict[str, Any]

_LAW: Final = frozenset({"Patient", "CareTeam", "Consent"})
MOST_REFERRERS: Final = 200


class Effects:
    """Carries out, in one `Unit`, what a written row changes elsewhere."""

    def __init__(
        self, unit: Unit, policies: PolicyCompiler, types: Callable[[], Iterable[str]]
    ) -> None:
        """Work in `unit`; `types` gives those of which anything is stored."""
        self._unit = unit
        self._policies = policies
        self._types = types
        self._base = policies.locale.base

    def prepared(self, row: Row, resource: Json, *, known: bool) -> Row:
        """Return `row` with the facts that depend on other resources: targets and chain labels.

        `known`: something stored may name it already, because its id is not new.
        """
        acl = dict(row.acl)
        if row.type == "Binary":
            acl |= self._context(resource)
            return replace(row, acl=_referred(acl, self._referrers(row) if known else []))
        if row.type == "DocumentReference" and known:
            acl[facts.LABELS] = self._effective(row.ref, acl)
        pointed = targets(row.type, resource, self._base)
        if pointed:
            acl[facts.TARGETS] = [self._target(ref) for ref in pointed]
            acl[DRAWN] = not {facts.PATIENT, facts.SHARED} & acl.keys()
            acl = _drawn(acl)
            self._unit.pin(pointed)
        return replace(row, acl=acl)

    def written(
        self, row: Row, old: Row | None, *, named: bool, before: Json | None, after: Json
    ) -> None:
        """Do what follows from `row`, in the place of `old`; `named`: its id is not new.

        `before` and `after` are their resources.
        """
        changed = old is not None and old.acl != row.acl
        if row.type == "DocumentReference":
            self._binaries(row, old)
            self._chain(row)
        # A Patient is no target of a pointer, but it may be the context of a Binary.
        if (governed(row.type) or row.type == "Patient") and (changed or named):
            self._point_again(row.ref, as_target(row))
        if before is None or not rules_alike(row.type, before, after):
            self._law(row, old, is_new=old is None and not named)
        if (changed or named) and _links(row) != _links(old):
            self._law_resting_on(row)
        if governed(row.type):
            announce(self._unit, row, old, self._policies.rule_set)
        if row.type == "SearchParameter":
            declare(self._unit, row.id, after)

    def removed(self, row: Row) -> None:
        """Do what follows from the deletion of `row`."""
        if row.type == "DocumentReference":
            self._binaries(replace(row, idx={}), row)
            self._chain(row)
        if governed(row.type):
            self._point_again(row.ref, {facts.REF: row.ref})
            renounce(self._unit, row)
        self._law(row, None)
        if governed(row.type):
            self._law_resting_on(row)
        if row.type == "SearchParameter":
            declare(self._unit, row.id, None)

    # versions of a document ------------------------------------------------------------------

    def _effective(self, ref: str, acl: Json) -> list[str]:
        """Return own labels and those of the newest document of the chain."""
        return effective_labels(ref, acl, self._replacing)

    def _replacing(self, ref: str) -> list[Row]:
        return self._unit.find("DocumentReference", Has("idx.relatesto", ref))

    def _chain(self, row: Row, steps: int = LONGEST_CHAIN) -> None:
        """Give the documents that `row` replaces, back to the first, the labels now in force."""
        for ref in row.acl.get(REPLACES, ()):
            older = self._get(ref)
            if older is None or steps == 0 or not same_hand(older.acl, row.acl):
                continue
            labels = self._effective(ref, dict(older.acl))
            if labels != older.acl[facts.LABELS]:
                self._set(older, {**older.acl, facts.LABELS: labels})
                self._binaries(replace(older, acl={**older.acl, facts.LABELS: labels}), None)
                self._chain(older, steps - 1)

    # attachments -----------------------------------------------------------------------------

    def _binaries(self, row: Row, old: Row | None) -> None:
        """Tell the Binaries that `row` refers to, or did as `old`, what it now says of them."""
        now = {binary.ref: binary for binary in self._attached(row)}
        before = {binary.ref: binary for binary in self._attached(old)} if old else {}
        for ref, binary in (before | now).items():
            others = [t for t in _referrers(binary.acl) if t[facts.REF] != row.ref]
            mine = [as_target(row)] if ref in now and _same_owner(row, binary) else []
            self._set(binary, _referred(binary.acl, [*others, *mine]))

    def _attached(self, row: Row) -> list[Row]:
        found = (self._get(self._local(url)) for url in row.idx.get("location", ()))
        return [binary for binary in found if binary is not None and binary.type == "Binary"]

    def _referrers(self, row: Row) -> list[Json]:
        """Return the facts of the documents that waited for a Binary under an id chosen before."""
        addresses = (row.ref, f"{self._base}/{row.ref}")
        found = self._unit.find("DocumentReference", one_of("idx.location", addresses))
        return [as_target(waiting) for waiting in found if _same_owner(waiting, row)]

    def _context(self, resource: Json) -> Json:
        """Return the facts of what `securityContext` names: whoever may not know it, may not read."""
        text = resource.get("securityContext", {}).get("reference")
        if not isinstance(text, str):
            return {}
        ref = self._local(text)
        self._unit.pin([ref] if ref else [])
        return {facts.CONTEXT: [self._target(ref) if ref else {facts.REF: text}]}

    # pointers --------------------------------------------------------------------------------

    def _target(self, ref: str) -> Json:
        row = self._get(ref)
        return as_target(row) if row is not None else {facts.REF: ref}

    def _point_again(self, ref: str, target: Json) -> None:
        """Copy `target` into every pointer to `ref`, and so on one step further."""
        for type_ in self._types():
            where = {"pointer": facts.TARGETS, "binary": facts.CONTEXT}.get(
                governance()[type_].kind
            )
            if where is None:
                continue
            for row in self._unit.find(type_, Has(f"acl.{where}.{facts.REF}", ref)):
                fresh = [target if item[facts.REF] == ref else item for item in row.acl[where]]
                acl = {**row.acl, where: fresh}
                if where == facts.CONTEXT:
                    acl = _referred(acl, _referrers(acl))
                self._set(row, _drawn(acl))

    # the record's policy ---------------------------------------------------------------------

    def _law(self, row: Row, old: Row | None, *, is_new: bool = False) -> None:
        """Compile anew the policies that `row` speaks in; `is_new`: nothing names it yet."""
        concerned = set()
        if row.type in _LAW or _protects(row):
            concerned = {r.acl.get(facts.PATIENT, "") for r in (row, old) if r is not None}
        elif row.type in DIRECTORY and not is_new:
            self._unit.claim(row.ref)
            concerned = set(self._unit.policies_naming(row.ref))
        for patient in sorted(concerned - {""}):
            self._policies.compile(self._unit, patient, is_new=is_new and row.type == "Patient")

    def _law_resting_on(self, row: Row) -> None:
        """Compile anew the policies whose Consents speak of what `row` refers to."""
        if row.type in DIRECTORY or row.type in _LAW:
            return
        for patient in sorted(self._unit.policies_naming(row.ref)):
            self._policies.compile(self._unit, patient)

    # rows ------------------------------------------------------------------------------------

    def _get(self, ref: str) -> Row | None:
        type_, _, id_ = ref.partition("/")
        return self._unit.get(type_, id_) if id_ and type_ in governance() else None

    def _local(self, url: str) -> str:
        found = parse_reference(url, self._base)
        return f"{found.type}/{found.id}" if found.ours else ""

    def _set(self, row: Row, acl: Json) -> None:
        if acl != row.acl:
            self._unit.set_acl(row, acl)
            if governed(row.type):
                self._point_again(row.ref, as_target(replace(row, acl=acl)))


def _links(row: Row | None) -> Any:
    """Return what a policy may rest on of a resource that it names: what it refers to, and whose."""
    refers = row.acl.get(facts.REFERS) if row is not None and governed(row.type) else None
    return (refers, row.acl[facts.AUTHORS]) if row is not None and refers else None


def _referrers(acl: Any) -> list[Json]:
    """Return the documents among a Binary's targets; its context may stand there in their place."""
    return [t for t in acl.get(facts.TARGETS, ()) if t[facts.REF].startswith("DocumentReference/")]


def _referred(acl: Any, referrers: list[Json]) -> Json:
    """Return a Binary's facts when `referrers` refer to it: their record is its record.

    Without any, its `securityContext` governs it, when both were deposited by the same; with some,
    the context must be known besides (contract, conventions 7).
    """
    trusted = acl[facts.OWNER] == TRUSTED_OWNER
    same = [
        c for c in acl.get(facts.CONTEXT, ()) if trusted or c.get(facts.OWNER) == acl[facts.OWNER]
    ]
    targets = referrers or [context for context in same if facts.PATIENT in context]
    if len(targets) > MOST_REFERRERS:
        raise Unprocessable(
            f"more than {MOST_REFERRERS} documents refer to one Binary", code="too-costly"
        )
    moved = (facts.TARGETS, facts.PATIENT, facts.SHARED)
    kept = {name: value for name, value in acl.items() if name not in moved}
    if not targets:
        return kept
    records = {target.get(facts.PATIENT, "") for target in targets}
    only = records.pop() if len(records) == 1 else ""
    belonging = {facts.PATIENT: only} if only else {facts.SHARED: True}
    return kept | belonging | {facts.TARGETS: targets}


def _drawn(acl: Json) -> Json:
    """Return a pointer's facts with its record: that of its targets, when it names no patient.

    A Provenance points to documents and not to their patient. Only the trusted system may write
    such a pointer, so that nobody learns by it where a target belongs.
    """
    if not acl.get(DRAWN):
        return acl
    kept = {name: v for name, v in acl.items() if name not in (facts.PATIENT, facts.SHARED)}
    records = {target[facts.PATIENT] for target in acl[facts.TARGETS] if facts.PATIENT in target}
    shared = any(facts.SHARED in target for target in acl[facts.TARGETS])
    if len(records) == 1 and not shared:
        return kept | {facts.PATIENT: records.pop()}
    return kept | ({facts.SHARED: True} if records or shared else {})


def _protects(row: Row) -> bool:
    """Tell whether `row` may speak of a measure of protection: the installation alone does."""
    return row.type == "RelatedPerson" and row.acl[facts.OWNER] == TRUSTED_OWNER


def _same_owner(document: Row, binary: Row) -> bool:
    """Tell whether both were deposited by the same: another's reference opens nothing (L34)."""
    return bool(document.acl[facts.OWNER] == binary.acl[facts.OWNER])
