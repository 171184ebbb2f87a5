"""Sets of codes, such as a ValueSet or what a code subsumes: what can be said of them exactly.

A whole code system is kept as its address, since most are not listed here. So a set can be looked
for without listing it, but single codes can't be taken out of a system that isn't known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_CODES: Final = 1000
"""Codes that one criterion looks for; more make an expression that costs too much."""


class NotCarriedOut(ValueError):
    """What a search asks of a terminology can't be answered exactly; the text says why."""

    def __init__(self, why: str, code: str = "value") -> None:
        """Keep the reason, and the issue code of the refusal."""
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Concepts:
    """`codes` as (system, code), and `systems` of which every code belongs."""

    codes: frozenset[tuple[str, str]] = frozenset()
    systems: frozenset[str] = frozenset()

    @classmethod
    def of(cls, system: str, codes: Iterable[str]) -> Concepts:
        """Return some `codes` of one `system`."""
        return cls(frozenset((system, code) for code in codes))

    def __or__(self, other: Concepts) -> Concepts:
        """Return what is in one of the two."""
        return Concepts(self.codes | other.codes, self.systems | other.systems)

    def __and__(self, other: Concepts) -> Concepts:
        """Return what is in both."""
        mine = frozenset(pair for pair in self.codes if pair in other)
        theirs = frozenset(pair for pair in other.codes if pair in self)
        return Concepts(mine | theirs, self.systems & other.systems)

    def __sub__(self, other: Concepts) -> Concepts:
        """Return what is in the first alone. Raises `NotCarriedOut` for codes of a whole system."""
        systems = self.systems - other.systems
        for system, _ in other.codes:
            if system in systems:
                raise NotCarriedOut(
                    f"leaves out codes of `{system}`, whose CodeSystem is not complete here"
                )
        return Concepts(frozenset(pair for pair in self.codes if pair not in other), systems)

    def __contains__(self, pair: tuple[str, str]) -> bool:
        """Tell whether (system, code) belongs."""
        return pair in self.codes or pair[0] in self.systems
