"""What comes with the matches of a page: `_include` and `_revinclude`, round by round.

https://hl7.org/fhir/R4/search.html#revinclude: each resource once, never a match twice. Every round
asks under the caller's predicate of the type that it brings, before any bound is counted, so what
is hidden takes no place (L12, L13, L14).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.consent import facts
from fhir_server.predicate import Predicate, all_of, any_of, negate, one_of
from fhir_server.records.context import Context
from fhir_server.records.governance import governance
from fhir_server.records.hops import Hops
from fhir_server.records.seeing import ACL, Seeing
from fhir_server.records.stored_sight import StoredSight
from fhir_server.search.include import Include
from fhir_server.search.registry import field, supported
from fhir_server.store.rows import Row

MAX_ROUNDS: Final = 8
"""How far `:iterate` goes: one round finds what stands next to the round before."""
_AT_ONCE: Final = 5000
"""Ids in one query: MongoDB takes 16 MB."""
_EVERYWHERE: Final = frozenset({"directory", "knowledge", "trace"})
"""Governances under which what may be known does not depend on the records that are looked at,
or is asked of the records at hand alone."""
SHOWN: Final = (f"{ACL}.{facts.PATIENT}", f"{ACL}.{facts.TARGETS}")
"""The facts that a page still needs once the query has decided what is on it."""


@dataclass(frozen=True, slots=True)
class Included:
    """What was included, in the order it was found; `cut` when there would have been more."""

    rows: tuple[Row, ...] = ()
    cut: bool = False


def links_of(type_: str, includes: Iterable[Include]) -> tuple[str, ...]:
    """Return the index fields of a `type_` that `includes` follow."""
    codes = (code for one in includes if not one.is_back for code in one.codes(type_))
    return tuple(dict.fromkeys(field(code) for code in codes))


class Including:
    """The includes of one page."""

    def __init__(
        self,
        context: Context,
        seeing: Seeing,
        includes: Sequence[Include],
        sight: StoredSight,
    ) -> None:
        """Bring what `includes` ask for; `sight` is over the records of the matches."""
        self._context = context
        self._seeing = seeing
        self._includes = includes
        self._again = [one for one in includes if one.again]
        self._sight = sight

    def of(self, matches: Sequence[Row]) -> Included:
        """Return what comes with `matches`."""
        found: dict[str, Row] = {}
        seen = {row.ref for row in matches}
        near = matches
        for round_ in range(MAX_ROUNDS + 1):
            asked = self._again if round_ else self._includes
            room = self._context.include_limit - len(found) if round_ < MAX_ROUNDS else 0
            new = self._round(asked, near, seen, room + 1)
            if len(new) > room:
                return Included((*found.values(), *new[:room]), cut=True)
            found |= {row.ref: row for row in new}
            seen |= {row.ref for row in new}
            near = new
            if not new or not self._again:
                break
        return Included(tuple(found.values()))

    def _round(
        self, asked: Sequence[Include], near: Sequence[Row], seen: set[str], most: int
    ) -> list[Row]:
        """Return at most `most` rows that stand next to `near` and are not `seen`."""
        new: dict[str, Row] = {}
        for type_, ids in self._targets(asked, near, seen).items():
            for some in _slices(ids, _AT_ONCE):
                if len(new) < most:
                    rows = self._named(type_, some, most - len(new))
                    new |= {row.ref: row for row in rows}
        for type_, pointing, sight in self._sources(asked, near):
            if len(new) < most:
                other = negate(one_of("_id", _ids_of(type_, (*seen, *new))))
                rows = self._find(type_, all_of(pointing, other), sight, most - len(new))
                new |= {row.ref: row for row in rows}
        return list(new.values())

    def _targets(
        self, asked: Sequence[Include], near: Sequence[Row], seen: set[str]
    ) -> dict[str, list[str]]:
        """Return by type the ids that `near` points to, in the order in which it does."""
        wanted: dict[str, dict[str, None]] = {}
        for row in near:
            hidden: frozenset[str] | None = None
            for one in asked:
                for code in () if one.is_back else one.codes(row.type):
                    hidden = self._seeing.hidden_in(row) if hidden is None else hidden
                    for ref in row.idx.get(code, ()):
                        type_, _, id_ = ref.partition("/")
                        fits = one.target in ("", type_) and type_ in governance()
                        if fits and ref not in seen and ref not in hidden:
                            wanted.setdefault(type_, {})[id_] = None
        return {type_: list(ids) for type_, ids in wanted.items()}

    def _named(self, type_: str, ids: Sequence[str], most: int) -> list[Row]:
        """Return what may be known of `ids`: in the records at hand first, which costs least."""
        rows = self._find(type_, one_of("_id", ids), self._sight, most)
        missing = set(ids).difference(row.id for row in rows)
        if not missing or len(rows) == most or governance()[type_].kind in _EVERYWHERE:
            return rows
        wide = self._seeing.sight(None)
        if self._seeing.known(type_, wide) == self._seeing.known(type_, self._sight):
            return rows
        return rows + self._find(type_, one_of("_id", missing), wide, most - len(rows))

    def _sources(
        self, asked: Sequence[Include], near: Sequence[Row]
    ) -> Iterator[tuple[str, Predicate, StoredSight]]:
        """Yield each type that may point to `near`, how it does, and under which sight."""
        hops = Hops(self._context, self._seeing)
        for one in asked:
            for source in self._types(one) if one.is_back else ():
                # Which traces may be known is asked of the records at hand: there are many others.
                is_trace = governance()[source].kind == "trace"
                sight = self._sight if is_trace else self._seeing.sight(None)
                ways = [
                    hops.guarded(source, code, one_of(field(code), refs), sight)
                    for code in one.codes(source)
                    if (refs := _refs(near, one, supported(source)[code].target))
                ]
                if ways:
                    yield source, any_of(*ways), sight

    def _types(self, one: Include) -> Sequence[str]:
        """Return the sources of a reverse include; of all, those stored that are no traces."""
        if one.source:
            return (one.source,)
        stored = self._context.store.types()
        return [name for name in stored if governance()[name].kind != "trace"]

    def _find(self, type_: str, what: Predicate, sight: StoredSight, most: int) -> list[Row]:
        return self._context.store.find(
            type_,
            all_of(what, self._seeing.known(type_, sight)),
            limit=most,
            only=(*SHOWN, *links_of(type_, self._again)),
        )


def _refs(near: Sequence[Row], one: Include, targets: Sequence[str]) -> list[str]:
    """Return the references to `near` that a parameter which points to `targets` may hold."""
    return [row.ref for row in near if row.type in targets and one.target in ("", row.type)]


def _ids_of(type_: str, refs: Iterable[str]) -> list[str]:
    start = f"{type_}/"
    return [ref.removeprefix(start) for ref in refs if ref.startswith(start)]


def _slices(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]
