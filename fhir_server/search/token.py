"""Token parameters: https://hl7.org/fhir/R4/search.html#token.

An index value is the code alone, and `system` + separator + `code`; `system` is empty when the
source has none, so that `|code` finds exactly those. A code element and a ContactPoint have no
system in this sense; `phone|…` is taken all the same. Upper and lower case count: most code
systems and the French registers of persons say so, and R4 leaves the rest to the server.

Beside them stand the texts of the codes (`:text`), and the types of Identifiers (`:of-type`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import NEVER, Contains, Has, Predicate, Prefix, Scalar
from fhir_server.search.escape import split, unescape
from fhir_server.search.folding import words
from fhir_server.search.types import Found, IndexValue, Locale, ParameterType, refuse_value

TEXT, OF_TYPE = "text", "of-type"
"""Modifiers, and the names of the fields that they look into."""
MODIFIERS: Final = frozenset({"not", TEXT, OF_TYPE, "in", "not-in", "above", "below"})
_LONGEST: Final = 200
"""Characters of one text that are indexed."""
SEPARATOR: Final = "\x1f"
"""Stands between system and code: a control character can't occur in either."""


def pair(system: str, code: str) -> str:
    """Return the index value for `system|code`."""
    return f"{system}{SEPARATOR}{code}"


def values(found: Sequence[Found], _: Locale) -> list[IndexValue]:
    """Return both forms of every code found, in order, each once."""
    unique: dict[str, None] = {}
    for node in found:
        for system, code in _codes(node.type, node.value):
            if code:
                unique[code] = None
            unique[pair(system, code)] = None
    return list(unique)


def _codes(type_: str, value: Any) -> Iterator[tuple[str, str]]:
    match type_, value:
        case "CodeableConcept", {"coding": list(codings)}:
            for coding in codings:
                yield from _codes("Coding", coding)
        case "Coding", {}:
            if "code" in value or "system" in value:
                yield str(value.get("system", "")), str(value.get("code", ""))
        case "Identifier", {"value": str(number)}:
            yield str(value.get("system", "")), number
        case "ContactPoint", {"value": str(number)}:
            yield "", number
            if "system" in value:
                yield str(value["system"]), number
        case _, bool():
            yield "", "true" if value else "false"
        case _, str():
            yield "", value


def beside(found: Sequence[Found], _: Locale) -> Mapping[str, list[IndexValue]]:
    """Return the texts that go with the codes found, and each Identifier with its types."""
    texts: dict[str, None] = {}
    typed: dict[str, None] = {}
    for node in found:
        match node.type, node.value:
            case (("CodeableConcept" | "Coding"), {}):
                texts.update(dict.fromkeys(_texts(node.value)))
            case "Identifier", {"type": {} as type_, "value": str(number)}:
                texts.update(dict.fromkeys(_texts({"text": type_.get("text")})))
                for system, code in _codes("CodeableConcept", type_):
                    typed[SEPARATOR.join((system, code, number))] = None
    named = {TEXT: list(texts), OF_TYPE: list(typed)}
    return {name: values for name, values in named.items() if values}


def _texts(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a CodeableConcept or a Coding as words, with a space before each."""
    codings = value.get("coding")
    for source in (value, *(codings if isinstance(codings, list) else ())):
        for name in ("text", "display"):
            text = source.get(name) if isinstance(source, dict) else None
            if isinstance(text, str) and (found := words(text[:_LONGEST])):
                yield f" {found}"


def criterion(field: str, modifier: str, value: str, _: Locale) -> Predicate:
    """Match `code`, `system|code`, `|code` (no system) or `system|` (any code of it).

    With `:text` match texts in which a word begins so; with `:of-type` an Identifier's
    `system|code|value`.
    """
    if modifier == TEXT:
        return _text(field, value)
    parts = [unescape(part) for part in split(value, "|")]
    if modifier == OF_TYPE:
        return _of_type(field, value, parts)
    if field == "_id":
        return _id(field, value, parts)
    match parts:
        case [code] if code:
            return Has(field, code)
        case [system, ""] if system:
            return Prefix(field, system + SEPARATOR)
        case [system, code] if code:
            return Has(field, pair(system, code))
        case _:
            raise _no_token(field, value)


def _text(field: str, value: str) -> Predicate:
    wanted = words(unescape(value)[:_LONGEST])
    if not wanted:
        raise refuse_value(field, value, "a text to look for: it needs a letter or a digit")
    return Contains(f"{field}:{TEXT}", f" {wanted}")


def _of_type(field: str, value: str, parts: Sequence[str]) -> Predicate:
    if len(parts) != 3 or not all(parts):
        raise refuse_value(
            field, value, "a type and a value: `system|code|value`, all three; write `\\|` inside"
        )
    return Has(f"{field}:{OF_TYPE}", SEPARATOR.join(parts))


def _id(field: str, value: str, parts: Sequence[str]) -> Predicate:
    """Match the logical id, which no system goes with."""
    match parts:
        case [id_] | ["", id_] if id_:
            return Has(field, id_)
        case [_, _]:
            return NEVER
        case _:
            raise _no_token(field, value)


def _no_token(field: str, value: str) -> BadRequest:
    return refuse_value(field, value, "a token: `code`, `system|code`, `|code` or `system|`")


def key(value: IndexValue) -> Scalar:
    """Sort by code."""
    return str(value).rpartition(SEPARATOR)[2]


TOKEN = ParameterType("token", MODIFIERS, values, criterion, key, beside)
