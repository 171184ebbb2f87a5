"""A predicate as a function, for facts by the thousand: made once, it says what `holds` says.

`meaning.py` defines the nodes and stays their only definition. Here the leaves that consent is made
of are prepared: paths are split and lists of texts are sets. Every other node, and facts of an
unusual form (a list on the way to a value), go to `holds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any as Anything

from fhir_server.predicate.algebra import (
    All,
    Always,
    Any,
    Has,
    Never,
    Not,
    OneOf,
    Predicate,
    Present,
    Scalar,
    Some,
)
from fhir_server.predicate.meaning import Facts, holds

Test = Callable[[Facts], bool]
_Value = Callable[[Anything], bool]


def prepared(predicate: Predicate) -> Test:
    """Return a function that tells of facts whether `predicate` holds."""
    return _prepared(predicate, {})


def _prepared(predicate: Predicate, made: dict[int, Test]) -> Test:
    """Prepare each object of a tree once, wherever it stands in it: they are `made` by `id`."""
    found = made.get(id(predicate))
    if found is None:
        found = made[id(predicate)] = _of_node(predicate, lambda part: _prepared(part, made))
    return found


def _of_node(predicate: Predicate, inner: Callable[[Predicate], Test]) -> Test:
    match predicate:
        case Always():
            return lambda _: True
        case Never():
            return lambda _: False
        case All(parts):
            return _every(tuple(map(inner, parts)))
        case Any(parts):
            return _some(tuple(map(inner, parts)))
        case Not(part):
            return _not(inner(part))
        case Has(field, str() as value):
            return _at(field, _is(value), predicate)
        case OneOf(field, values) if all(isinstance(value, str) for value in values):
            return _at(field, _is_among(frozenset(values)), predicate)
        case Present(field):
            return _at(field, _is_there, predicate)
        case Some(field, part):
            return _at(field, _has_element(inner(part)), predicate)
        case _:
            return partial(holds, predicate)


def _not(part: Test) -> Test:
    return lambda facts: not part(facts)


def _every(tests: tuple[Test, ...]) -> Test:
    def test(facts: Facts) -> bool:
        for part in tests:  # noqa: SIM110 (twice as fast as `all` of a generator)
            if not part(facts):
                return False
        return True

    return test


def _some(tests: tuple[Test, ...]) -> Test:
    def test(facts: Facts) -> bool:
        for part in tests:  # noqa: SIM110 (as above)
            if part(facts):
                return True
        return False

    return test


def _at(field: str, test_value: _Value, predicate: Predicate) -> Test:
    """Return what asks `test_value` of what stands at `field`: None where nothing does."""
    *way, name = field.split(".")

    def test(facts: Facts) -> bool:
        place: Anything = facts
        for step in way:
            if type(place) is not dict:
                return holds(predicate, facts)
            place = place.get(step)
        if type(place) is not dict:
            return holds(predicate, facts)
        return test_value(place.get(name))

    return test


def _is(value: str) -> _Value:
    return lambda found: value in found if isinstance(found, list | tuple) else found == value


def _is_among(values: frozenset[Scalar]) -> _Value:
    def test(found: Anything) -> bool:
        if isinstance(found, str):
            return found in values
        if isinstance(found, list | tuple):
            return any(isinstance(item, str) and item in values for item in found)
        return False

    return test


def _is_there(found: Anything) -> bool:
    if isinstance(found, list | tuple):
        return any(item is not None for item in found)
    return found is not None


def _has_element(test_element: Test) -> _Value:
    def test(found: Anything) -> bool:
        if not isinstance(found, list | tuple):
            return False
        return any(test_element(item) for item in found if isinstance(item, Mapping))

    return test
