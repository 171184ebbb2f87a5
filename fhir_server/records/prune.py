"""Leave out of what points the entries that the caller may not know (L36, L37), and their copies (L16).

The only place where a stored body is parsed on the way out, and only when something must go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from fhir_server.definitions import child
from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.references import parse_reference, walk_references

Json = dict[str, Any]
Test = Callable[[str], bool]

_LISTS: Final = frozenset({"entry", "entity", "section", "focus", "target", "about", "related"})
"""Repeating elements that lose an item when it points to something hidden."""
_DERIVED: Final = frozenset({"generated", "extensions"})
_EMPTY: Final = {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml">-</div>'}
"""https://hl7.org/fhir/R4/narrative.html: a narrative that is made of the elements, and none."""


def prune(raw: bytes, hidden: frozenset[str], base: str) -> bytes:
    """Return `raw` without the list items that point to anything in `hidden` (`Type/id`).

    Innermost lists first: a section that loses an entry stays. A reference that stands in none of
    those lists loses its text. A narrative that was made of the elements may repeat what goes, so it
    is emptied, also where nothing goes: its absence would tell. One with words of its author's own
    stays.
    """

    def is_hidden(text: str) -> bool:
        found = parse_reference(text, base)
        return found.ours and f"{found.type}/{found.id}" in hidden

    resource = parse(raw).resource
    _clean(resource, is_hidden)
    for _, reference in list(walk_references(resource)):
        if is_hidden(reference["reference"]):
            reference.clear()
            reference["display"] = "-"
    _empty_derived(resource)
    return dumps(resource)


@cache
def goes_whole(type_: str, expression: str) -> bool:
    """Tell whether what a parameter of `type_` points to leaves nothing behind when it is hidden.

    `expression` is that of the parameter. Elsewhere a reference without its text is left, and is
    as present as one that never had any.
    """
    parts = [part.strip() for part in expression.split("|")]
    own = [part for part in parts if part.startswith(f"{type_}.")]
    return bool(own) and all(_in_a_list(type_, part.split(".")[1:]) for part in own)


def _in_a_list(type_: str, names: Sequence[str]) -> bool:
    path = type_
    for name in names:
        found = child(path, name)
        if found is None:
            return False
        element, path = found
        if name in _LISTS and element.repeats:
            return True
    return False


def _empty_derived(holder: Json) -> None:
    """Empty the derived narratives of a resource and of its sections, at any depth."""
    text = holder.get("text")
    if isinstance(text, dict) and text.get("status") in _DERIVED:
        holder["text"] = _EMPTY
    for section in holder.get("section", ()):
        _empty_derived(section)


def _clean(holder: Json, is_hidden: Test) -> None:
    for name, value in list(holder.items()):
        if isinstance(value, dict):
            _clean(value, is_hidden)
        elif isinstance(value, list):
            items = [item for item in value if isinstance(item, dict)]
            for item in items:
                _clean(item, is_hidden)
            if name in _LISTS and items:
                kept = [item for item in value if not _points(item, is_hidden)]
                holder[name] = kept
                if not kept:
                    del holder[name]


def _points(item: Json, is_hidden: Test) -> bool:
    return any(is_hidden(reference["reference"]) for _, reference in walk_references(item))
