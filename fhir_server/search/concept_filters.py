"""The filters of a ValueSet: https://hl7.org/fhir/R4/valueset-filter-operator.html.

`regex` is refused: an expression of somebody else's can be made to run for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fhir_server.search.concepts import NotCarriedOut
from fhir_server.search.hierarchy import CodeSystem

Codes = frozenset[str]
_CODE: Final = frozenset({"concept", "code"})


def filtered(filters: Iterable[Mapping[str, Any]], system: CodeSystem) -> Codes:
    """Return the codes of a complete `system` that pass all `filters`. Raises `NotCarriedOut`."""
    found = frozenset(system.concepts)
    for one in filters:
        op, property_, value = (str(one.get(name, "")) for name in ("op", "property", "value"))
        carry_out = _OPERATORS.get(op)
        if carry_out is None:
            raise NotCarriedOut(f"has a filter `{property_} {op}`, which is not carried out here")
        found &= carry_out(system, property_, value)
    return found


def _known(system: CodeSystem, property_: str, code: str) -> str:
    if property_ not in _CODE or code not in system.concepts:
        raise NotCarriedOut(f"has a filter on `{property_}` by `{code}`, which is no code")
    return code


def _is_a(system: CodeSystem, property_: str, value: str) -> Codes:
    return system.below(_known(system, property_, value))


def _descendent_of(system: CodeSystem, property_: str, value: str) -> Codes:
    return _is_a(system, property_, value) - {value}


def _is_not_a(system: CodeSystem, property_: str, value: str) -> Codes:
    return frozenset(system.concepts) - _is_a(system, property_, value)


def _generalizes(system: CodeSystem, property_: str, value: str) -> Codes:
    return system.above(_known(system, property_, value))


def _equals(system: CodeSystem, property_: str, value: str) -> Codes:
    return _among(system, property_, {value})


def _in(system: CodeSystem, property_: str, value: str) -> Codes:
    return _among(system, property_, {part.strip() for part in value.split(",")})


def _not_in(system: CodeSystem, property_: str, value: str) -> Codes:
    return frozenset(system.concepts) - _in(system, property_, value)


def _exists(system: CodeSystem, property_: str, value: str) -> Codes:
    _used(system, property_)
    having = frozenset(code for code in system.concepts if _values(system, code, property_))
    return having if value == "true" else frozenset(system.concepts) - having


def _among(system: CodeSystem, property_: str, wanted: set[str]) -> Codes:
    _used(system, property_)
    return frozenset(
        code for code in system.concepts if not wanted.isdisjoint(_values(system, code, property_))
    )


def _values(system: CodeSystem, code: str, property_: str) -> Iterable[str]:
    """Return what `code` has for a property; the hierarchy counts however it is written."""
    match property_:
        case "concept" | "code":
            return (code,)
        case "parent":
            return system.parents.get(code, ())
        case "child":
            return system.children.get(code, ())
        case _:
            return system.concepts[code].get(property_, ())


def _used(system: CodeSystem, property_: str) -> None:
    """Refuse a property that no concept has: more likely it is written elsewhere than absent."""
    standing = property_ in _CODE or property_ in ("parent", "child")
    if not standing and not any(property_ in found for found in system.concepts.values()):
        raise NotCarriedOut(f"has a filter on `{property_}`, a property that no concept has here")


_OPERATORS: Final[Mapping[str, Callable[[CodeSystem, str, str], Codes]]] = {
    "=": _equals,
    "is-a": _is_a,
    "descendent-of": _descendent_of,
    "is-not-a": _is_not_a,
    "generalizes": _generalizes,
    "in": _in,
    "not-in": _not_in,
    "exists": _exists,
}
