"""Describe what a search parameter takes, and how a result is asked for.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from typing import Any, Final

from fhir_server.definitions import SearchParameter
from fhir_server.search.query import MAX_LENGTH
from fhir_server.search.registry import PARAMETER_TYPES, RESULT_PARAMETERS, type_of

Schema = dict[str, Any]

_DAY: Final = "[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
_PREFIX: Final = "(eq|ne|gt|lt|ge|le|sa|eb|ap)?"
_DATE: Final = f"{_PREFIX}{_DAY}"
_NUMBER: Final = f"{_PREFIX}[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?"
_LINK: Final = r"^([*]|[A-Za-z]+:([*]|[A-Za-z-]+)(:[A-Za-z]+)?)$"
_TEXT: Final[Schema] = {"type": "string"}
_SOME: Final[Schema] = {"type": "string", "minLength": 1}
_VALUES: Final[dict[str, tuple[Schema, str]]] = {
    "date": (
        {"type": "string", "pattern": f"^{_DATE}(,{_DATE})*$"},
        "A date or instant, whole or in part, after a prefix: `ge2024-03`.",
    ),
    "number": (
        {"type": "string", "pattern": f"^{_NUMBER}(,{_NUMBER})*$"},
        "A number, after a prefix: `lt0.5`.",
    ),
    "quantity": (_SOME, "A number, after a prefix, its system and its code: `5.4|s|mg`."),
    "reference": (_SOME, "`id`, `Type/id` or an absolute address."),
    "string": (_SOME, "How a text begins; case and accents don't count."),
    "token": (_SOME, "`code`, `system|code`, `|code` (no system) or `system|` (any code)."),
    "uri": (_SOME, "A whole uri."),
    "composite": (_SOME, "The values of the components, joined by `$`."),
    "special": (_SOME, "As the definition of the parameter says."),
}
_RESULT: Final[dict[str, tuple[Schema, str]]] = {
    "_count": (
        {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        "Matches on a page; 0 asks for the total alone.",
    ),
    "_sort": (
        {"type": "string", "pattern": "^-?[A-Za-z_-]+(,-?[A-Za-z_-]+){0,3}$"},
        "Up to four parameters of the type, each with `-` for descending.",
    ),
    "_include": (
        {"type": "string", "pattern": _LINK},
        "What a reference of the matches points to: `Type:parameter`, `Type:parameter:Target`, "
        "`Type:*` or `*`; `:iterate`, also of what is included.",
    ),
    "_revinclude": (
        {"type": "string", "pattern": _LINK},
        "What points to the matches, in the forms of `_include`.",
    ),
    "_summary": (
        {"type": "string", "enum": ["true", "text", "data", "count", "false"]},
        "The part of each resource that is sent.",
    ),
    "_total": (
        {"type": "string", "enum": ["none", "estimate", "accurate"]},
        "Whether the total is counted.",
    ),
    "_explain": (
        {"type": "string", "enum": ["plan"]},
        "How the database answers, in place of the result; for the trusted system alone.",
    ),
    "_elements": (_TEXT, "The names of the elements that are sent, separated by commas."),
    "_contained": (
        {"type": "string", "enum": ["false"]},
        "Contained resources are no matches of their own; `true` and `both` are refused.",
    ),
    "_containedType": (
        {"type": "string", "enum": ["container", "contained"]},
        "Without a meaning while `_contained` is `false`.",
    ),
    "_cursor": (_TEXT, "A place in a result, out of one of its links; it stands alone."),
    "_format": (
        {
            "type": "string",
            "enum": ["json", "xml", "application/fhir+json", "application/fhir+xml"],
        },
        "The form of the answer; it stands above `Accept`.",
    ),
    "_pretty": ({"type": "string", "enum": ["true", "false"]}, "Indents the answer."),
}


def value_schemas() -> dict[str, Schema]:
    """Return the schema of a value of each parameter type and result parameter, by name."""
    values: dict[str, Schema] = {
        f"search.{name}": {
            **_VALUES[name][0],
            "maxLength": MAX_LENGTH,
            "description": f"{_VALUES[name][1]} Several, separated by commas, mean any of them.",
        }
        for name in PARAMETER_TYPES
    }
    return values | {f"result.{name}": result_schema(name) for name in sorted(RESULT_PARAMETERS)}


def result_schema(name: str) -> Schema:
    """Return the schema of the result parameter `name`, any text where none is known here."""
    return _RESULT.get(name, (_TEXT, ""))[0]


def result_meaning(name: str) -> str:
    """Return what the result parameter `name` is for."""
    return _RESULT.get(name, (_TEXT, ""))[1]


def expression_for(parameter: SearchParameter, type_: str) -> str:
    """Return the alternatives of the expression that are about `type_`; all where none names it.

    A definition that several types share has their expressions in one, joined by `|`.
    """
    parts = [part.strip() for part in parameter.expression.split(" | ")]
    own = [part for part in parts if part.lstrip("(").startswith(f"{type_}.")]
    return " | ".join(own or parts)


def modifiers(parameter: SearchParameter) -> tuple[str, ...]:
    """Return the modifiers that the server takes with `parameter`."""
    found = {"missing", *type_of(parameter).modifiers}
    return tuple(f":{name}" for name in sorted(found))
