"""Texts as they are compared: https://hl7.org/fhir/R4/search.html#string.

Case and combining characters do not count, and punctuation and white space should not: a name is
`O'Brien`, `O Brien` or `OBRIEN`, and `Jean-Pierre` or `Jean Pierre`, by who wrote it down.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})
_COMPARED: Final = frozenset("LNS")
"""Kinds of signs that are compared: letters, digits, symbols."""
_NOT_COMPARED: Final = "Sk"
"""Accents that stand alone, which keyboards give for an apostrophe."""
_ASCII: Final = {
    code: None
    for code in range(128)
    if (kind := unicodedata.category(chr(code)))[0] not in _COMPARED or kind == _NOT_COMPARED
}
_ASCII_WORDS: Final = dict.fromkeys(_ASCII, " ")


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return the letters, digits and symbols of `text`, without case, accents or ligatures."""
    if text.isascii():
        return text.lower().translate(_ASCII)
    return "".join(sign for sign in _apart(text) if _compared(sign))


@lru_cache(maxsize=8192)
def words(text: str) -> str:
    """Return `text` folded, with one space between words; an apostrophe or hyphen parts them."""
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII_WORDS).split())
    signs = (sign for sign in _apart(text) if not unicodedata.combining(sign))
    return " ".join("".join(sign if _compared(sign) else " " for sign in signs).split())


def _compared(sign: str) -> bool:
    kind = unicodedata.category(sign)
    return kind[0] in _COMPARED and kind != _NOT_COMPARED


def _apart(text: str) -> str:
    # Taken apart before the case goes: some signs, `™` or `ℌ`, come apart into capitals.
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    return unicodedata.normalize("NFKD", plain)
