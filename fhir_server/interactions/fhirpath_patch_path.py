"""Parse the paths of a FHIRPath Patch, which lead to places and not only to values.

    path  name { "." (name | call) | "[" number "]" }
    call  first() | last() | single() | where(condition) | ofType(type) | as(type) | extension(url)

What `where` asks is kept as text: see `fhirpath_patch_condition`.
https://hl7.org/fhir/R4/fhirpatch.html and http://hl7.org/fhirpath/N1/#path-selection
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fhir_server.interactions.fhirpath_patch_condition import check_condition

MAX_PATH: Final = 1000
MAX_STEPS: Final = 64

_name = re.compile(r"\s*(?:(\w+)|`(\w+)`)\s*", re.ASCII).match
_number = re.compile(r"\s*([0-9]{1,9})\s*\]\s*").match
_parenthesis = re.compile(r"'(?:[^'\\]|\\.)*+'|[()]").finditer
_url = re.compile(r"\s*'([^'\\]*)'\s*").fullmatch
_type = re.compile(r"\s*(?:FHIR\.)?(\w+)\s*", re.ASCII).fullmatch


class PathError(ValueError):
    """A path that isn't FHIRPath, or that needs more of it than leads to a place."""


@dataclass(frozen=True, slots=True)
class Child:
    """The element `name` of what was found so far; at the beginning, also the resource's type."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """The item at `position`, from 0; -1 is the last."""

    position: int


@dataclass(frozen=True, slots=True)
class Single:
    """What was found, which must not be several."""


@dataclass(frozen=True, slots=True)
class Where:
    """The items of which `condition` is true."""

    condition: str


@dataclass(frozen=True, slots=True)
class OfType:
    """The items that are a `type`."""

    type: str


Step = Child | Item | Single | Where | OfType


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of `text`. Raise `PathError` saying what is wrong, not where."""
    if len(text) > MAX_PATH:
        raise PathError(f"a path has at most {MAX_PATH} characters")
    steps: list[Step] = []
    at = 0
    while True:
        at = _member(text, at, steps)
        while text[at : at + 1] == "[":
            number = _number(text, at + 1)
            if not number:
                raise PathError("a number expected between `[` and `]`")
            steps.append(Item(int(number[1])))
            at = number.end()
        if at == len(text):
            break
        if text[at] != ".":
            raise PathError(f"unexpected `{text[at]}`")
        at += 1
    if len(steps) > MAX_STEPS:
        raise PathError(f"a path has at most {MAX_STEPS} steps")
    return tuple(steps)


def _member(text: str, at: int, steps: list[Step]) -> int:
    """Read a name or a call into `steps`; return the offset after it."""
    name = _name(text, at)
    if not name:
        raise PathError("the name of an element expected" + (f" at `{text[at : at + 20]}`"))
    at = name.end()
    if name[1] is None or text[at : at + 1] != "(":
        steps.append(Child(name[1] or name[2]))
        return at
    if not steps:
        raise PathError("the path must begin with the type of the resource")
    end = _closing(text, at)
    steps += _call(name[1], text[at + 1 : end])
    following = text[end + 1 :]
    return len(text) - len(following.lstrip())


def _closing(text: str, at: int) -> int:
    """Return the offset of the parenthesis that closes the one at `at`."""
    depth = 0
    for found in _parenthesis(text, at):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if not depth:
            return found.start()
    raise PathError("`)` is missing")


def _call(name: str, argument: str) -> list[Step]:
    bare = not argument.strip()
    match name:
        case "first" if bare:
            return [Item(0)]
        case "last" if bare:
            return [Item(-1)]
        case "single" if bare:
            return [Single()]
        case "where" if not bare:
            check_condition(argument.strip())
            return [Where(argument.strip())]
        case "extension" if url := _url(argument):
            return [Child("extension"), Where(f"url = '{url[1]}'")]
        case "ofType" | "as" if type_ := _type(argument):
            return [OfType(type_[1])]
    raise PathError(f"the function `{name}` can't stand in a path to patch with these arguments")
