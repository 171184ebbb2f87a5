"""A query string as typed criteria: https://hl7.org/fhir/R4/search.html.

Every name is looked up in the definitions and the unknown is refused, unless the caller asked for
lenient handling; `used` then tells the self link what counted. Chains stay as hops, because each
hop must be resolved under the caller's rights on its own target type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter
from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Predicate, Present, any_of, negate
from fhir_server.search import registry
from fhir_server.search.escape import split
from fhir_server.search.result import COUNTS, Counts, Result, read_result
from fhir_server.search.token import criterion as token_criterion
from fhir_server.search.types import Locale

Pairs = Sequence[tuple[str, str]]
MAX_PARAMETERS = 64
MAX_VALUES = 500
MAX_LENGTH = 2048
"""Characters of one value: MongoDB refuses expressions over 32 KB."""
MAX_HOPS = 4
MAX_BRANCHES = 1000
"""Ways through the types of one chain: a reference to anything has 148 of them at each hop."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A criterion on the resource itself."""

    code: str
    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Hop:
    """A criterion on what the reference parameter `code` points to, by target type."""

    code: str
    field: str
    targets: Mapping[str, Clause]


Clause = Leaf | Hop


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
            clauses.append(_clause(resource_type, name, value, locale))
        except registry.UnknownParameter:
            # A modifier that is not taken is refused even so: R4, search.html#modifiers.
            if lenient:
                continue
            raise
        used.append((name, value))
    result, kept = read_result(resource_type, shaping, lenient=lenient, counts=counts)
    return Query(resource_type, tuple(clauses), result, (*used, *kept))


def _clause(type_: str, name: str, value: str, locale: Locale, hops: int = 0) -> Clause:
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    parameter = registry.parameter(type_, code)
    if value == "":
        raise BadRequest(f"search parameter `{name[:64]}` has no value", code="value")
    if dot:
        return _hop(type_, parameter, modifier, rest, value, locale, hops + 1)
    return Leaf(code, _leaf(parameter, name, modifier, value, locale))


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
    if hops > MAX_HOPS:
        raise BadRequest(f"a chain takes at most {MAX_HOPS} hops", code="too-costly")
    targets = _targets(parameter, modifier)
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
    return 1 if isinstance(clause, Leaf) else sum(map(_branches, clause.targets.values()))


def _targets(parameter: SearchParameter, modifier: str) -> tuple[str, ...]:
    if not modifier:
        return parameter.target
    if modifier not in parameter.target:
        raise BadRequest(
            f"search parameter `{parameter.code}` does not point to `{modifier[:64]}`", code="value"
        )
    return (modifier,)


def _leaf(
    parameter: SearchParameter, name: str, modifier: str, value: str, locale: Locale
) -> Predicate:
    where = registry.field(parameter.code)
    if modifier == "missing":
        return _missing(where, name, value)
    kind = registry.PARAMETER_TYPES[parameter.type]
    is_type = kind.name == "reference" and modifier in RESOURCE_TYPES
    if modifier and modifier not in kind.modifiers and not is_type:
        raise BadRequest(
            f"search parameter `{parameter.code}` does not take the modifier `:{modifier[:64]}`",
            code="not-supported",
        )
    values = split(value, ",")
    if len(values) > MAX_VALUES:
        raise BadRequest(f"`{name}` takes at most {MAX_VALUES} values", code="too-costly")
    _check_texts(name, values)
    if kind.name == "reference" and modifier == "identifier":
        where = f"{where}:identifier"
        return any_of(*(token_criterion(where, "", item, locale) for item in values))
    asked = modifier
    if kind.name == "reference":
        asked = "|".join(_targets(parameter, modifier))
    found = any_of(*(kind.criterion(where, asked, item, locale) for item in values))
    return negate(found) if modifier == "not" else found


def _check_texts(name: str, values: Sequence[str]) -> None:
    """Refuse what no stored text is, and what MongoDB takes no expression of."""
    if any(len(text) > MAX_LENGTH for text in values):
        raise BadRequest(
            f"`{name}` takes values of at most {MAX_LENGTH} characters", code="too-costly"
        )
    if any("\x00" in text for text in values):
        raise BadRequest(f"`{name}` holds a character that no text has", code="value")


def _missing(where: str, name: str, value: str) -> Predicate:
    match value:
        case "true":
            return negate(Present(where))
        case "false":
            return Present(where)
        case _:
            raise BadRequest(f"`{name}` takes `true` or `false`", code="value")
