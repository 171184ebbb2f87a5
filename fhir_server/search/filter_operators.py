"""The operators of `_filter` by the type of what they compare.

https://hl7.org/fhir/R4/search_filter.html#ops: `eq`, `ne` and their like ask for one value of the
set that compares so; `pr` whether there is any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fhir_server.definitions import SearchParameter
from fhir_server.fhir.dates import interval
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import (
    After,
    Before,
    Contains,
    Ends,
    Has,
    Never,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Some,
    Unlike,
    all_of,
)
from fhir_server.search import registry, string, token, words
from fhir_server.search.criteria import criteria
from fhir_server.search.escape import escape, split, unescape
from fhir_server.search.types import Locale

Operator = Callable[[str, SearchParameter, str, Locale], Predicate]
"""Takes the type of the resource, the parameter and the value; commas in it are text."""


def compared(
    type_: str, parameter: SearchParameter, operator: str, value: str, locale: Locale
) -> Predicate:
    """Return what `parameter operator value` asks of a `type_`. Raise `BadRequest`."""
    if operator == "pr":
        return _present(type_, parameter, value, locale)
    known = _WORDS if parameter.code in words.CODES else _TABLE.get(parameter.type, {})
    found = known.get(operator)
    if found is None:
        taken = ", ".join(f"`{name}`" for name in (*known, "pr"))
        raise BadRequest(
            f"`{parameter.code}` is a {parameter.type}, it takes {taken} and not `{operator}`",
            code="not-supported",
        )
    return found(type_, parameter, value, locale)


def _present(type_: str, parameter: SearchParameter, value: str, locale: Locale) -> Predicate:
    absent = {"true": "false", "false": "true"}.get(value)
    if absent is None:
        raise BadRequest("`pr` takes `true` or `false`", code="value")
    name = f"{parameter.code}:missing"
    return criteria(type_, parameter, name, "missing", absent, locale)


def _as_parameter(modifier: str = "", prefix: str = "", *, literal: bool = False) -> Operator:
    """Return the operator that asks what `parameter:modifier=prefix…` does.

    `literal`: nothing in the value separates or escapes.
    """

    def ask(type_: str, parameter: SearchParameter, value: str, locale: Locale) -> Predicate:
        name = f"{parameter.code}:{modifier}" if modifier else parameter.code
        text = escape(value) if literal else "\\,".join(split(value, ","))
        try:
            return criteria(type_, parameter, name, modifier, prefix + text, locale)
        except BadRequest as error:
            said = error.issues[0]
            why = said.diagnostics.replace(f"`{prefix}{text}`", f"`{value}`")
            raise BadRequest(why, code=said.code) from None

    return ask


def _string(made: Callable[[str, str], Predicate]) -> Operator:
    def ask(_: str, parameter: SearchParameter, value: str, __: Locale) -> Predicate:
        text = string.fold(value)
        if not text:
            raise BadRequest(f"`{parameter.code}` takes a text to compare with", code="value")
        return made(registry.field(parameter.code), text)

    return ask


def _plain(made: Callable[[str, str], Predicate]) -> Operator:
    def ask(_: str, parameter: SearchParameter, value: str, __: Locale) -> Predicate:
        return made(registry.field(parameter.code), value)

    return ask


def _other_code(_: str, parameter: SearchParameter, value: str, __: Locale) -> Predicate:
    """Ask for one code that is not this one."""
    where = registry.field(parameter.code)
    if parameter.code in registry.STORED_FIELDS:
        return Unlike(where, (value,))
    match [unescape(part) for part in split(value, "|")]:
        case [code] if code:
            return Unlike(where, (code,), token.SEPARATOR, "tail")
        case [system, ""] if system:
            return Unlike(where, (system,), token.SEPARATOR, "head")
        case [system, code] if code:
            return Unlike(where, (token.pair(system, code),), token.SEPARATOR)
        case _:
            raise BadRequest(f"`{value[:80]}` is not a token", code="value")


def _other_target(type_: str, parameter: SearchParameter, value: str, locale: Locale) -> Predicate:
    """Ask for one reference that is not this one."""
    where = registry.field(parameter.code)
    match _as_parameter(literal=True)(type_, parameter, value, locale):
        case Has(_, str() as named):
            return Unlike(where, (named,))
        case OneOf(_, values):
            return Unlike(where, tuple(map(str, values)))
        case Never():
            return Present(where)
        case _:
            raise BadRequest(
                f"`{parameter.code} ne` takes `id` or `Type/id`; for an address, `not (… re …)`",
                code="value",
            )


def _overlaps(type_: str, parameter: SearchParameter, value: str, locale: Locale) -> Predicate:
    where = registry.field(parameter.code)
    if parameter.code in registry.STORED_FIELDS:
        return _as_parameter(prefix="eq")(type_, parameter, value, locale)
    try:
        low, high = interval(value, locale.zone)
    except ValueError:
        raise BadRequest(f"`{value[:80]}` is not a date", code="value") from None
    return Some(where, all_of(Before("lo", high), After("hi", low)))


_COMPARED: Final[Mapping[str, Operator]] = {
    name: _as_parameter(prefix=name)
    for name in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
}
_WORDS: Final[Mapping[str, Operator]] = {"eq": _as_parameter(), "co": _as_parameter()}
_TABLE: Final[Mapping[str, Mapping[str, Operator]]] = {
    "string": {
        "eq": _string(lambda field, text: Prefix(field, text + string.SEPARATOR)),
        "ne": _string(lambda field, text: Unlike(field, (text,), string.SEPARATOR, "head")),
        "co": _as_parameter("contains", literal=True),
        "sw": _as_parameter(literal=True),
        "ew": _string(lambda field, text: Ends(field, text, string.SEPARATOR)),
    },
    "token": {
        "eq": _as_parameter(),
        "ne": _other_code,
        "in": _as_parameter("in"),
        "ni": _as_parameter("not-in"),
        # What the value subsumes lies below it.
        "ss": _as_parameter("below"),
        "sb": _as_parameter("above"),
    },
    "uri": {
        "eq": _as_parameter(literal=True),
        "ne": _plain(lambda field, text: Unlike(field, (text,))),
        "co": _plain(Contains),
        "sw": _plain(Prefix),
        "ew": _plain(Ends),
        "ss": _as_parameter("below", literal=True),
        "sb": _as_parameter("above", literal=True),
    },
    "reference": {
        "eq": _as_parameter(literal=True),
        "re": _as_parameter(literal=True),
        "ne": _other_target,
    },
    "date": {**_COMPARED, "po": _overlaps},
    "number": _COMPARED,
    "quantity": _COMPARED,
    "composite": {"eq": _as_parameter()},
    "special": {"eq": _as_parameter()},
}
