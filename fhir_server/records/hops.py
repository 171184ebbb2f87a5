"""Clauses as predicates: each hop, forwards or back, under its caller's rights on its own type.

A hop is a search of its own: what it leads through is what the caller may know of that type (L10,
L11), whatever record it lies in. Where it meets more than `hop_limit` resources it is refused,
because a part of them would give a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from fhir_server.consent.requester import Kind
from fhir_server.consent.rules import CARE, PROFESSIONAL
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import (
    All,
    Any,
    Has,
    Not,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Unlike,
    all_of,
    any_of,
    holds,
    negate,
    one_of,
)
from fhir_server.records.context import Context
from fhir_server.records.facts import governed
from fhir_server.records.governance import governance
from fhir_server.records.identified import Facts
from fhir_server.records.prune import goes_whole
from fhir_server.records.scope import MOST, NOBODY, patients, speaks
from fhir_server.records.seeing import ACL, Seeing
from fhir_server.records.stored_sight import StoredSight
from fhir_server.search.clauses import AllOf, AnyOf, Back, Clause, Hop, Leaf, NoneOf
from fhir_server.search.registry import field, supported

POINTING: Final = frozenset({"pointer", "trace"})


class Hops:
    """What the clauses of one search lead to; one a search."""

    def __init__(self, context: Context, seeing: Seeing) -> None:
        """Look where `seeing` may."""
        self._context = context
        self._seeing = seeing
        self._found: dict[Predicate, dict[str, Facts]] = {}

    def scope(self, type_: str, clauses: Iterable[Clause]) -> frozenset[str] | None:
        """Return the records that a search of `type_` can be about; None for any.

        Where there is none, `NOBODY`: a Patient who is not there takes as long as a hidden one.
        """

        def candidates(clause: Clause) -> frozenset[str] | None:
            if not isinstance(clause, Leaf):
                return None
            if type_ == "Patient" and self._seeing.requester.kind is Kind.TRUSTED_SYSTEM:
                return None  # no policy is read, so none need be left out
            found = self._patients(clause.predicate)
            return frozenset(found) if len(found) <= MOST else None

        found = patients(type_, clauses, candidates)
        return NOBODY if found is not None and not found else found

    def _patients(self, predicate: Predicate) -> dict[str, Facts]:
        """Return the Patients in which `predicate` holds, whoever asks; asked once a search."""
        if predicate not in self._found:
            self._found[predicate] = self._context.identified.of(predicate)
        return self._found[predicate]

    def predicate(self, type_: str, clause: Clause, sight: StoredSight) -> Predicate:
        """Return what `clause` asks of a `type_`; `sight` is over the records that are searched."""
        match clause:
            case Leaf():
                found = clause.predicate
            case Hop():
                found = self._through(type_, clause, sight)
            case Back():
                return one_of("_id", self._pointed(type_, clause))
            case AllOf(parts):
                return all_of(*(self.predicate(type_, part, sight) for part in parts))
            case AnyOf(parts):
                return any_of(*(self.predicate(type_, part, sight) for part in parts))
            case NoneOf(part):
                return negate(self.predicate(type_, part, sight))
            case _:  # pragma: no cover
                assert_never(clause)
        return self.guarded(type_, clause.code, found, sight)

    def guarded(  # noqa: C901 (one case a node)
        self, type_: str, code: str, found: Predicate, sight: StoredSight
    ) -> Predicate:
        """Let a pointer be found only by what the caller may know that it points to (L36)."""
        if governance()[type_].kind not in POINTING:
            return found
        where = field(code)
        known = supported(type_).get(code)
        refers = known is not None and known.type == "reference"
        goes = known is not None and goes_whole(type_, known.expression)

        def guard(part: Predicate) -> Predicate:
            match part:
                case Has(name, str() as value) if name == where:
                    return self._shown(type_, where, (value,), sight)
                case OneOf(name, values) if name == where:
                    return self._shown(type_, where, map(str, values), sight)
                case Present(name) if refers and name == where:
                    # What `prune` leaves of it is a reference still.
                    return Unlike(where, self._hidden(sight)) if goes else part
                case Unlike(name, texts) if refers and name == where:
                    return Unlike(where, (*texts, *self._hidden(sight)))
                case Has(name) | OneOf(name) | Prefix(name) if name == f"{where}:identifier":
                    self._refuse_names(type_, code)
                    return part
                case All(parts):
                    return all_of(*map(guard, parts))
                case Any(parts):
                    return any_of(*map(guard, parts))
                case Not(inner):
                    return negate(guard(inner))
                case _:
                    return part

        return guard(found)

    def _refuse_names(self, type_: str, code: str) -> None:
        """Refuse a logical identifier where a hidden thing may bear it: it says not which."""
        trusted = self._seeing.requester.kind is Kind.TRUSTED_SYSTEM
        if not trusted and any(map(governed, supported(type_)[code].target)):
            raise BadRequest(
                f"`{code}:identifier` is not answered for {type_}, which may point to what is "
                f"hidden; ask for `{code}` by type and id",
                code="not-supported",
            )

    def _hidden(self, sight: StoredSight) -> tuple[str, ...]:
        """Return what a pointer is as if it did not name."""
        if self._seeing.requester.kind is Kind.TRUSTED_SYSTEM:
            return ()
        return tuple(sorted(self._seeing.hidden(sight)))

    def _shown(self, type_: str, where: str, refs: Iterable[str], sight: StoredSight) -> Predicate:
        """Match pointers by `refs`, those of what can be hidden only where it is not."""
        pointed: dict[bool, list[str]] = {True: [], False: []}
        for ref in refs:
            pointed[governed_ref(ref)].append(ref)
        held = one_of(where, pointed[True])
        if pointed[True]:
            held = all_of(held, self._seeing.pointing(type_, where, pointed[True], sight))
        return any_of(held, one_of(where, pointed[False]))

    def _through(self, type_: str, hop: Hop, sight: StoredSight) -> Predicate:
        """Return what points to what a hop meets."""
        refs = [
            f"{target}/{id_}"
            for target, inner in hop.targets.items()
            for id_ in self._met(target, inner, self._narrow(type_, hop.code, target, sight))
        ]
        return one_of(hop.field, refs)

    def _narrow(self, type_: str, code: str, target: str, sight: StoredSight) -> StoredSight | None:
        """Return `sight` when what is met lies in the records of the search itself, else None."""
        return sight if target == "Patient" and speaks(type_, code) else None

    def _met(self, target: str, inner: Clause, sight: StoredSight | None) -> list[str]:
        """Return the ids of what a hop meets in `target`."""
        if sight is None:
            sight = self._seeing.sight(self._records(target, inner))
        if (found := self._found_before(target, inner)) is not None:
            known = self._seeing.known(target, sight)
            return [id_ for id_, acl in found.items() if holds(known, {ACL: acl, "_id": id_})]
        predicate = self._known(target, inner, sight)
        ids = self._context.store.ids(target, predicate, limit=self._most + 1)
        if len(ids) > self._most:
            raise _too_many(f"a chain through {target} meets", self._most)
        return ids

    def _found_before(self, target: str, inner: Clause) -> dict[str, Facts] | None:
        """Return every Patient that `inner` asks for, where the scope has looked them up."""
        if target != "Patient" or not isinstance(inner, Leaf):
            return None
        found = self._found.get(inner.predicate)
        return found if found is not None and len(found) <= MOST else None

    def _pointed(self, type_: str, back: Back) -> list[str]:
        """Return the ids of what a reverse hop's source points to."""
        known = self._known(back.source, back.inner, None)
        start = f"{type_}/"
        refs = self._context.store.distinct(
            back.source, known, back.field, limit=self._most + 1, start=start
        )
        if len(refs) > self._most:
            raise _too_many(f"`{back.code}` finds {back.source} that point to", self._most)
        return [ref.removeprefix(start) for ref in refs]

    def _known(self, type_: str, inner: Clause, sight: StoredSight | None) -> Predicate:
        """Return what of `type_` the caller may know and `inner` asks for."""
        if sight is None:
            sight = self._seeing.sight(self._records(type_, inner))
        return all_of(self.predicate(type_, inner, sight), self._seeing.known(type_, sight))

    def _records(self, type_: str, inner: Clause) -> frozenset[str] | None:
        """Return the records whose policies say what is met; none where none of them speaks.

        INVARIANT: what a link to a record opens is of `CARE` or a trace (`consent/rules.py`), so
        for who needs one, no policy says anything of a Group or a CodeSystem.
        """
        linked = self._seeing.requester.kind in PROFESSIONAL and isinstance(inner, Leaf)
        if linked and governance()[type_].kind not in (*CARE, "trace"):
            return frozenset()
        return self.scope(type_, (inner,))

    @property
    def _most(self) -> int:
        return self._context.hop_limit


def governed_ref(ref: str) -> bool:
    """Tell whether `ref` is of a type that can be hidden inside a record."""
    type_ = ref.partition("/")[0]
    return type_ in governance() and governed(type_)


def _too_many(what: str, most: int) -> BadRequest:
    return BadRequest(f"{what} more than {most} resources; narrow it", code="too-costly")
