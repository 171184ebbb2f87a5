"""A small terminology, and what `:in`, `:not-in`, `:above` and `:below` mean by it."""

from __future__ import annotations

from typing import Any

from tests.oracle.search_drawing import LOCAL, LOINC
from tests.oracle.search_values import pieces, plain, tokens

Json = dict[str, Any]

_PARENT = {"a": "", "A": "a", "718-7": "A", "4548-4": "a", "b|c": "", "d,e": "b|c"}
"""The codes of the local system, each with the one above it."""
BASE = "http://example.org/terms"
SETS: dict[str, tuple[frozenset[tuple[str, str]], str]] = {
    f"{BASE}/few": (frozenset({(LOCAL, "a"), (LOCAL, "718-7"), (LOINC, "718-7")}), ""),
    f"{BASE}/under": (frozenset({(LOCAL, "A"), (LOCAL, "718-7")}), ""),
    f"{BASE}/all": (frozenset({(LOCAL, "d,e")}), LOINC),
    f"{BASE}/but": (frozenset({(LOCAL, code) for code in _PARENT} - {(LOCAL, "a")}), ""),
}
"""Value sets: the codes in each, and the system of which every code is."""


def resources() -> list[Json]:
    """Return what is stored: a code system with its hierarchy, and the value sets of it."""
    local = {"system": LOCAL}
    composes: dict[str, Json] = {
        "few": {
            "include": [
                local | {"concept": [{"code": "a"}, {"code": "718-7"}]},
                {"system": LOINC, "concept": [{"code": "718-7"}]},
            ]
        },
        "under": {
            "include": [local | {"filter": [{"property": "concept", "op": "is-a", "value": "A"}]}]
        },
        "all": {"include": [{"system": LOINC}, local | {"concept": [{"code": "d,e"}]}]},
        "but": {"include": [local], "exclude": [local | {"concept": [{"code": "a"}]}]},
    }
    sets = (
        {"resourceType": "ValueSet", "id": f"terms-{name}", "url": f"{BASE}/{name}"}
        | {"status": "active", "compose": compose}
        for name, compose in composes.items()
    )
    system = {
        "resourceType": "CodeSystem",
        "id": "terms-local",
        "url": LOCAL,
        "status": "active",
        "content": "complete",
        "concept": _concepts(""),
    }
    return [system, *sets]


def _concepts(above: str) -> list[Json]:
    return [
        {"code": code} | ({"concept": inner} if (inner := _concepts(code)) else {})
        for code, parent in _PARENT.items()
        if parent == above
    ]


def within(value: Any, asked: str) -> bool:
    """Tell whether a code of an element is in a value set."""
    codes, whole = SETS[plain(asked)]
    return any(one in codes or (whole and one[0] == whole) for one in tokens(value))


def subsumed(value: Any, asked: str, modifier: str) -> bool:
    """Tell whether a code of an element lies below the one that is asked for, or above it."""
    _, code = (plain(part) for part in pieces(asked, "|"))
    own = {name for system, name in tokens(value) if system == LOCAL}
    if modifier == "below":
        return any(code in _line(name) for name in own)
    return bool(own & _line(code))


def _line(code: str) -> set[str]:
    """Return a code and all above it."""
    return {code} | (_line(_PARENT[code]) if _PARENT.get(code) else set())


def codes() -> tuple[str, ...]:
    return tuple(_PARENT)
