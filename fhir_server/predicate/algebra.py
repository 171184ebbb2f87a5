"""The nodes of the algebra, and constructors that keep them small.

A `field` is a dotted path into nested facts. A field that holds several values satisfies a leaf
when one of them does; `Some` asks that one and the same element satisfies several leaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | int | bool
EARTH_RADIUS = 6_378_100.0
"""Metres: the sphere that MongoDB's documentation computes with."""


@dataclass(frozen=True, slots=True)
class Always:
    """Every document."""


@dataclass(frozen=True, slots=True)
class Never:
    """No document. What an empty set of permissions compiles to (L54)."""


@dataclass(frozen=True, slots=True)
class Has:
    """A value of `field` equals `value`."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of `field` is among `values`."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text value of `field` begins with `text`."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Contains:
    """A text value of `field`, up to `until` when it has one, contains `text`."""

    field: str
    text: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Ends:
    """A text value of `field`, up to `until` when it has one, ends with `text`."""

    field: str
    text: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Unlike:
    """A text value of `field` is none of `texts`.

    With a `mark`, only values that have it count, and `part` says what of them is compared: the
    whole, the head before the first mark, or the tail after it.
    """

    field: str
    texts: tuple[str, ...]
    mark: str = ""
    part: Literal["whole", "head", "tail"] = "whole"


@dataclass(frozen=True, slots=True)
class Before:
    """A value of `field` is less than `bound`, or equal when `inclusive`."""

    field: str
    bound: Scalar
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class After:
    """A value of `field` is greater than `bound`, or equal when `inclusive`."""

    field: str
    bound: Scalar
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """A GeoJSON point of `field` lies within `metres` of a place, on a sphere."""

    field: str
    longitude: float
    latitude: float
    metres: float


@dataclass(frozen=True, slots=True)
class Present:
    """`field` has at least one value."""

    field: str


@dataclass(frozen=True, slots=True)
class Some:
    """One element of the list `field` satisfies `part`, whose fields are relative to it."""

    field: str
    part: Predicate


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One part holds; with no parts, none does."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold. A field without values does not hold any leaf, so it passes."""

    part: Predicate


Predicate: TypeAlias = (
    Always
    | Never
    | Has
    | OneOf
    | Prefix
    | Contains
    | Ends
    | Unlike
    | Before
    | After
    | Near
    | Present
    | Some
    | All
    | Any
    | Not
)

ALWAYS = Always()
NEVER = Never()


def all_of(*parts: Predicate) -> Predicate:
    """Join `parts`, flattening and dropping what changes nothing."""
    kept: dict[Predicate, None] = {}
    for part in parts:
        match part:
            case Always():
                continue
            case Never():
                return NEVER
            case All(inner):
                kept.update(dict.fromkeys(inner))
            case _:
                kept[part] = None
    if len(kept) == 1:
        return next(iter(kept))
    return All(tuple(kept)) if kept else ALWAYS


def any_of(*parts: Predicate) -> Predicate:
    """Offer `parts` as alternatives, flattening and dropping what changes nothing."""
    kept: dict[Predicate, None] = {}
    for part in parts:
        match part:
            case Never():
                continue
            case Always():
                return ALWAYS
            case Any(inner):
                kept.update(dict.fromkeys(inner))
            case _:
                kept[part] = None
    if len(kept) == 1:
        return next(iter(kept))
    return Any(tuple(kept)) if kept else NEVER


def negate(part: Predicate) -> Predicate:
    """Deny `part`."""
    match part:
        case Always():
            return NEVER
        case Never():
            return ALWAYS
        case Not(inner):
            return inner
        case _:
            return Not(part)


def one_of(field: str, values: Iterable[Scalar]) -> Predicate:
    """Match any of `values`; none of them means never."""
    found = set(values)
    alike = len(set(map(type, found))) <= 1
    unique = tuple(sorted(found) if alike else sorted(found, key=_by_type))
    if not unique:
        return NEVER
    return Has(field, unique[0]) if len(unique) == 1 else OneOf(field, unique)


def _by_type(value: Scalar) -> tuple[str, Scalar]:
    return str(type(value)), value


def under(prefix: str, part: Predicate) -> Predicate:  # noqa: C901 (one case a node)
    """Move every field of `part` below `prefix`; inside `Some` fields are relative and stay."""
    match part:
        case Always() | Never():
            return part
        case All(parts):
            return All(tuple(under(prefix, inner) for inner in parts))
        case Any(parts):
            return Any(tuple(under(prefix, inner) for inner in parts))
        case Not(inner):
            return Not(under(prefix, inner))
        case Has(field, value):
            return Has(f"{prefix}.{field}", value)
        case OneOf(field, values):
            return OneOf(f"{prefix}.{field}", values)
        case Prefix(field, text):
            return Prefix(f"{prefix}.{field}", text)
        case Contains(field, text, until):
            return Contains(f"{prefix}.{field}", text, until)
        case Ends(field, text, until):
            return Ends(f"{prefix}.{field}", text, until)
        case Unlike(field, texts, mark, which):
            return Unlike(f"{prefix}.{field}", texts, mark, which)
        case Before(field, bound, inclusive):
            return Before(f"{prefix}.{field}", bound, inclusive)
        case After(field, bound, inclusive):
            return After(f"{prefix}.{field}", bound, inclusive)
        case Near(field, longitude, latitude, metres):
            return Near(f"{prefix}.{field}", longitude, latitude, metres)
        case Present(field):
            return Present(f"{prefix}.{field}")
        case Some(field, inner):
            return Some(f"{prefix}.{field}", inner)
