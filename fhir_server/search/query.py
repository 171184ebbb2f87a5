"""A query string as typed criteria: https://hl7.org/fhir/R4/search.html.

Every name is looked up in the definitions and the unknown is refused, unless the caller asked for
lenient handling; `used` then tells the self link what counted. Chains stay as hops, because each
hop must be resolved under the caller's rights on its own target type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter
from fhir_server.fhir.errors import BadRequest
from fhir_server.search import registry
from fhir_server.search.clauses import AllOf, Back
from fhir_server.search.clauses import Clause as Clause
from fhir_server.search.clauses import Hop as Hop
from fhir_server.search.clauses import Leaf as Leaf
from fhir_server.search.criteria import MAX_LENGTH as MAX_LENGTH
from fhir_server.search.criteria import MAX_VALUES as MAX_VALUES
from fhir_server.search.criteria import criteria, pointed
from fhir_server.search.filter import FILTER, filtered
from fhir_server.search.lists import LIST, of_list
from fhir_server.search.result import COUNTS, Counts, Result, read_result
from fhir_server.search.types import Locale

Pairs = Sequence[tuple[str, str]]
MAX_PARAMETERS = 64
MAX_HOPS = 4
MAX_BRANCHES = 1000
"""Ways through the types of one chain: a reference to anything has 148 of them at each hop."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search: all `clauses` must hold. `used` are the pairs that counted, as they came."""

    type: str
    clauses: tuple[Clause, ...]
    result: Result
    used: tuple[tuple[str, str], ...] = field(default=())


def read_query(
    resource_type: str,
    pairs: Pairs,
    locale: Locale,
    *,
    lenient: bool = False,
    counts: Counts = COUNTS,
) -> Query:
    """Read `pairs`, decoded, in order. Raises `BadRequest` naming the parameter at fault."""
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest(f"a search takes at most {MAX_PARAMETERS} parameters", code="too-costly")
    clauses: list[Clause] = []
    used: list[tuple[str, str]] = []
    shaping: list[tuple[str, str]] = []
    for name, value in pairs:
        if name.split(":")[0] in registry.RESULT_PARAMETERS:
            shaping.append((name, value))
            continue
        try:
            found = _clause(resource_type, name, value, locale)
            clauses += found.parts if isinstance(found, AllOf) else (found,)
        except registry.UnknownParameter:
            # A modifier that is not taken is refused even so: R4, search.html#modifiers.
            if lenient:
                continue
            raise
        used.append((name, value))
    result, kept = read_result(resource_type, shaping, lenient=lenient, counts=counts)
    return Query(resource_type, tuple(clauses), result, (*used, *kept))


def _clause(type_: str, name: str, value: str, locale: Locale, hops: int = 0) -> Clause:
    if name.partition(":")[0] == "_has":
        return _back(type_, name, value, locale, hops + 1)
    if name == LIST:
        return of_list(value, locale)
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    parameter = registry.parameter(type_, code)
    if value == "":
        raise BadRequest(f"search parameter `{name[:64]}` has no value", code="value")
    if dot:
        return _hop(type_, parameter, modifier, rest, value, locale, hops + 1)
    if name == FILTER:
        return filtered(type_, value, locale)
    return Leaf(code, criteria(type_, parameter, name, modifier, value, locale))


def _back(type_: str, name: str, value: str, locale: Locale, hops: int) -> Back:
    """Read `_has:Type:reference:parameter`: https://hl7.org/fhir/R4/search.html#has."""
    _, source, code, rest = (*name.split(":", 3), "", "", "")[:4]
    if source not in RESOURCE_TYPES or not code or not rest:
        raise BadRequest(
            f"`{name[:64]}` is not as `_has:Observation:patient:code`: a type, its reference to "
            f"{type_}, and what is asked of it",
            code="value",
        )
    parameter = registry.parameter(source, code)
    if parameter.type != "reference" or type_ not in parameter.target:
        raise BadRequest(f"`{source}:{code}` does not point to {type_}", code="value")
    _check_hops(hops)
    inner = _clause(source, rest, value, locale, hops)
    return Back(f"_has:{source}:{code}", source, registry.field(code), inner)


def _check_hops(hops: int) -> None:
    if hops > MAX_HOPS:
        raise BadRequest(f"a chain takes at most {MAX_HOPS} hops", code="too-costly")


def _hop(
    type_: str,
    parameter: SearchParameter,
    modifier: str,
    rest: str,
    value: str,
    locale: Locale,
    hops: int,
) -> Hop:
    if parameter.type != "reference":
        raise BadRequest(
            f"`{parameter.code}` of {type_} is no reference, it can't be chained", code="value"
        )
    _check_hops(hops)
    targets = pointed(parameter, modifier)
    inner: dict[str, Clause] = {}
    refusal: BadRequest | None = None
    for target in targets:
        try:
            inner[target] = _clause(target, rest, value, locale, hops)
        except BadRequest as error:
            if len(targets) == 1 or error.issues[0].code != "not-supported":
                raise
            refusal = error
        if sum(map(_branches, inner.values())) > MAX_BRANCHES:
            raise BadRequest(
                f"the chain through `{parameter.code}` has more than {MAX_BRANCHES} ways;"
                " name the types, as in `subject:Patient.name`",
                code="too-costly",
            )
    if not inner and refusal is not None:
        raise refusal
    return Hop(parameter.code, registry.field(parameter.code), inner)


def _branches(clause: Clause) -> int:
    match clause:
        case Hop():
            return sum(map(_branches, clause.targets.values()))
        case Back():
            return _branches(clause.inner)
        case _:
            return 1
