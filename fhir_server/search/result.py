"""The parameters that shape a result: https://hl7.org/fhir/R4/search.html#return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.subset import WHOLE, Subset
from fhir_server.search import registry, words
from fhir_server.search.include import NAMES as INCLUDES
from fhir_server.search.include import Include, read_include

MAX_SORT_KEYS: Final = 4
_ONCE: Final = frozenset({"_count", "_sort", "_total", "_contained", "_containedType"})
_NOT_ABOUT_RESULTS: Final = frozenset({"_format", "_pretty", "_cursor"})


@dataclass(frozen=True, slots=True)
class Counts:
    """How many matches a page has: when nothing is asked, and at the most."""

    usual: int = 20
    most: int = 1000


COUNTS: Final = Counts()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `_sort`; `field` holds one scalar or nothing. Absent sorts before all others."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a search is answered. `count` 0 or `summary_count` asks for the total alone."""

    count: int = COUNTS.usual
    sort: tuple[SortKey, ...] = ()
    includes: tuple[Include, ...] = ()
    total: Literal["", "none", "estimate", "accurate"] = ""
    summary_count: bool = False
    subset: Subset = WHOLE

    @property
    def asks_total(self) -> bool:
        """Tell whether the caller wants the total, whatever it costs."""
        return bool(self.total) or self.summary_count or self.count == 0


def read_result(
    resource_type: str,
    pairs: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    counts: Counts = COUNTS,
) -> tuple[Result, tuple[tuple[str, str], ...]]:
    """Read the result parameters; return them with the pairs that counted."""
    result = Result(count=counts.usual)
    kept: list[tuple[str, str]] = []
    # Of what can be said once the last counts.
    last = {name: place for place, (name, _) in enumerate(pairs) if name in _ONCE}
    for place, (name, value) in enumerate(pairs):
        if name in _NOT_ABOUT_RESULTS or last.get(name, place) != place:
            continue
        try:
            result = _with(result, resource_type, name, value)
        except BadRequest as error:
            if lenient and error.issues[0].code == "not-supported":
                continue
            raise
        if name == "_count":
            result = replace(result, count=min(result.count, counts.most))
            value = str(result.count)
        kept.append((name, value))
    return result, tuple(kept)


def _with(result: Result, resource_type: str, name: str, value: str) -> Result:
    if name.partition(":")[0] in INCLUDES:
        return replace(result, includes=(*result.includes, read_include(name, value)))
    match name, value:
        case "_count", _:
            return replace(result, count=_count(value))
        case "_sort", _:
            return replace(result, sort=_sort(resource_type, value))
        case "_total", ("none" | "estimate" | "accurate"):
            return replace(result, total=value)
        case "_contained", "false":
            return result
        case "_containedType", ("container" | "contained"):
            # Says what is returned of a contained match, and there are none.
            return result
        case "_summary", "count":
            return replace(result, summary_count=True)
        case "_summary" | "_elements", _:
            return replace(result, subset=read_subset([(name, value)], result.subset))
        case _:
            raise BadRequest(f"`{name}={value[:64]}` is not supported", code="not-supported")


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise BadRequest("`_count` takes a whole number", code="value")
    return int(value)


def read_subset(pairs: Sequence[tuple[str, str]], known: Subset = WHOLE) -> Subset:
    """Read `_summary` and `_elements`, which may not be combined but for `_summary=false`."""
    for name, value in pairs:
        match name, value:
            case "_summary", ("true" | "text" | "data"):
                known = Subset(value, known.names)
            case "_summary", "false":
                continue
            case "_elements", _:
                names = tuple(part.strip() for part in value.split(",") if part.strip())
                known = Subset(known.summary, (*known.names, *names))
            case _:
                raise BadRequest(
                    f"`{name[:64]}={value[:64]}` is not supported", code="not-supported"
                )
    if known.summary and known.names:
        raise BadRequest("`_summary` and `_elements` can't be combined", code="value")
    return known


def _sort(resource_type: str, value: str) -> tuple[SortKey, ...]:
    """Return each key once, where it stands first: a second one could not change the order."""
    keys: dict[str, SortKey] = {}
    for text in value.split(","):
        key = _sort_key(resource_type, text)
        keys.setdefault(key.field, key)
    if len(keys) > MAX_SORT_KEYS:
        raise BadRequest(f"`_sort` takes at most {MAX_SORT_KEYS} keys", code="too-costly")
    return tuple(keys.values())


def _sort_key(resource_type: str, text: str) -> SortKey:
    code = text.strip().removeprefix("-")
    parameter = registry.parameter(resource_type, code)
    if parameter.type == "special" or code in words.CODES:
        raise BadRequest(f"`{code}` has no order, it can't be sorted by", code="not-supported")
    return SortKey(registry.sort_field(code), text.strip().startswith("-"))
