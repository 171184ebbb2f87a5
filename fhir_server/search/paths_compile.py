"""Turn a FHIRPath tree into branches: plain keys to follow in the JSON, each ending in one type.

The types of R4 are known, so almost everything is settled here, once. `Condition.onset` becomes
five branches (`onsetAge`, `onsetDateTime`, …), `as Age` keeps one of them; what is left to do for
a resource is to follow keys, and to filter where the expression says `where`.

1. A name that is the resource's own type, or one that it specialises, stays where it is; the name
   of another resource type leads nowhere, since the expression of a parameter joins those of all
   its bases; any other name is an element.
2. `as` and `ofType` take the very type named, as HL7's own tests of FHIRPath for R4 want it
   (`Patient.gender.as(string)` is empty); `is` takes those that specialise it too.
3. Comparisons and `exists()` become a test, three-valued as FHIRPath wants it.

https://hl7.org/fhir/R4/fhirpath.html and http://hl7.org/fhirpath/N1/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.definitions import DATATYPES, PRIMITIVES, RESOURCE_TYPES, child, elements, is_a
from fhir_server.search.paths_parse import (
    Binary,
    Call,
    Expression,
    ExpressionError,
    Index,
    Literal,
    Name,
    Variable,
)
from fhir_server.search.paths_reference import referenced_type

Resource = dict[str, Any]
Test = Callable[[Any, Resource], bool | None]
"""Takes a value and the resource that it stands in; None is FHIRPath's empty collection."""

Fetch = Callable[[Any, Resource], list[Any]]


@dataclass(frozen=True, slots=True)
class Branch:
    """One way through the JSON: `steps` are keys, filters and positions; `type` is where it ends.

    It starts from the value that the expression is about, or from the resource (`from_resource`).
    """

    type: str
    steps: tuple[str | int | Test, ...] = ()
    from_resource: bool = False

    @property
    def first_key(self) -> str:
        """Return the key without which there is no value, or the empty string."""
        return self.steps[0] if self.steps and isinstance(self.steps[0], str) else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: `type` is that of the start, `resource_type` that of `%resource`."""

    type: str
    resource_type: str


Compiled = tuple[Branch, ...] | Test


def compile_tree(tree: Expression, scope: Scope) -> Compiled:
    """Return the branches of a path, or the test of a condition. Raise ExpressionError."""
    match tree:
        case Name(source, name):
            return _name(source, name, scope)
        case Variable("resource"):
            return (Branch(scope.resource_type, from_resource=True),)
        case Index(source, position):
            return _at(_path(source, scope), position)
        case Binary("|", left, right):
            return _path(left, scope) + _path(right, scope)
        case Binary("and" | "or" as operator, left, right):
            return _logic(operator, _test(left, scope), _test(right, scope))
        case Binary(operator, left, Literal(value)):
            return _comparison(operator, _path(left, scope), value)
        case Call(source, name, arguments):
            return _call(source, name, arguments, scope)
    raise ExpressionError("an operator or a constant is not supported here")


def fetcher(branch: Branch) -> Fetch:
    """Return a function that follows `branch` and lists what it finds."""
    keys = [step for step in branch.steps if isinstance(step, str)]
    if len(keys) < len(branch.steps) or branch.from_resource:
        return _general(branch)
    if not keys:
        return lambda value, resource: [value]
    *before, key = keys
    if not before:
        return lambda value, resource: _values(value, key)
    if len(before) == 1:
        outer = before[0]
        return lambda value, resource: [
            inner for middle in _values(value, outer) for inner in _values(middle, key)
        ]
    return _general(branch)


def _general(branch: Branch) -> Fetch:
    """Follow any steps."""

    def fetch(value: Any, resource: Resource) -> list[Any]:
        values = [resource if branch.from_resource else value]
        for step in branch.steps:
            if isinstance(step, str):
                values = [inner for outer in values for inner in _values(outer, step)]
            elif isinstance(step, int):
                values = values[step : step + 1]
            else:
                values = [inner for inner in values if step(inner, resource)]
        return values

    return fetch


def _values(value: Any, key: str) -> list[Any]:
    """List what stands under `key`, without the nulls that hold a place for an extension."""
    found = value.get(key) if isinstance(value, dict) else None
    if found is None:
        return []
    return [item for item in found if item is not None] if isinstance(found, list) else [found]


def _path(tree: Expression | None, scope: Scope) -> tuple[Branch, ...]:
    """Compile what must be a path; none at all is the start itself."""
    compiled = (Branch(scope.type),) if tree is None else compile_tree(tree, scope)
    if isinstance(compiled, tuple):
        return compiled
    raise ExpressionError("a condition stands where a path is needed")


def _test(tree: Expression, scope: Scope) -> Test:
    """Compile what must be a condition."""
    compiled = compile_tree(tree, scope)
    if not isinstance(compiled, tuple):
        return compiled
    raise ExpressionError("a path stands where a condition is needed")


def _name(source: Expression | None, name: str, scope: Scope) -> tuple[Branch, ...]:
    """Step to an element, or take a type's name as rule 1 says."""
    if source is None and is_a(name, "Resource"):
        return (Branch(scope.type),) if is_a(scope.type, name) else ()
    return tuple(step for branch in _path(source, scope) for step in _step(branch, name))


