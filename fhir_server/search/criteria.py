"""One parameter, its modifier and its values, as a predicate on a stored document.

https://hl7.org/fhir/R4/search.html#modifiers: a modifier that the server does not carry out is
refused, whatever handling the client prefers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Predicate, Present, any_of, negate
from fhir_server.predicate.joining import joined
from fhir_server.search import registry
from fhir_server.search.date_bounds import bounded
from fhir_server.search.escape import split
from fhir_server.search.reference import below as reference_below
from fhir_server.search.token import criterion as token_criterion
from fhir_server.search.token_criteria import token_criteria
from fhir_server.search.types import UNREAD, Criterion, Locale

MAX_VALUES: Final = 500
MAX_LENGTH: Final = 2048
"""Characters of one value: MongoDB refuses expressions over 32 KB."""


def criteria(
    type_: str, parameter: SearchParameter, name: str, modifier: str, value: str, locale: Locale
) -> Predicate:
    """Return what `name=value` asks of a `type_`; `name` is as it came, for the refusals.

    Raises `BadRequest` naming the parameter, what is wrong with it, and what would do.
    """
    where = registry.field(parameter.code)
    if modifier == "missing":
        return missing(where, name, value)
    kind = registry.type_of(parameter)
    is_type = kind.name == "reference" and modifier in RESOURCE_TYPES
    if modifier and modifier not in kind.modifiers and not is_type:
        raise BadRequest(
            f"search parameter `{parameter.code}` does not take the modifier `:{modifier[:64]}`",
            code="not-supported",
        )
    values = split(value, ",")
    if len(values) > MAX_VALUES:
        raise BadRequest(f"`{name}` takes at most {MAX_VALUES} values", code="too-costly")
    check_texts(name, values)
    if kind.name == "token":
        return token_criteria(type_, parameter, where, modifier, values, locale)
    criterion: Criterion = kind.criterion
    match kind.name, modifier:
        case "reference", "identifier":
            where, criterion, modifier = f"{where}:identifier", token_criterion, ""
        case "reference", "below":
            criterion = reference_below
        case "reference", _:
            modifier = "|".join(pointed(parameter, modifier))
    found = joined(criterion(where, modifier, item, locale) for item in values)
    if kind.name == "date" and where.startswith("idx."):
        return bounded(found, parameter, type_, where, registry.sort_field(parameter.code))
    return found


def pointed(parameter: SearchParameter, modifier: str) -> tuple[str, ...]:
    """Return the types that a reference may point to here; `modifier` names one of them."""
    if not modifier:
        return parameter.target
    if modifier not in parameter.target:
        raise BadRequest(
            f"search parameter `{parameter.code}` does not point to `{modifier[:64]}`", code="value"
        )
    return (modifier,)


def check_texts(name: str, values: Sequence[str]) -> None:
    """Refuse what no stored text is, and what MongoDB takes no expression of."""
    if any(len(text) > MAX_LENGTH for text in values):
        raise BadRequest(
            f"`{name}` takes values of at most {MAX_LENGTH} characters", code="too-costly"
        )
    if any("\x00" in text for text in values):
        raise BadRequest(f"`{name}` holds a character that no text has", code="value")


def missing(where: str, name: str, value: str) -> Predicate:
    """Ask whether the element has a value, also one that gave no index value."""
    stands: Predicate = Present(where)
    if where.startswith("idx."):
        stands = any_of(stands, Present(f"{where}:{UNREAD}"))
    match value:
        case "true":
            return negate(stands)
        case "false":
            return stands
        case _:
            raise BadRequest(f"`{name}` takes `true` or `false`", code="value")
