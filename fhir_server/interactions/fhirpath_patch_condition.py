"""Judge the items that `where` filters in the path of a FHIRPath Patch.

1. The FHIRPath that search parameters are written in is compiled against the types of R4: an
   element that doesn't exist is an error, not a condition that never holds.
2. Anything else goes to fhirpathpy, after its grammar has accepted the whole text (by itself it
   stops silently at what it doesn't understand) and if its functions are listed here: none of them
   reads outside the resource, takes a regular expression or repeats itself.

http://hl7.org/fhirpath/N1/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import fhirpathpy
from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]
from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from fhir_server.search.paths_compile import Scope, compile_tree
from fhir_server.search.paths_parse import ExpressionError, parse

MAX_CONDITION: Final = 300
MAX_NESTING: Final = 16

# Takes an item and the resource that it stands in; None where FHIRPath has nothing to say.
Condition = Callable[[Any, dict[str, Any]], bool | None]

_COMPILED: Final = frozenset({"as", "exists", "extension", "first", "is", "ofType", "where"})
_OTHER: Final = frozenset(
    [
        "all",
        "allTrue",
        "anyTrue",
        "contains",
        "count",
        "empty",
        "endsWith",
        "hasValue",
        "iif",
        "indexOf",
        "intersect",
        "last",
        "length",
        "lower",
        "not",
        "single",
        "skip",
        "startsWith",
        "substring",
        "tail",
        "take",
        "today",
        "toString",
        "trim",
        "union",
        "upper",
    ]
)
_literal = re.compile(r"'(?:[^'\\]|\\.)*+'|`[^`]*+`")
_functions = re.compile(r"(\w+)\s*\(").findall


class ConditionError(ValueError):
    """A condition that can't be read, or can't be judged for an item."""


@lru_cache(maxsize=256)
def check_condition(text: str) -> None:
    """Raise `ConditionError` unless `text` is a condition that one of the two ways can take."""
    if len(text) > MAX_CONDITION:
        raise ConditionError(f"a condition has at most {MAX_CONDITION} characters")
    if _nesting(text) > MAX_NESTING:
        raise ConditionError(f"a condition nests at most {MAX_NESTING} levels")
    if unknown := _called(text) - _COMPILED - _OTHER:
        raise ConditionError(f"the function `{min(unknown)}` can't stand in a condition to patch")
    if _needs_fhirpathpy(text):
        _check_grammar(text)


@lru_cache(maxsize=256)
def condition(text: str, type_path: str, resource_type: str) -> Condition:
    """Return what judges items of `type_path` by `text`, which was checked before.

    It raises `ConditionError` for an item about which no yes or no can be said.
    """
    if _needs_fhirpathpy(text):
        return _by_fhirpathpy(text, type_path)
    try:
        compiled = compile_tree(parse(text), Scope(type_path, resource_type))
    except ExpressionError as error:
        raise ConditionError(str(error)) from None
    if isinstance(compiled, tuple):
        raise ConditionError(f"`{text}` is a path where a condition is needed")
    return compiled


def cost(text: str) -> int:
    """Return how many times a step takes the time that judging one item by `text` takes."""
    return 50 if _needs_fhirpathpy(text) else 1


def _nesting(text: str) -> int:
    """Return how deep parentheses nest; both parsers recurse at each."""
    depth = deepest = 0
    for sign in _literal.sub("", text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    return deepest


def _called(text: str) -> set[str]:
    without_operators = {"and", "or", "xor", "implies", "in", "div", "mod"}
    return set(_functions(_literal.sub("''", text))) - without_operators


@lru_cache(maxsize=256)
def _needs_fhirpathpy(text: str) -> bool:
    if not _called(text) <= _COMPILED:
        return True
    try:
        parse(text)
    except ExpressionError:
        return True
    return False


class _Strict(ErrorListener):  # type: ignore[misc]
    """Refuse what the grammar would recover from."""

    def syntaxError(  # noqa: N802 (antlr's name)
        self, recognizer: Any, symbol: Any, line: int, column: int, message: str, error: Any
    ) -> None:
        raise ConditionError(f"the condition is not FHIRPath at character {column}")


def _check_grammar(text: str) -> None:
    lexer = FHIRPathLexer(InputStream(text))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for recognizer in (lexer, parser):
        recognizer.removeErrorListeners()
        recognizer.addErrorListener(_Strict())
    try:
        parser.entireExpression()  # type: ignore[no-untyped-call]
        fhirpathpy.compile(text, models["r4"])
    except ConditionError:
        raise
    except RecursionError:
        raise ConditionError("the condition nests too deep") from None
    except Exception:  # noqa: BLE001 (neither library has a type for its refusals)
        raise ConditionError("the condition is not FHIRPath") from None


def _by_fhirpathpy(text: str, type_path: str) -> Condition:
    evaluate = fhirpathpy.compile(text, models["r4"])

    def judge(item: Any, resource: dict[str, Any]) -> bool | None:
        try:
            node = ResourceNode.create_node(item, type_path)  # type: ignore[no-untyped-call]
            found = evaluate(node, {"resource": resource})
        except Exception:  # noqa: BLE001 (fhirpathpy raises what Python happens to raise)
            raise ConditionError(f"`{text}` can't be judged here") from None
        if not found:
            return None
        if len(found) != 1 or not isinstance(found[0], bool):
            raise ConditionError(f"`{text}` is neither true nor false")
        return found[0]

    return judge
