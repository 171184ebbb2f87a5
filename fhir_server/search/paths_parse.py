"""Parse the subset of FHIRPath that search parameters are written in.

    expression  disjunction
    disjunction conjunction { "or" conjunction }
    conjunction comparison { "and" comparison }
    comparison  union [ ("=" | "!=") union ]
    union       typed { "|" typed }
    typed       postfix [ ("is" | "as") name ]
    postfix     term { "." (name | call) | "[" number "]" }
    term        "(" expression ")" | literal | "%" name | name | call

http://hl7.org/fhirpath/N1/#operator-precedence and https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


class ExpressionError(ValueError):
    """An expression that isn't FHIRPath, or that needs more of it than is supported here."""


@dataclass(frozen=True, slots=True)
class Name:
    """The element or type `name`: of `source`, or of what the expression starts from."""

    source: Expression | None
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """The function `name`, which `is` and `as` are too."""

    source: Expression | None
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The item at `position`, from 0."""

    source: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`%resource`."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, an integer or a boolean."""

    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of `|`, `=`, `!=`, `and`, `or`."""

    operator: str
    left: Expression
    right: Expression


Expression = Name | Call | Index | Variable | Literal | Binary

TOKEN = re.compile(r"\s*(?:(\w+)|('(?:[^'\\]|\\.)*')|(!=|[.()\[\]|=,%]))")


def parse(expression: str) -> Expression:
    """Return the tree of `expression`. Raise ExpressionError where it isn't in the subset."""
    parser = _Parser(expression)
    tree = parser.disjunction()
    parser.expect("")
    return tree


class _Parser:
    """One token of look-ahead; the empty token is the end."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.position = 0
        self.token = ""
        self.advance()

    def advance(self) -> str:
        """Step to the next token; return the one left behind."""
        left = self.token
        found = TOKEN.match(self.expression, self.position)
        if found is None and self.expression[self.position :].strip():
            raise self.error(self.expression[self.position :].strip()[0])
        self.token = found[0].strip() if found else ""
        self.position = found.end() if found else len(self.expression)
        return left

    def accept(self, *tokens: str) -> str:
        """Step over one of `tokens` and return it, or return the empty string."""
        return self.advance() if self.token in tokens else ""

    def expect(self, token: str) -> None:
        """Step over `token`, or raise."""
        if self.token != token:
            raise self.error(self.token)
        self.advance()

    def error(self, found: str) -> ExpressionError:
        """Return the error for a token that can't stand here."""
        return ExpressionError(f"unexpected `{found}`" if found else "unexpected end")

    def disjunction(self) -> Expression:
        """Parse `a or b`."""
        return self.binary(self.conjunction, "or")

    def conjunction(self) -> Expression:
        """Parse `a and b`."""
        return self.binary(self.comparison, "and")

    def comparison(self) -> Expression:
        """Parse `a = b`."""
        return self.binary(self.union, "=", "!=")

    def union(self) -> Expression:
        """Parse `a | b`."""
        return self.binary(self.typed, "|")

    def binary(self, operand: Callable[[], Expression], *operators: str) -> Expression:
        """Parse operands joined by `operators`, the leftmost first."""
        left = operand()
        while operator := self.accept(*operators):
            left = Binary(operator, left, operand())
        return left

    def typed(self) -> Expression:
        """Parse `a as Type` into the call that it is short for."""
        source = self.postfix()
        while operator := self.accept("is", "as"):
            source = Call(source, operator, (Name(None, self.name()),))
        return source

    def postfix(self) -> Expression:
        """Parse `a.b(c)[0]`."""
        source = self.term()
        while True:
            if self.accept("."):
                source = self.member(source)
            elif self.accept("["):
                source = Index(source, self.number())
                self.expect("]")
            else:
                return source

    def term(self) -> Expression:
        """Parse what an operand may begin with."""
        if self.accept("("):
            inner = self.disjunction()
            self.expect(")")
            return inner
        if self.accept("%"):
            return Variable(self.name())
        if self.token.startswith("'"):
            return Literal(re.sub(r"\\(.)", r"\1", self.advance()[1:-1]))
        if self.token in ("true", "false"):
            return Literal(self.advance() == "true")
        if self.token.isdecimal():
            return Literal(self.number())
        return self.member(None)

    def member(self, source: Expression | None) -> Expression:
        """Parse the name of an element, or a call."""
        name = self.name()
        if not self.accept("("):
            return Name(source, name)
        arguments: list[Expression] = []
        if not self.accept(")"):
            arguments.append(self.disjunction())
            while self.accept(","):
                arguments.append(self.disjunction())
            self.expect(")")
        return Call(source, name, tuple(arguments))

    def name(self) -> str:
        """Step over a word and return it."""
        if not self.token[:1].isalpha():
            raise self.error(self.token)
        return self.advance()

    def number(self) -> int:
        """Step over an integer and return it."""
        if not self.token.isdecimal():
            raise self.error(self.token)
        return int(self.advance())
