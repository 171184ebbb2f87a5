"""All values of one token parameter, with the modifiers that need to know the element or a code.

https://hl7.org/fhir/R4/search.html#token and https://hl7.org/fhir/R4/search.html#modifiers

`:not` and `:not-in` find what the plain search does not, so resources without a value too, and
none of whose codes is among several that are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fhir_server.definitions import SearchParameter
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Predicate, Prefix, any_of, negate, one_of
from fhir_server.predicate.joining import joined
from fhir_server.search.bindings import element_types, implicit_codes
from fhir_server.search.concepts import MAX_CODES, Concepts, NotCarriedOut
from fhir_server.search.escape import split, unescape
from fhir_server.search.token import SEPARATOR, criterion, pair
from fhir_server.search.types import Locale
from fhir_server.search.value_sets import expand

Implicit = Mapping[str, frozenset[str]]

_ANYTHING: Final = "Extension"
_CODED: Final = frozenset({"CodeableConcept", "Coding", "code", _ANYTHING})
_ELEMENTS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"CodeableConcept", "Coding", "Identifier", _ANYTHING}),
    "of-type": frozenset({"Identifier", _ANYTHING}),
    "in": _CODED,
    "not-in": _CODED,
    "above": _CODED,
    "below": _CODED,
}
"""What a modifier is about; on other elements it could find nothing, and is refused."""


def token_criteria(
    type_: str,
    parameter: SearchParameter,
    where: str,
    modifier: str,
    values: Sequence[str],
    locale: Locale,
) -> Predicate:
    """Return what `values`, split and still escaped, ask for together. Raises `BadRequest`."""
    _check(type_, parameter, modifier)
    implicit = implicit_codes(type_, parameter)
    found = joined(_one(parameter, where, modifier, one, locale, implicit) for one in values)
    return negate(found) if modifier in ("not", "not-in") else found


def _check(type_: str, parameter: SearchParameter, modifier: str) -> None:
    wanted = _ELEMENTS.get(modifier)
    own = element_types(type_, parameter) if wanted else frozenset()
    if wanted and own and wanted.isdisjoint(own):
        kinds = ", ".join(sorted(wanted - {_ANYTHING}))
        raise BadRequest(
            f"search parameter `{parameter.code}` does not take the modifier `:{modifier}`, "
            f"which is for {kinds}; in {type_} it is {', '.join(sorted(own))}",
            code="not-supported",
        )


def _one(
    parameter: SearchParameter,
    where: str,
    modifier: str,
    value: str,
    locale: Locale,
    implicit: Implicit,
) -> Predicate:
    try:
        match modifier:
            case "in" | "not-in":
                return members(where, expand(unescape(value), locale.terminology), implicit)
            case "above" | "below":
                return members(where, _subsumed(modifier, value, locale, implicit), implicit)
    except NotCarriedOut as error:
        what = "code" if modifier in ("above", "below") else "value set"
        raise BadRequest(
            f"search parameter `{parameter.code}:{modifier}`: the {what} `{value[:200]}` {error}",
            code=error.code,
        ) from None
    plain = criterion(where, modifier, value, locale)
    return (
        plain if modifier in ("text", "of-type") else any_of(plain, _coded(where, value, implicit))
    )


def _coded(where: str, value: str, implicit: Implicit) -> Predicate:
    """Match `code` elements by `system|code` or `system|`, whose system the element implies."""
    match [unescape(part) for part in split(value, "|")]:
        case [system, code] if system in implicit:
            return one_of(where, (pair("", one) for one in ([code] if code else implicit[system])))
    return one_of(where, ())


def _subsumed(modifier: str, value: str, locale: Locale, implicit: Implicit) -> Concepts:
    """Return the codes above or below one, itself included. Raises `NotCarriedOut`."""
    match [unescape(part) for part in split(value, "|")]:
        case [system, code] if system and code:
            pass
        case [code] if code and len(implicit) == 1:
            (system,) = implicit
        case _:
            raise NotCarriedOut("needs its code system: `system|code`")
    known = locale.terminology.code_system(system)
    if known is None:
        raise NotCarriedOut(f"is of a code system that is not on this server: `{system[:200]}`")
    if not known.complete:
        raise NotCarriedOut("is of a code system of which this server has a part only")
    if code not in known.concepts:
        raise NotCarriedOut("is not in its code system")
    codes = known.below(code) if modifier == "below" else known.above(code)
    if len(codes) > MAX_CODES:
        raise NotCarriedOut(f"has more than {MAX_CODES} codes {modifier} it", "too-costly")
    return Concepts.of(system, codes)


def members(where: str, concepts: Concepts, implicit: Implicit) -> Predicate:
    """Match values of `where` that are among `concepts`."""
    texts = {pair(system, code) for system, code in concepts.codes}
    texts |= {pair("", code) for system, code in concepts.codes if system in implicit}
    whole = concepts.systems & implicit.keys()
    texts |= {pair("", code) for system in whole for code in implicit[system]}
    systems = (Prefix(where, system + SEPARATOR) for system in sorted(concepts.systems))
    return any_of(one_of(where, texts), *systems)