def _step(branch: Branch, name: str) -> list[Branch]:
    """Return a branch for each type that the element `name` may have."""
    element = elements(branch.type).get(name)
    if element is None or element.name != name:
        raise ExpressionError(f"`{branch.type}` has no element `{name}`")
    json_names = dict.fromkeys(element.json_name(type_.code) for type_ in element.types) or [name]
    found = []
    for json_name in json_names:
        resolved = child(branch.type, json_name)
        if resolved:
            found.append(replace(branch, type=resolved[1], steps=(*branch.steps, json_name)))
    return found


def _at(branches: tuple[Branch, ...], position: int) -> tuple[Branch, ...]:
    """Keep the item at `position`, which is settled only where there is one branch."""
    if len(branches) > 1:
        raise ExpressionError("a position among values of several types is not supported")
    return tuple(replace(branch, steps=(*branch.steps, position)) for branch in branches)


def _call(
    source: Expression | None, name: str, arguments: tuple[Expression, ...], scope: Scope
) -> Compiled:
    """Compile a function."""
    match name, source, arguments:
        case "is", Call(where, "resolve", ()), (Name(None, type_),):
            return _resolves_to(_path(where, scope), type_)
        case "as" | "ofType", _, (Name(None, type_),):
            return _as(_path(source, scope), type_)
        case "where", _, (condition,):
            return _where(_path(source, scope), condition, scope)
        case "first", _, ():
            return _at(_path(source, scope), 0)
        case "exists", _, ():
            return _exists(_path(source, scope))
        case "extension" | "hasExtension", _, (Literal(str(url)),):
            branches = tuple(step for b in _path(source, scope) for step in _step(b, "extension"))
            found = tuple(replace(b, steps=(*b.steps, _has_url(url))) for b in branches)
            # `hasExtension` isn't in any version of FHIRPath; one R4 parameter uses it.
            return found if name == "extension" else _exists(found)
    raise ExpressionError(f"the function `{name}` is not supported here with these arguments")


def _as(branches: tuple[Branch, ...], type_: str) -> tuple[Branch, ...]:
    """Keep the branches that end in `type_`, by rule 2.

    R4 itself writes `as DateTime` and `as Uri` for primitives.
    """
    primitive = type_[:1].lower() + type_[1:]
    wanted = primitive if primitive in PRIMITIVES else type_
    if wanted not in PRIMITIVES and wanted not in DATATYPES and wanted not in RESOURCE_TYPES:
        raise ExpressionError(f"`{type_}` is not a type of R4")
    return tuple(branch for branch in branches if branch.type == wanted)


def _where(branches: tuple[Branch, ...], condition: Expression, scope: Scope) -> tuple[Branch, ...]:
    """Filter each branch by `condition`, whose names start from the branch's type."""
    return tuple(
        replace(
            branch,
            steps=(*branch.steps, _test(condition, replace(scope, type=branch.type))),
        )
        for branch in branches
    )


def _resolves_to(branches: tuple[Branch, ...], type_: str) -> Test:
    """Test whether the one reference found points to `type_`."""
    fetches = [fetcher(branch) for branch in branches]

    def test(value: Any, resource: Resource) -> bool | None:
        found = [
            referenced_type(item, resource) for fetch in fetches for item in fetch(value, resource)
        ]
        return is_a(found[0], type_) if len(found) == 1 and found[0] else None

    return test


def _exists(branches: tuple[Branch, ...]) -> Test:
    """Test whether there is any value."""
    fetches = [fetcher(branch) for branch in branches]
    return lambda value, resource: any(fetch(value, resource) for fetch in fetches)


def _has_url(url: str) -> Test:
    """Test an Extension for its `url`."""
    return lambda value, resource: isinstance(value, dict) and value.get("url") == url


def _comparison(operator: str, branches: tuple[Branch, ...], wanted: str | int | bool) -> Test:
    """Compare the one value found with a literal; no value compares to nothing, not to false."""
    fetches = [fetcher(branch) for branch in branches]
    equal = operator == "="

    def test(value: Any, resource: Resource) -> bool | None:
        found = [item for fetch in fetches for item in fetch(value, resource)]
        if not found:
            return None
        # A number is never equal to a boolean in FHIRPath, as it would be in Python.
        same_kind = len(found) == 1 and isinstance(found[0], bool) is isinstance(wanted, bool)
        return (same_kind and found[0] == wanted) is equal

    return test


def _logic(operator: str, left: Test, right: Test) -> Test:
    """Join two tests as Kleene does: what decides wins over what is unknown."""
    deciding = operator == "or"

    def test(value: Any, resource: Resource) -> bool | None:
        answers = (left(value, resource), right(value, resource))
        if deciding in answers:
            return deciding
        return None if None in answers else not deciding

    return test
