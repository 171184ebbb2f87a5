"""Searches of several types at once: of everything, and of a compartment.

https://hl7.org/fhir/R4/http.html#search and https://hl7.org/fhir/R4/compartmentdefinition.html

Several types are asked by what all of them have. That is told by the definitions and never by what
is stored, so a refusal says nothing about the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Final

from fhir_server.definitions import COMPARTMENTS, RESOURCE_TYPES, compartment
from fhir_server.fhir.errors import BadRequest, NotFound
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.search import Pairs, answer, read
from fhir_server.search.compartment import inside
from fhir_server.search.query import Query
from fhir_server.search.registry import UnknownParameter

ALL: Final = "*"
_TRACES: Final = frozenset({"AuditEvent"})
"""Only brought when `_type` names them: who wants a record's data does not want its log."""


def search_system(x: Exchange, pairs: Pairs) -> Answer:
    """Return one page of what the caller may know of several types."""
    types = tuple(sorted(RESOURCE_TYPES))
    return answer(x, "", pairs, lambda given, lenient: _read(x, types, given, lenient))


def search_compartment(x: Exchange, owner: str, id_: str, member: str, pairs: Pairs) -> Answer:
    """Return one page of what the caller may know of the compartment of `owner/id_`.

    `member` is a type, or `*` for all that can be in it. A compartment whose resource is hidden or
    was never there is empty (L17). Raises `BadRequest` for a type that is never in it (L64).
    """
    if owner not in COMPARTMENTS:
        raise NotFound(f"a {owner} has no compartment", code="not-supported")
    place = f"{owner}/{id_}/{member}"
    about = id_ if owner == "Patient" else ""
    types = tuple(sorted({owner, *compartment(owner)}))
    if member == ALL:
        within = partial(_within, owner, id_)
        return answer(
            x,
            place,
            pairs,
            lambda given, lenient: [within(one) for one in _read(x, types, given, lenient)],
            about=about,
        )
    if member not in types:
        raise BadRequest(f"a {member} is never in the compartment of a {owner}", code="value")
    return answer(
        x,
        place,
        pairs,
        lambda given, lenient: _within(owner, id_, read(x, member, given, lenient=lenient)),
        about=about,
    )


def _within(owner: str, id_: str, query: Query) -> Query:
    return replace(query, clauses=(inside(owner, id_, query.type), *query.clauses))


def _read(x: Exchange, types: Sequence[str], pairs: Pairs, lenient: bool) -> list[Query]:
    """Read the same query for each of `types` that `_type` asks for."""
    said = [value for name, value in pairs if name == "_type"]
    if len(said) > 1:
        raise BadRequest("`_type` is said once: `_type=Patient,Observation`", code="value")
    rest = [(name, value) for name, value in pairs if name != "_type"]
    asked = _asked(said[0], types) if said else [one for one in types if one not in _TRACES]
    if lenient:
        found = [read(x, type_, rest, lenient=True) for type_ in asked]
        rest = [pair for pair in rest if all(pair in one.used for one in found)]
    try:
        queries = [read(x, type_, rest) for type_ in asked]
    except UnknownParameter as error:
        raise UnknownParameter(
            f"{error}; several types are searched by what all of them have, and `_type` names fewer",
            code="not-supported",
        ) from None
    used = tuple(("_type", value) for value in said)
    return [replace(one, used=(*used, *one.used)) for one in queries]


def _asked(value: str, types: Sequence[str]) -> list[str]:
    """Return the types that `_type` names, each once. Raises `BadRequest` for another."""
    found = dict.fromkeys(part.strip() for part in value.split(","))
    for name in found:
        if name not in RESOURCE_TYPES:
            near = get_close_matches(name, RESOURCE_TYPES, n=1)
            hint = f"; did you mean `{near[0]}`" if near else ""
            raise BadRequest(f"`_type`: `{name[:64]}` is no resource type{hint}", code="value")
        if name not in types:
            raise BadRequest(f"`_type`: a {name} is never in this compartment", code="value")
    return list(found)
