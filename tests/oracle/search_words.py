"""Words as people read them: what `_text` and `_content` find, read a second time.

By `docs/api/search.md` alone: whole words in any of their French forms, accents or not. A stemmer
is a stemmer; everything around it is written anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

import snowballstemmer

from tests.oracle.search_values import folded

Json = dict[str, Any]

ASKED = (
    "compte", "rendus", "biologie", "BIOLOGIQUE", "résumés", "hôpitaux", "hopital", "genet",
    "lefèvre", "Lyon", "besancon", "hémoglobine", "elise", "mg", "phone", "final", "nothing",
)  # fmt: skip
WRITTEN = frozenset(
    {"text", "display", "title", "description", "name", "family", "given", "city", "line", "value",
     "unit", "valueString"}
)  # fmt: skip
"""Elements in which the makers of worlds write texts."""
_STEMMER = snowballstemmer.stemmer("french")


@cache
def stem(word: str) -> str:
    """Return what a word keeps when endings go until nothing changes."""
    last, now = "", folded(word)
    while now != last:
        last, now = now, _STEMMER.stemWord(now)
    return now


def stems(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text))}


def narrative(one: Json) -> str:
    return re.sub("<[^>]+>", " ", one.get("text", {}).get("div", ""))


def written(value: Any) -> Iterator[str]:
    """Yield the texts in a resource but for its narrative."""
    if isinstance(value, list):
        for each in value:
            yield from written(each)
    elif isinstance(value, dict):
        for name, inner in value.items():
            for text in inner if isinstance(inner, list) else [inner]:
                if isinstance(text, str) and name in WRITTEN:
                    yield text
            yield from written(inner)


def found(one: Json, code: str, asked: str) -> bool:
    """Tell whether a resource has the words: `a b`, `a or b`, `not a`."""
    own = stems(narrative(one))
    if code == "_content":
        own |= stems(" ".join(written(one)))
    return any(
        all(_there(word, own) for word in re.findall(r"(?:not )?\S+", part))
        for part in asked.split(" or ")
    )


def _there(word: str, own: set[str]) -> bool:
    if word.startswith("not "):
        return stem(word.removeprefix("not ")) not in own
    return stem(word) in own
