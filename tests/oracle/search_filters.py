"""Filters: https://hl7.org/fhir/R4/search_filter.html, as trees that are written down and read.

What the server is sent is the text; what is looked at here is the tree that it was written from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.oracle import search_numbers as numbers
from tests.oracle import search_values as read

if TYPE_CHECKING:
    from tests.oracle.search import Oracle

Json = dict[str, Any]


@dataclass(frozen=True)
class Test:
    """`name operator value`."""

    __test__ = False
    name: str
    operator: str
    value: str


@dataclass(frozen=True)
class Path:
    """`name:type[only].rest`; `only` may be nothing."""

    name: str
    type: str
    only: Tree | None
    rest: Tree


@dataclass(frozen=True)
class Both:
    """Two filters, from left to right."""

    word: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Not:
    """`not (…)`."""

    part: Tree


Tree: TypeAlias = Test | Path | Both | Not


def text(tree: Tree) -> str:
    """Write a filter down; a right side that is joined itself stands in parentheses."""
    match tree:
        case Test(name, operator, value):
            return f"{name} {operator} {json.dumps(value, ensure_ascii=False)}"
        case Path(name, type_, only, rest):
            inside = f"[{text(only)}]" if only else ""
            return f"{name}{':' if type_ else ''}{type_}{inside}.{text(rest)}"
        case Both(word, left, right):
            last = f"({text(right)})" if isinstance(right, Both) else text(right)
            return f"{text(left)} {word} {last}"
        case Not(part):
            return f"not ({text(part)})"


def holds(oracle: Oracle, one: Json, tree: Tree) -> bool:
    """Tell whether a resource passes a filter."""
    match tree:
        case Both("and", left, right):
            return holds(oracle, one, left) and holds(oracle, one, right)
        case Both(_, left, right):
            return holds(oracle, one, left) or holds(oracle, one, right)
        case Not(part):
            return not holds(oracle, one, part)
        case Path(name, type_, only, rest):
            return any(
                holds(oracle, target, rest) and (only is None or holds(oracle, target, only))
                for target in oracle.targets(one, name)
                if target["resourceType"] == type_
            )
        case Test():
            return _passes(oracle, one, tree)


def _passes(oracle: Oracle, one: Json, test: Test) -> bool:
    parameter = oracle.parameters(one["resourceType"])[test.name]
    values = oracle.values(one, parameter)
    if test.operator == "pr":
        return bool(values) is (test.value == "true")
    if parameter.type in ("date", "number", "quantity"):
        return any(_measures(parameter.type, value, test, oracle) for value in values)
    match parameter.type:
        case "string":
            texts = [read.folded(each) for value in values for each in read.texts(value)]
            return any(_string(own, test.operator, read.folded(test.value)) for own in texts)
        case "uri":
            return any(_string(own, test.operator, test.value) for own in values)
        case "token" if test.operator == "ne":
            own = [each for value in values for each in read.tokens(value)]
            return any(not _names(each, test.value) for each in own)
        case "token":
            return any(read.token(value, test.value) for value in values)
        case "reference":
            refs = [read.pointed(value, oracle.base) for value in values]
            if test.operator == "ne":
                return any(ref and ref != test.value for ref in refs)
            return test.value in refs
    raise ValueError(parameter.type)


def _measures(kind: str, value: Any, test: Test, oracle: Oracle) -> bool:
    asked = f"{test.operator}{test.value}"
    if test.operator == "po":
        low, high = read.span(test.value)
        return any(begin < high and end > low for begin, end in read.spans(value))
    if kind == "date":
        return read.date(value, asked, oracle.now)
    return numbers.number(value, asked) if kind == "number" else numbers.quantity(value, asked)


def _string(own: str, operator: str, wanted: str) -> bool:
    return {
        "eq": own == wanted,
        "ne": own != wanted,
        "co": wanted in own,
        "sw": own.startswith(wanted),
        "ew": own.endswith(wanted),
    }[operator]


def _names(own: tuple[str, str], asked: str) -> bool:
    match [read.plain(part) for part in read.pieces(asked, "|")]:
        case [code]:
            return own[1] == code
        case parts:
            return list(own) == parts
