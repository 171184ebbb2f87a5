"""`_filter` as clauses: https://hl7.org/fhir/R4/search_filter.html.

A test becomes what the same ordinary parameter becomes, and a path becomes hops, so that both are
answered under the caller's rights. In brackets stands what the same target must satisfy too.
"""

from __future__ import annotations

from fhir_server.definitions import SearchParameter
from fhir_server.fhir.errors import BadRequest
from fhir_server.search import registry
from fhir_server.search.clauses import AllOf, AnyOf, Clause, Hop, Leaf, NoneOf
from fhir_server.search.criteria import pointed
from fhir_server.search.filter_operators import compared
from fhir_server.search.filter_parse import (
    Comparison,
    Denied,
    Filter,
    Joined,
    Step,
    at_column,
    parse_filter,
)
from fhir_server.search.types import Locale

FILTER = "_filter"
MAX_HOPS = 4
MAX_BRANCHES = 1000
"""Leaves of what one test becomes: a reference to anything has 148 at each hop."""


def filtered(type_: str, text: str, locale: Locale) -> Clause:
    """Return what `_filter=text` asks of a `type_`. Raise `BadRequest` with the column at fault."""
    return _clause(type_, parse_filter(text), locale, 0)


def _clause(type_: str, part: Filter, locale: Locale, hops: int) -> Clause:
    match part:
        case Joined(word, parts):
            inner = tuple(_clause(type_, one, locale, hops) for one in parts)
            return AllOf(inner) if word == "and" else AnyOf(inner)
        case Denied(one):
            return NoneOf(_clause(type_, one, locale, hops))
        case Comparison():
            return _test(type_, part.path, part, locale, hops)


def _test(
    type_: str, path: tuple[Step, ...], asked: Comparison, locale: Locale, hops: int
) -> Clause:
    step, rest = path[0], path[1:]
    code, _, only = step.name.partition(":")
    try:
        parameter = registry.parameter(type_, code)
        if rest:
            return _hop(type_, parameter, only, path, asked, locale, hops + 1)
        if only:
            raise BadRequest(f"`:{only[:64]}` is for a name that another follows", code="value")
        return Leaf(code, compared(type_, parameter, asked.operator, asked.value, locale))
    except BadRequest as error:
        raise _placed(error, step.column) from None


def _hop(
    type_: str,
    parameter: SearchParameter,
    only: str,
    path: tuple[Step, ...],
    asked: Comparison,
    locale: Locale,
    hops: int,
) -> Hop:
    code = parameter.code
    if parameter.type != "reference":
        raise BadRequest(f"`{code}` of {type_} is no reference, no path leads on", code="value")
    if hops > MAX_HOPS:
        raise BadRequest(f"a path takes at most {MAX_HOPS} hops", code="too-costly")
    targets: dict[str, Clause] = {}
    refusal: BadRequest | None = None
    for target in pointed(parameter, only):
        try:
            found = _test(target, path[1:], asked, locale, hops)
            if (inner := path[0].only) is not None:
                found = AllOf((_clause(target, inner, locale, hops), found))
        except BadRequest as error:
            if error.issues[0].code != "not-supported":
                raise
            refusal = error
            continue
        targets[target] = found
        if sum(map(_leaves, targets.values())) > MAX_BRANCHES:
            raise BadRequest(
                f"the path through `{code}` has more than {MAX_BRANCHES} ways; name the type, as"
                " in `subject:Patient.name`",
                code="too-costly",
            )
    if refusal is not None and not targets:
        raise refusal
    return Hop(code, registry.field(code), targets)


def _leaves(clause: Clause) -> int:
    match clause:
        case AllOf(parts) | AnyOf(parts):
            return sum(map(_leaves, parts))
        case NoneOf(part):
            return _leaves(part)
        case Hop():
            return sum(map(_leaves, clause.targets.values()))
        case _:
            return 1


class _Placed(BadRequest):
    """A refusal that says where it stands in the filter."""


def _placed(error: BadRequest, column: int) -> BadRequest:
    if isinstance(error, _Placed):
        return error
    issue = error.issues[0]
    return _Placed(str(at_column(column, issue.diagnostics)), code=issue.code)
