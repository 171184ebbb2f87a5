"""Read what `_text` and `_content` are asked for: https://hl7.org/fhir/R4/search.html#content.

    words  = either *( "or" either )
    either = each *( [ "and" ] each )
    each   = [ "not" ] ( word / "(" words ")" )

Words side by side must all be there, in any order; a comma between values means either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Has, Predicate, all_of, any_of, negate
from fhir_server.search.escape import unescape
from fhir_server.search.types import Locale, ParameterType
from fhir_server.search.words import stems

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_DEEPEST: Final = 16
_MOST: Final = 64


def criterion(field: str, _: str, value: str, __: Locale) -> Predicate:
    """Return what `value` asks of the stems in `field`. Raise `BadRequest`."""
    text = unescape(value)
    if found := next((sign for sign in '"*' if sign in text), ""):
        raise _refusal(field, f"`{found}` is not read: words are found by their stem, in any order")
    tokens = _TOKEN.findall(text)
    if len(tokens) > _MOST:
        raise BadRequest(f"`{_name(field)}` takes at most {_MOST} words", code="too-costly")
    reader = _Reader(field, tokens)
    predicate = reader.words(0)
    if reader.at < len(tokens):
        raise _refusal(field, "`)` closes nothing")
    if predicate is None:
        raise _refusal(field, f"`{text[:80]}` holds no word to look for")
    return predicate


class _Reader:
    """Reads tokens one by one; what has no word to look for is None and asks nothing."""

    def __init__(self, field: str, tokens: Sequence[str]) -> None:
        self._field = field
        self._tokens = tokens
        self.at = 0

    def words(self, depth: int) -> Predicate | None:
        parts = [self._either(depth)]
        while self._takes("or"):
            parts.append(self._either(depth))
        kept = [part for part in parts if part is not None]
        return any_of(*kept) if kept else None

    def _either(self, depth: int) -> Predicate | None:
        parts = [self._each(depth)]
        while self.at < len(self._tokens) and self._tokens[self.at].lower() not in ("or", ")"):
            self._takes("and")
            parts.append(self._each(depth))
        kept = [part for part in parts if part is not None]
        return all_of(*kept) if kept else None

    def _each(self, depth: int) -> Predicate | None:
        if depth > _DEEPEST:
            raise BadRequest(f"`{_name(self._field)}` is nested too deep", code="too-costly")
        if self._takes("not"):
            part = self._each(depth + 1)
            return None if part is None else negate(part)
        if self._takes("("):
            inner = self.words(depth + 1)
            if not self._takes(")"):
                raise _refusal(self._field, "`(` is not closed")
            return inner
        if self.at == len(self._tokens) or self._tokens[self.at].lower() in ("and", "or", ")"):
            raise _refusal(self._field, "a word is missing")
        self.at += 1
        found = sorted(stems(self._tokens[self.at - 1]))
        return all_of(*(Has(self._field, stem) for stem in found)) if found else None

    def _takes(self, word: str) -> bool:
        if self.at < len(self._tokens) and self._tokens[self.at].lower() == word:
            self.at += 1
            return True
        return False


WORDS: Final = ParameterType(
    "words", frozenset(), lambda _, __: [], criterion, lambda stem: str(stem)
)
"""What reads `_text` and `_content`; their index values are made by `words.values`."""


def _name(field: str) -> str:
    return field.removeprefix("idx.")


def _refusal(field: str, why: str) -> BadRequest:
    return BadRequest(f"search parameter `{_name(field)}`: {why}", code="value")
