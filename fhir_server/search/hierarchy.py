"""The concepts of one CodeSystem, and which of them lie above and below one.

https://hl7.org/fhir/R4/codesystem.html#hierarchy: concepts lie inside one another, or say by the
properties `parent` and `child` where they belong, or both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
Properties = Mapping[str, tuple[str, ...]]

_STANDARD: Final = "http://hl7.org/fhir/concept-properties#"
_UP, _DOWN = "parent", "child"


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """What a search needs of a CodeSystem.

    `complete` tells that every code is here; `concepts` holds the properties of each code, as
    texts; `parents` and `children` the codes directly above and below one.
    """

    url: str
    complete: bool
    concepts: Mapping[str, Properties]
    parents: Mapping[str, frozenset[str]]
    children: Mapping[str, frozenset[str]]

    def below(self, code: str) -> frozenset[str]:
        """Return `code` and all that it subsumes."""
        return _reached(code, self.children)

    def above(self, code: str) -> frozenset[str]:
        """Return `code` and all that subsumes it."""
        return _reached(code, self.parents)


def read_code_system(resource: Json) -> CodeSystem:
    """Take the concepts out of a CodeSystem in JSON; what is not valid in it is left out."""
    links = _links(resource)
    concepts: dict[str, Properties] = {}
    parents: dict[str, set[str]] = defaultdict(set)
    for concept, outer in _walk(resource.get("concept")):
        code = concept.get("code")
        if not isinstance(code, str):
            continue
        properties = _properties(concept)
        concepts[code] = properties
        if outer:
            parents[code].add(outer)
        for name, found in properties.items():
            match links.get(name):
                case "parent":
                    parents[code].update(found)
                case "child":
                    for inner in found:
                        parents[inner].add(code)
    return CodeSystem(
        str(resource.get("url", "")),
        resource.get("content") == "complete",
        concepts,
        {code: frozenset(outer) for code, outer in parents.items()},
        _turned(parents),
    )


def _links(resource: Json) -> dict[str, str]:
    """Return which properties make the hierarchy: by their standard address, or by their name."""
    found = {_UP: _UP, _DOWN: _DOWN}
    for declared in _objects(resource.get("property")):
        uri = declared.get("uri")
        if isinstance(uri, str) and uri.startswith(_STANDARD):
            found[str(declared.get("code"))] = uri.removeprefix(_STANDARD)
    return found


def _walk(concepts: object) -> Iterator[tuple[Json, str]]:
    """Yield each concept with the code that it lies in, or the empty string."""
    pending = [(concept, "") for concept in _objects(concepts)]
    while pending:
        concept, outer = pending.pop()
        yield concept, outer
        code = str(concept.get("code", ""))
        pending += [(inner, code) for inner in _objects(concept.get("concept"))]


def _properties(concept: Json) -> Properties:
    found: dict[str, list[str]] = defaultdict(list)
    for one in _objects(concept.get("property")):
        for name, value in one.items():
            if name.startswith("value"):
                found[str(one.get("code"))].append(_text(value))
    return {name: tuple(values) for name, values in found.items()}


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case {"code": str(code)}:
            return code
        case _:
            return str(value)


def _objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _turned(parents: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    children: dict[str, set[str]] = defaultdict(set)
    for code, outer in parents.items():
        for one in outer:
            children[one].add(code)
    return {code: frozenset(inner) for code, inner in children.items()}


def _reached(code: str, steps: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Follow `steps` from `code` as far as they lead; a circle ends where it began."""
    found = {code}
    pending = [code]
    while pending:
        new = steps.get(pending.pop(), frozenset()) - found
        found |= new
        pending += new
    return frozenset(found)
