"""What the reading of a Consent depends on, and what it tells beside the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """What a stored instance refers to; `opens` is the part that a permit may rest on (L31)."""

    refers: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What reading depends on: who a reference stands for, when a partial date is, how long.

    `who` returns the caller keys of a Reference object, with `policy.UNKNOWABLE` for one that no
    list of callers can say; `when` the interval of a date; `lifetime` how long an authorisation
    lasts that names no end (R21), in microseconds; `linked` what `Type/id` refers to; `bounded`
    the key of an actor whose part ends by itself, or nothing: a permit holds while it lasts.
    """

    who: Callable[[Json], frozenset[str]]
    when: Callable[[str], tuple[int, int]]
    lifetime: int
    linked: Callable[[str], Linked] = lambda _: Linked()
    bounded: Callable[[Json], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to tell about a Consent: where, as FHIRPath, and what.

    `fatal`: it was not understood, so that its provision permits nothing and denies without
    conditions.
    """

    expression: str
    why: str
    fatal: bool = True
