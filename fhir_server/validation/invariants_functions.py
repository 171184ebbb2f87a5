"""The functions of FHIRPath that invariants use: http://hl7.org/fhirpath/N1/#functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fhir_server.definitions import PRIMITIVES, is_a
from fhir_server.validation.invariants_compiled import (
    Argument,
    Branch,
    Compiled,
    Condition,
    Fetch,
    Function,
    Path,
    Scope,
    Test,
    absent,
    as_path,
    as_test,
    keys_of,
    present,
)
from fhir_server.validation.invariants_parse import Expression, ExpressionError, Name
from fhir_server.validation.invariants_strings import STRING_FUNCTIONS
from fhir_server.validation.invariants_values import (
    ABSENT,
    children,
    descendants,
    distinct,
    key,
    keys,
    resolved,
)


def of_type(source: Path, name: str, arguments: tuple[Expression, ...]) -> Compiled:
    """Keep the values of a type (`as`, `ofType`), or test the only value for it (`is`)."""
    match arguments:
        case (Name(None, type_),):
            lower = type_[:1].lower() + type_[1:]
            wanted = lower if lower in PRIMITIVES else type_  # `Boolean` is meant as `boolean`
        case _:
            raise ExpressionError(f"`{name}` needs the name of a type")
    kept = Path(tuple(b for branch in source.branches for b in _narrowed(branch, wanted)))
    if name != "is":
        return kept
    every, some = source.fetch, kept.fetch

    def test(this: Any, scope: Scope) -> bool | None:
        if not every(this, scope):
            return None
        return bool(some(this, scope))

    return Condition(test)


def _narrowed(branch: Branch, wanted: str) -> list[Branch]:
    if branch.type and branch.type != "Resource":
        return [branch] if is_a(branch.type, wanted) else []

    def fetch(this: Any, scope: Scope) -> list[Any]:
        return [
            item
            for item in branch.fetch(this, scope)
            if isinstance(item, dict) and is_a(str(item.get("resourceType")), wanted)
        ]

    return [Branch(wanted, fetch)]


# --- what there is -----------------------------------------------------------------------------


def _exists(source: Path) -> Condition:
    if source.members:
        return Condition(present(source.members))
    fetch = source.fetch
    return Condition(lambda this, scope: bool(fetch(this, scope)))


def _empty(source: Path) -> Condition:
    if source.members:
        return Condition(absent(source.members))
    fetch = source.fetch
    return Condition(lambda this, scope: not fetch(this, scope))


def _not(source: Path) -> Condition:
    test = as_test(source)

    def inverted(this: Any, scope: Scope) -> bool | None:
        answer = test(this, scope)
        return None if answer is None else not answer

    return Condition(inverted)


def _has_value(source: Path) -> Condition:
    fetch = source.fetch

    def test(this: Any, scope: Scope) -> bool:
        found = fetch(this, scope)
        return len(found) == 1 and found[0] is not ABSENT and not isinstance(found[0], dict)

    return Condition(test)


def _all(source: Path, criteria: Argument) -> Condition:
    parts = [(branch.fetch, as_test(criteria.on(branch.type))) for branch in source.branches]
    return Condition(
        lambda this, scope: all(
            test(item, scope) is True for fetch, test in parts for item in fetch(this, scope)
        )
    )


def _is_distinct(source: Path) -> Condition:
    fetch = source.fetch

    def test(this: Any, scope: Scope) -> bool:
        found = [item for item in fetch(this, scope) if item is not ABSENT]
        return len(keys(found)) == len(found)

    return Condition(test)


def _count(source: Path) -> Path:
    fetch = source.fetch
    return Path((Branch("integer", lambda this, scope: [len(fetch(this, scope))]),))


# --- other collections -------------------------------------------------------------------------


def _where(source: Path, criteria: Argument) -> Path:
    def filtered(fetch: Fetch, test: Test) -> Fetch:
        return lambda this, scope: [i for i in fetch(this, scope) if test(i, scope) is True]

    return Path(
        tuple(
            Branch(branch.type, filtered(branch.fetch, as_test(criteria.on(branch.type))))
            for branch in source.branches
        )
    )


def _select(source: Path, projection: Argument) -> Path:
    def projected(fetch: Fetch, inner: Fetch) -> Fetch:
        return lambda this, scope: [v for i in fetch(this, scope) for v in inner(i, scope)]

    return Path(
        tuple(
            Branch(part.type, projected(branch.fetch, part.fetch))
            for branch in source.branches
            for part in as_path(projection.on(branch.type)).branches
        )
    )


def _sliced(start: int, stop: int | None) -> Function:
    def function(source: Path) -> Path:
        fetch = source.fetch
        type_ = source.branches[0].type if len(source.branches) == 1 else ""
        return Path((Branch(type_, lambda this, scope: fetch(this, scope)[start:stop]),))

    return function


def _below(spread: Callable[[Any], list[Any]]) -> Function:
    def function(source: Path) -> Path:
        fetch = source.fetch
        return Path(
            (Branch("", lambda this, scope: [v for i in fetch(this, scope) for v in spread(i)]),)
        )

    return function


def _combine(source: Path, other: Argument) -> Path:
    return Path((*source.branches, *as_path(other.on(None)).branches))


def _intersect(source: Path, other: Argument) -> Path:
    fetch, others = source.fetch, keys_of(as_path(other.on(None)).fetch, other.shared)
    type_ = source.branches[0].type if source.branches else ""

    def both(this: Any, scope: Scope) -> list[Any]:
        allowed = others(this, scope)
        return distinct([item for item in fetch(this, scope) if key(item) in allowed])

    return Path((Branch(type_, both),))


def _trace(source: Path, *names: Argument) -> Path:
    """Return `source`: what an invariant traces is of use to its author only."""
    return source


def _resolve(source: Path) -> Path:
    fetch = source.fetch

    def targets(this: Any, scope: Scope) -> list[Any]:
        found = [resolved(item, scope.root) for item in fetch(this, scope)]
        return [target for target in found if target is not None]

    return Path((Branch("Resource", targets),))


def _iif(source: Path, criterion: Argument, then: Argument, *otherwise: Argument) -> Path:
    test = as_test(criterion.on(None))
    chosen = as_path(then.on(None)).fetch
    other = as_path(otherwise[0].on(None)).fetch if otherwise else None

    def fetch(this: Any, scope: Scope) -> list[Any]:
        if test(this, scope):
            return chosen(this, scope)
        return other(this, scope) if other else []

    return Path((Branch("", fetch),))


FUNCTIONS: Final[dict[tuple[str, int], Function]] = {
    ("exists", 0): _exists,
    ("exists", 1): lambda source, criteria: _exists(_where(source, criteria)),
    ("empty", 0): _empty,
    ("not", 0): _not,
    ("hasValue", 0): _has_value,
    ("all", 1): _all,
    ("isDistinct", 0): _is_distinct,
    ("count", 0): _count,
    ("where", 1): _where,
    ("select", 1): _select,
    ("first", 0): _sliced(0, 1),
    ("tail", 0): _sliced(1, None),
    ("children", 0): _below(children),
    ("descendants", 0): _below(descendants),
    ("combine", 1): _combine,
    ("intersect", 1): _intersect,
    ("trace", 1): _trace,
    ("trace", 2): _trace,
    ("resolve", 0): _resolve,
    ("iif", 2): _iif,
    ("iif", 3): _iif,
    **STRING_FUNCTIONS,
}
"""The functions by name and number of arguments; `is`, `as` and `ofType` are `of_type`."""
