"""Every module that differs from a given one in a single thing: its mutants.

Comparisons are turned round, conditions denied, constants made others, members of tables,
arguments and statements left out. Unlike tools that wrap functions, this one changes what stands at
the top of a module and inside properties too: the table of the rules is there. Texts for people (a
text with a space in it), messages, annotations, decorators and docstrings stay as they are.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_JOINED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"all_of": "any_of", "any_of": "all_of", "all": "any", "any": "all"}
_NAMES |= {"ALWAYS": "NEVER", "NEVER": "ALWAYS", "After": "Before", "Before": "After"}
Change = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where, and what became of what; `tree` is the module so changed.

    `name` is what it is known by, whatever line it moves to.
    """

    module: str
    line: int
    name: str
    tree: ast.Module


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's `source`."""
    tree = ast.parse(source)
    met: Counter[str] = Counter()
    for at, node in enumerate(_places(tree)):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            target = next(place for n, place in enumerate(_places(changed)) if n == at)
            before = _shown(target)
            change(target)
            line = getattr(node, "lineno", 0)
            name = f"{module}.{_around(tree, line)}: {before}  →  {_shown(target)}"
            met[name] += 1
            yield Mutant(module, line, f"{name}  #{met[name]}", changed)


def _around(tree: ast.Module, line: int) -> str:
    """Return the name of the function, class or table that a line stands in."""
    for node in tree.body:
        if node.lineno <= line <= (node.end_lineno or 0):
            inner = getattr(node, "body", []) if isinstance(node, ast.ClassDef) else []
            found = [getattr(node, "name", "") or ast.unparse(node).split(":")[0].split(" ")[0]]
            found += [getattr(m, "name", "") for m in inner if m.lineno <= line <= m.end_lineno]
            return ".".join(filter(None, found))
    return ""


def _shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:200]


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node that may be changed, always in the same order."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_still(child):
                continue
            yield child
            yield from _places(child)


def _is_still(node: ast.AST) -> bool:
    """Tell whether a node is no behaviour.

    Imports, docstrings, names for `import *`, names of types, messages; how a dataclass treats a field; the words of
    an enumeration, which are the contract's.
    """
    match node:
        case ast.ClassDef(bases=[ast.Name(id="StrEnum")]) | ast.Call(func=ast.Name(id="field")):
            return True
        case ast.Import() | ast.ImportFrom() | ast.Raise() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assign(value=ast.Subscript()):
            return True
    return False


def _changes(node: ast.AST) -> Iterator[Change]:  # noqa: C901 (one case a node)
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                yield _set("ops", at, _COMPARED[type(op)]())
        case ast.BoolOp(op=op, values=values):
            yield _set("op", None, ast.Or() if isinstance(op, ast.And) else ast.And())
            yield from (_say_again(at) for at in range(len(values)))
        case ast.UnaryOp(op=ast.Not()):
            yield _set("op", None, ast.UAdd())
        case ast.BinOp(op=op) if type(op) in _JOINED:
            yield _set("op", None, _JOINED[type(op)]())
        case ast.If(test=test) | ast.IfExp(test=test):
            yield _set("test", None, ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=ifs):
            yield from (_drop("ifs", at) for at in range(len(ifs)))
        case ast.match_case(guard=ast.AST() as guard):
            yield _set("guard", None, ast.UnaryOp(ast.Not(), guard))
        case ast.Constant(value=bool() | int() | str() as value):
            if not (isinstance(value, str) and " " in value):
                yield _set("value", None, _other(value))
        case ast.Name(id=name) if name in _NAMES:
            yield _set("id", None, _NAMES[name])
        case ast.Tuple(elts=elements) | ast.Set(elts=elements) | ast.List(elts=elements):
            if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                yield from (_drop("elts", at) for at in range(len(elements)))
        case ast.Dict(keys=keys):
            yield from (_drop_pair(at) for at in range(len(keys)))
        case ast.Call(func=ast.Name(id="all_of" | "any_of" | "negate"), args=args):
            yield from (_drop("args", at) for at in range(len(args)) if len(args) > 1)
            if ast.unparse(node.func) == "negate":
                yield _set("func", None, ast.Name("all_of", ast.Load()))
        case ast.Return(value=ast.AST() as value) if not _is_false(value):
            yield _set("value", None, ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield _nothing
        case ast.Continue():
            yield _nothing


def _is_false(node: ast.AST) -> bool:
    """Tell whether a node is what None is as good as."""
    return isinstance(node, ast.Constant) and not node.value


def _other(value: bool | int | str) -> bool | int | str:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}~"


def _set(name: str, at: int | None, value: object) -> Change:
    def change(node: ast.AST) -> None:
        if at is None:
            setattr(node, name, copy.deepcopy(value))
        else:
            getattr(node, name)[at] = value

    return change


def _drop(name: str, at: int) -> Change:
    return lambda node: getattr(node, name).pop(at)


def _say_again(at: int) -> Change:
    """Leave one operand out: the one beside it stands there twice, as two are the least."""

    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.BoolOp)
        node.values[at] = copy.deepcopy(node.values[at - 1])

    return change


def _drop_pair(at: int) -> Change:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.Dict)
        del node.keys[at], node.values[at]

    return change


def _nothing(node: ast.AST) -> None:
    """Turn a statement into one that does nothing."""
    node.__class__ = ast.Pass
    for name in [name for name in vars(node) if name in ("value", "target", "op")]:
        delattr(node, name)
