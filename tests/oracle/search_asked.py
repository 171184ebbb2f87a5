"""Write down a search that finds what has a value: the value taken from the resource itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fhir_server.definitions import SearchParameter, search_parameter
from tests.oracle import search_numbers as numbers
from tests.oracle import search_values as read
from tests.oracle.search import Json, component_values

MOST = 200
"""Characters of a text that is asked for."""


def escaped(text: str) -> str:
    r"""Put a `\` before what would separate."""
    for sign in "\\,|$":
        text = text.replace(sign, f"\\{sign}")
    return text


def asked_for(parameter: SearchParameter, one: Json, values: Sequence[Any]) -> str:
    """Return what finds the first of `values` that can be asked for, or nothing."""
    return next((text for value in values for text in _texts(parameter, one, value) if text), "")


def _texts(parameter: SearchParameter, one: Json, value: Any) -> Iterator[str]:
    match parameter.type:
        case "token":
            for system, code in read.tokens(value):
                named = system and not isinstance(value, str | bool)
                yield f"{escaped(system)}|{escaped(code)}" if named else escaped(code)
        case "string":
            yield from (escaped(text.strip()[:MOST]) for text in read.texts(value))
        case "date":
            yield _date(value)
        case "uri":
            yield escaped(value) if isinstance(value, str) else ""
        case "reference":
            yield _reference(parameter, value)
        case "number":
            found = numbers.amount(value)
            yield f"{found[0]}" if found else ""
        case "quantity":
            yield _quantity(value)
        case "composite":
            yield _composite(parameter, one, value)


def _date(value: Any) -> str:
    match value:
        case str() | {"event": [str(), *_]}:
            text = value if isinstance(value, str) else value["event"][0]
            prefix = "" if isinstance(value, str) else "ap"
            return f"{prefix}{text}" if read.DATE.fullmatch(text) else ""
        case {"repeat": {"boundsPeriod": bounds}}:
            return _date(bounds)
        case {"start": start}:
            return f"ge{start}"
        case {"end": end}:
            return f"le{end}"
    return ""


def _reference(parameter: SearchParameter, value: Any) -> str:
    text = read.pointed(value, "")
    type_ = text.split("/")[0]
    allowed = "://" in text or text.startswith("urn:") or not parameter.target
    return escaped(text) if text and (allowed or type_ in parameter.target) else ""


def _quantity(value: Any) -> str:
    found = numbers.amount(value)
    if not found or not isinstance(value, dict):
        return ""
    low = f"ge{found[0]}" if found[0] < found[1] else f"{found[0]}"
    if found[0] < -(10**20):
        low = f"le{found[1]}"
    system, code, unit = numbers.unit(value)
    if system and "currency" not in value and code:
        return f"{low}|{escaped(system)}|{escaped(code)}"
    return f"{low}||{escaped(unit)}" if unit else low


def _composite(parameter: SearchParameter, one: Json, value: Any) -> str:
    parts = []
    for component in parameter.component:
        like = search_parameter(component.definition)
        found = component_values(component.expression, one, value)
        parts.append(asked_for(like, one, found) if like else "")
    return "$".join(parts) if all(parts) else ""
