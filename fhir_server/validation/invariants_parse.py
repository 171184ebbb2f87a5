"""Parse the FHIRPath that invariants are written in: http://hl7.org/fhirpath/N1/#expressions.

Left out, because no invariant of R4 needs them: `{}`, dates, decimals and quantities as
literals, signs, and arithmetic but `+` and `&`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


class ExpressionError(ValueError):
    """An expression that isn't FHIRPath, or that needs more of it than is supported here."""


@dataclass(frozen=True, slots=True)
class Name:
    """The element `name` of `source`, or of `$this`; alone, a type's name may stand for `$this`."""

    source: Expression | None
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """The function `name` on `source`, or on `$this`; the operators `is` and `as` are functions."""

    source: Expression | None
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$this` or `%name`, with its sign."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, an integer or a boolean."""

    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands joined by `operator`."""

    operator: str
    left: Expression
    right: Expression


Expression = Name | Call | Variable | Literal | Binary

# http://hl7.org/fhirpath/N1/#operator-precedence, the higher binds tighter.
_PRECEDENCE: Final = {
    "implies": 1,
    **dict.fromkeys(("or", "xor"), 2),
    "and": 3,
    **dict.fromkeys(("in", "contains"), 4),
    **dict.fromkeys(("=", "!="), 5),
    **dict.fromkeys(("<", "<=", ">", ">="), 6),
    "|": 7,
    **dict.fromkeys(("is", "as"), 8),
    **dict.fromkeys(("+", "&"), 9),
}
_token = re.compile(
    r"\s*((?:[%$]?[A-Za-z_]|\d)\w*|'(?:[^'\\]|\\.)*'|`[^`]+`|!=|<=|>=|[.(),=<>|+&])", re.ASCII
).match
_escape = re.compile(r"\\(.)")
_CONTROL: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def parse(expression: str) -> Expression:
    """Return the tree of `expression`. Raise `ExpressionError` where it isn't in the subset."""
    parser = _Parser(_tokens(expression))
    tree = parser.binary(0)
    parser.expect("")
    return tree


def _tokens(expression: str) -> list[str]:
    """Split `expression`; the empty token is the end."""
    found, at, text = [], 0, expression.rstrip()
    while at < len(text):
        token = _token(text, at)
        if token is None:
            raise ExpressionError(f"unexpected `{text[at:].strip()[0]}`")
        found.append(token[1])
        at = token.end()
    return [*found, ""]


def _unescaped(literal: str) -> str:
    return _escape.sub(lambda found: _CONTROL.get(found[1], found[1]), literal)


@dataclass(slots=True)
class _Parser:
    tokens: list[str]
    at: int = 0

    def next(self) -> str:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.tokens[self.at] != token:
            return False
        self.at += 1
        return True

    def expect(self, token: str) -> None:
        if self.tokens[self.at] != token:
            raise self.error()
        self.at += 1

    def error(self) -> ExpressionError:
        token = self.tokens[self.at]
        return ExpressionError(f"unexpected `{token}`" if token else "unexpected end")

    def binary(self, least: int) -> Expression:
        """Parse operands joined by operators that bind tighter than `least`."""
        left = self.path()
        while _PRECEDENCE.get(operator := self.tokens[self.at], 0) > least:
            self.at += 1
            right = self.binary(_PRECEDENCE[operator])
            typed = operator in ("is", "as")
            left = Call(left, operator, (right,)) if typed else Binary(operator, left, right)
        return left

    def path(self) -> Expression:
        """Parse `a.b(c)`."""
        source = self.term()
        while self.accept("."):
            source = self.member(source)
        return source

    def term(self) -> Expression:
        """Parse what an operand may begin with."""
        token = self.tokens[self.at]
        if self.accept("("):
            inner = self.binary(0)
            self.expect(")")
            return inner
        if token[:1] in ("%", "$"):
            return Variable(self.next())
        if token[:1] == "'":
            return Literal(_unescaped(self.next()[1:-1]))
        if token in ("true", "false"):
            return Literal(self.next() == "true")
        if token.isdecimal():
            return Literal(int(self.next()))
        return self.member(None)

    def member(self, source: Expression | None) -> Expression:
        """Parse the name of an element, or a call."""
        if not (self.tokens[self.at][:1].isalpha() or self.tokens[self.at][:1] in ("`", "_")):
            raise self.error()
        name = self.next()
        if name[0] == "`" or not self.accept("("):
            return Name(source, name.strip("`"))
        arguments: list[Expression] = []
        if not self.accept(")"):
            arguments.append(self.binary(0))
            while self.accept(","):
                arguments.append(self.binary(0))
            self.expect(")")
        return Call(source, name, tuple(arguments))
