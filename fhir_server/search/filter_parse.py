"""The grammar of `_filter`: https://hl7.org/fhir/R4/search_filter.html.

    filter = term *( ( "and" / "or" ) term )
    term   = [ "not" ] "(" filter ")" / path operator value
    path   = name [ "[" filter "]" "." path ] / name "." path
    value  = a JSON string / signs without white space, `)` or `]`

`and` and `or` are read from left to right and neither binds closer, as the specification says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fhir_server.fhir.errors import BadRequest

OPERATORS: Final = frozenset(
    "eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in ni re".split()  # noqa: SIM905
)
LONGEST: Final = 2048
_DEEPEST: Final = 16
_MOST: Final = 64
_NAME: Final = re.compile(r"[A-Za-z0-9_:-]+")
_BARE: Final = re.compile(r"[^\s)\]]+")
_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"(?:and|or|not)\b(?![.\[:-])")


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path; `only` are the targets meant, of a reference."""

    name: str
    column: int
    only: Filter | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`."""

    path: tuple[Step, ...]
    operator: str
    value: str
    column: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Two or more filters, all by the same word."""

    word: Literal["and", "or"]
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """`not ( … )`."""

    part: Filter


Filter: TypeAlias = Comparison | Joined | Denied


def parse_filter(text: str) -> Filter:
    """Read a whole filter. Raise `BadRequest` with the column, counted from 1, at fault."""
    if len(text) > LONGEST:
        raise BadRequest(f"`_filter` takes at most {LONGEST} characters", code="too-costly")
    reader = _Reader(text)
    found = reader.filter(0)
    if reader.at < len(text):
        raise reader.refuse(f"`{text[reader.at]}` closes nothing")
    return found


def at_column(column: int, why: str, code: str = "value") -> BadRequest:
    """Return the refusal of what stands at `column`."""
    return BadRequest(f"`_filter`, column {column}: {why}", code=code)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tests = 0
        self.at = 0
        self._space()

    def filter(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise self.refuse(f"more than {_DEEPEST} levels", "too-costly")
        found = self._term(depth)
        while self.at < len(self._text) and self._text[self.at] not in ")]":
            if not (self._takes("and") or self._takes("or")):
                raise self.refuse("`and` or `or` is missing")
            found = _join("and" if self._last == "and" else "or", found, self._term(depth))
        return found

    def _term(self, depth: int) -> Filter:
        if self._takes("not"):
            if not self._sign("("):
                raise self.refuse("`not` is followed by `(`")
            return Denied(self._closed(depth, ")"))
        if self._sign("("):
            return self._closed(depth, ")")
        return self._test(depth)

    def _closed(self, depth: int, end: str) -> Filter:
        found = self.filter(depth + 1)
        if not self._sign(end):
            raise self.refuse(f"`{end}` is missing")
        return found

    def _test(self, depth: int) -> Comparison:
        column = self.at + 1
        self._tests += 1
        if self._tests > _MOST:
            raise self.refuse(f"more than {_MOST} comparisons", "too-costly")
        path = [self._step(depth)]
        while path[-1].only is not None or self._dot():
            if path[-1].only is not None and not self._dot():
                raise self.refuse("`.` and a name are missing after `]`")
            path.append(self._step(depth))
        self._space()
        place = self.at
        operator = self._match(_NAME)
        if operator not in OPERATORS:
            self.at = place
            raise self.refuse(
                f"`{operator[:32]}` is no operator" if operator else "an operator is missing"
            )
        self._space()
        return Comparison(tuple(path), operator, self._value(), column)

    def _step(self, depth: int) -> Step:
        column = self.at + 1
        name = self._match(_NAME)
        if not name:
            raise self.refuse("the name of a search parameter is missing")
        only = None
        if self.at < len(self._text) and self._text[self.at] == "[":
            self._sign("[")
            only = self.filter(depth + 1)
            if self.at == len(self._text) or self._text[self.at] != "]":
                raise self.refuse("`]` is missing")
            self.at += 1
        return Step(name, column, only)

    def _value(self) -> str:
        if self._text[self.at : self.at + 1] == '"':
            try:
                value, self.at = json.JSONDecoder().raw_decode(self._text, self.at)
            except json.JSONDecodeError as error:
                self.at = min(error.pos, len(self._text))
                raise self.refuse("this text is not written as in JSON") from None
            found = str(value)
        else:
            found = self._match(_BARE)
        if not found:
            raise self.refuse("a value is missing")
        self._space()
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _space(self) -> None:
        self._match(_SPACE)

    def _sign(self, sign: str) -> bool:
        if self._text[self.at : self.at + 1] != sign:
            return False
        self.at += 1
        self._space()
        return True

    def _dot(self) -> bool:
        if self._text[self.at : self.at + 1] != ".":
            return False
        self.at += 1
        return True

    def _takes(self, word: str) -> bool:
        found = _WORD.match(self._text, self.at)
        if found is None or found[0] != word:
            return False
        self._last = word
        self.at = found.end()
        self._space()
        return True

    def refuse(self, why: str, code: str = "value") -> BadRequest:
        return at_column(self.at + 1, why, code)


def _join(word: Literal["and", "or"], left: Filter, right: Filter) -> Joined:
    if isinstance(left, Joined) and left.word == word:
        return Joined(word, (*left.parts, right))
    return Joined(word, (left, right))
