"""Compile the FHIRPath of invariants into closures over JSON, the types known beforehand.

A name becomes the members that JSON may write it with (`value`: `valueQuantity`, …), so what
stands at run time is mostly whether an object has a member. An unknown element is an error when
compiling; only below `children()` and the like are names looked up as they are.

https://hl7.org/fhir/R4/fhirpath.html and http://hl7.org/fhirpath/N1/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.definitions import PRIMITIVES, RESOURCE_TYPES, child, elements, is_a
from fhir_server.validation.invariants_compiled import (
    Argument,
    Branch,
    Compiled,
    Compute,
    Fetch,
    Path,
    Scope,
    Shared,
    Test,
    as_path,
    as_test,
)
from fhir_server.validation.invariants_functions import FUNCTIONS, of_type
from fhir_server.validation.invariants_operators import OPERATORS
from fhir_server.validation.invariants_parse import (
    Binary,
    Call,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Variable,
    parse,
)
from fhir_server.validation.invariants_values import ABSENT

__all__ = ["ExpressionError", "Scope", "Test", "compile_constraint"]

_UCUM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class _Start:
    """The types of `$this`, of `%context` and of `%resource`, empty where not known."""

    type: str
    context: str
    resource: str


def compile_constraint(expression: str, type_path: str) -> Test:
    """Return the test of `expression` for values of `type_path`; None is no answer, so not met.

    Raise `ExpressionError` for what is not FHIRPath, not supported, or names no element.
    """
    owner = type_path.partition(".")[0]
    start = _Start(type_path, type_path, owner if owner in RESOURCE_TYPES else "")
    return as_test(_compile(parse(expression), start))


def _compile(tree: Expression, start: _Start) -> Compiled:
    match tree:
        case Literal(value):
            return _constant([value], _TYPE_OF[type(value)])
        case Variable(name):
            return _variable(name, start)
        case Name(source, name):
            return _name(source, name, start)
        case Call(source, name, arguments):
            return _call(source, name, arguments, start)
        case Binary("contains", left, right):
            return _compile(Binary("in", right, left), start)
        case Binary(operator, left, right):
            return OPERATORS[operator](
                _compile(left, start), _compile(right, start), _shared(right)
            )


_TYPE_OF: Final = {str: "string", int: "integer", bool: "boolean"}
_STEADY: Final = frozenset({"%context", "%resource", "%rootResource"})


def _shared(tree: Expression) -> Shared | None:
    """Return what remembers, if `tree` doesn't depend on `$this`.

    That is a union of literals, the same for ever, or a path of names from a variable.
    """
    if _constant_tree(tree):
        return _once
    while isinstance(tree, Name) and tree.source is not None:
        tree = tree.source
    if not isinstance(tree, Variable) or tree.name not in _STEADY:
        return None
    of_context = tree.name == "%context"

    def share(compute: Compute) -> Compute:
        token = object()

        def remembered(this: Any, scope: Scope) -> Any:
            place = (token, id(scope.context)) if of_context else token
            if place not in scope.memo:
                scope.memo[place] = compute(this, scope)
            return scope.memo[place]

        return remembered

    return share


def _constant_tree(tree: Expression) -> bool:
    match tree:
        case Literal():
            return True
        case Binary("|", left, right):
            return _constant_tree(left) and _constant_tree(right)
    return False


def _once(compute: Compute) -> Compute:
    """Compute when compiling what needs neither `$this` nor a resource."""
    value = compute(None, Scope({}, {}))
    return lambda this, scope: value


def _constant(values: list[Any], type_: str) -> Path:
    return Path((Branch(type_, lambda this, scope: values),))


def _this(type_: str) -> Path:
    return Path((Branch(type_, lambda this, scope: [this]),))


def _variable(name: str, start: _Start) -> Path:
    match name:
        case "$this":
            return _this(start.type)
        case "%context":
            return Path((Branch(start.context, lambda this, scope: [scope.context]),))
        case "%resource":
            return Path((Branch(start.resource, lambda this, scope: [scope.resource]),))
        case "%rootResource":
            return Path((Branch("", lambda this, scope: [scope.root]),))
        case "%ucum":
            return _constant([_UCUM], "uri")
    raise ExpressionError(f"the variable `{name}` is not known")


def _name(source: Expression | None, name: str, start: _Start) -> Path:
    if source is None:
        if is_a(start.type, name) and start.type in RESOURCE_TYPES:
            return _this(start.type)
        return Path(tuple(_step(start.type, name, None)))
    path = as_path(_compile(source, start))
    return Path(tuple(b for branch in path.branches for b in _step(branch.type, name, branch)))


def _step(type_: str, name: str, above: Branch | None) -> list[Branch]:
    """Return a branch for each type of the element `name` of `type_`, from `above` or `$this`."""
    if not type_ or (type_ == "Resource" and name not in elements(type_)):
        get = _get_unknown(name)
        return [Branch("", get if above is None else _then(above.fetch, get))]
    if type_ in PRIMITIVES:
        return []
    element = elements(type_).get(name)
    if element is None or element.name != name:
        raise ExpressionError(f"`{type_}` has no element `{name}`")
    found = []
    for json_name in dict.fromkeys(element.json_name(t.code) for t in element.types) or [name]:
        resolved = child(type_, json_name)
        code = resolved[1] if resolved else ""
        primitive = code in PRIMITIVES
        get = _get_primitive(json_name) if primitive else _get(json_name)
        members = (json_name, f"_{json_name}") if primitive else (json_name,)
        found.append(
            Branch(code, get, members) if above is None else Branch(code, _then(above.fetch, get))
        )
    return found


def _then(fetch: Fetch, get: Fetch) -> Fetch:
    def chained(this: Any, scope: Scope) -> list[Any]:
        found = fetch(this, scope)
        if len(found) == 1:  # the list itself, not a copy: `first()` of a thousand costs nothing
            return get(found[0], scope)
        return [item for one in found for item in get(one, scope)]

    return chained


def _get(name: str) -> Fetch:
    """Fetch the objects that stand under the member `name`."""

    def get(this: Any, scope: Scope) -> list[Any]:
        found = this.get(name)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    return get


def _get_primitive(name: str) -> Fetch:
    """Fetch primitives, `ABSENT` for those that only `_name` speaks of."""
    sibling = f"_{name}"

    def get(this: Any, scope: Scope) -> list[Any]:
        found = this.get(name)
        if isinstance(found, list):
            return [ABSENT if item is None else item for item in found]
        if found is not None:
            return [found]
        if (others := this.get(sibling)) is None:
            return []
        return [ABSENT for item in others if item] if isinstance(others, list) else [ABSENT]

    return get


def _get_unknown(name: str) -> Fetch:
    """Fetch what stands under `name`, if `$this` is an object and has it."""
    primitive = _get_primitive(name)
    return lambda this, scope: primitive(this, scope) if isinstance(this, dict) else []


def _call(
    source: Expression | None, name: str, arguments: tuple[Expression, ...], start: _Start
) -> Compiled:
    path = _this(start.type) if source is None else as_path(_compile(source, start))
    if name in ("is", "as", "ofType"):
        return of_type(path, name, arguments)
    function = FUNCTIONS.get((name, len(arguments)))
    if function is None:
        raise ExpressionError(f"the function `{name}` is not supported with these arguments")
    return function(path, *(_argument(tree, start) for tree in arguments))


def _argument(tree: Expression, start: _Start) -> Argument:
    def compile_on(type_: str | None) -> Compiled:
        return _compile(tree, start if type_ is None else replace(start, type=type_))

    return Argument(tree, compile_on, _shared(tree))
