"""What a predicate means: `holds` on one set of facts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any as Anything
from typing import assert_never

from fhir_server.predicate.algebra import (
    EARTH_RADIUS,
    After,
    All,
    Always,
    Any,
    Before,
    Contains,
    Ends,
    Has,
    Near,
    Never,
    Not,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Scalar,
    Some,
    Unlike,
)

Facts = Mapping[str, Anything]


def holds(predicate: Predicate, facts: Facts) -> bool:  # noqa: C901 (one case a node)
    """Tell whether `facts` satisfy `predicate`. Total: absent fields satisfy no leaf."""
    match predicate:
        case Always():
            return True
        case Never():
            return False
        case All(parts):
            return all(holds(part, facts) for part in parts)
        case Any(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case Some(field, part):
            return any(holds(part, item) for item in _elements(facts, field))
        case Has(field, value):
            return _one(facts, field, lambda found: _same(found, value))
        case OneOf(field, values):
            return _one(facts, field, lambda found: any(_same(found, v) for v in values))
        case Prefix(field, text):
            return _one(facts, field, lambda f: isinstance(f, str) and f.startswith(text))
        case Contains(field, text, until):
            return _one(facts, field, lambda f: isinstance(f, str) and text in _head(f, until))
        case Ends(field, text, until):
            return _one(
                facts, field, lambda f: isinstance(f, str) and _head(f, until).endswith(text)
            )
        case Unlike(field, texts, mark, which):
            return _one(facts, field, lambda f: _unlike(f, texts, mark, which))
        case Before(field, bound, inclusive):
            return _one(facts, field, lambda f: _less(f, bound) or (inclusive and _same(f, bound)))
        case After(field, bound, inclusive):
            return _one(facts, field, lambda f: _less(bound, f) or (inclusive and _same(f, bound)))
        case Near(field):
            return _one(facts, field, lambda f: _distance(predicate, f) <= predicate.metres)
        case Present(field):
            return any(True for _ in _values(facts, field))
        case _:  # pragma: no cover
            assert_never(predicate)


def _one(facts: Facts, field: str, test: Callable[[Anything], bool]) -> bool:
    return any(test(value) for value in _values(facts, field))


def _values(facts: Anything, field: str) -> Iterator[Anything]:
    """Yield the scalars at a dotted path, walking through lists on the way."""
    name, _, rest = field.partition(".")
    if not isinstance(facts, Mapping) or name not in facts:
        return
    found = facts[name]
    for item in found if isinstance(found, list | tuple) else (found,):
        if rest:
            yield from _values(item, rest)
        elif item is not None:
            yield item


def _elements(facts: Anything, field: str) -> Iterator[Facts]:
    """Yield the objects of the list at a dotted path; an object that stands alone is no list."""
    name, _, rest = field.partition(".")
    found = facts.get(name) if isinstance(facts, Mapping) else None
    if rest:
        for item in found if isinstance(found, list | tuple) else (found,):
            yield from _elements(item, rest)
    elif isinstance(found, list | tuple):
        yield from (item for item in found if isinstance(item, Mapping))


def _distance(near: Near, point: Anything) -> float:
    """Return the metres to a GeoJSON point, along the sphere; endless to anything else."""
    match point:
        case {"type": "Point", "coordinates": [float() | int() as east, float() | int() as north]}:
            here, there = math.radians(near.latitude), math.radians(north)
            across = math.sin(math.radians(east - near.longitude) / 2) ** 2
            chord = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * across
            return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(chord)))
        case _:
            return math.inf


def _head(text: str, until: str) -> str:
    return text.partition(until)[0] if until else text


def _unlike(found: Anything, texts: tuple[str, ...], mark: str, which: str) -> bool:
    if not isinstance(found, str) or mark not in found:
        return False
    head, _, tail = found.partition(mark) if mark else (found, "", found)
    return {"whole": found, "head": head, "tail": tail}[which] not in texts


def _same(found: Anything, value: Scalar) -> bool:
    return isinstance(found, bool) == isinstance(value, bool) and bool(found == value)


def _less(left: Anything, right: Anything) -> bool:
    """Compare within a kind of scalar, never across kinds: a truth value is no number."""
    kind = _kind(left)
    return kind is not None and kind is _kind(right) and bool(left < right)


def _kind(value: Anything) -> type | None:
    return next((kind for kind in (bool, int, str) if isinstance(value, kind)), None)
