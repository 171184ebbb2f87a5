"""A predicate as a MongoDB query: the other reading of `fhir_server.predicate.meaning`.

Every value is a scalar by type, and every text in an expression is escaped, so nothing that a
caller sends can become an operator (L66).
"""

from __future__ import annotations

import re
from typing import Any as Anything
from typing import Final, assert_never

from fhir_server.predicate import (
    EARTH_RADIUS,
    After,
    All,
    Always,
    Any,
    Before,
    Contains,
    Ends,
    Has,
    Near,
    Never,
    Not,
    OneOf,
    Predicate,
    Prefix,
    Present,
    Some,
    Unlike,
)

NOTHING: Final[dict[str, Anything]] = {"_id": {"$in": []}}
"""Matches no document, and MongoDB plans it as the end of the data."""

_OBJECTS: Final = ("acl.", "idx.", "srt.")
"""What begins with these is a field of an object that every row has (`declarations.py`)."""


def to_query(predicate: Predicate) -> dict[str, Anything]:  # noqa: C901 (one case a node)
    """Return the query that finds exactly the documents in which `predicate` holds."""
    match predicate:
        case Always():
            return {}
        case Never():
            return NOTHING
        case All(parts):
            return _all(parts)
        case Any(parts):
            return {"$or": [to_query(part) for part in parts]} if parts else NOTHING
        case Not(Present(field)) if field.startswith(_OBJECTS):
            # The same, with bounds for an index: what has no value is nothing, null or empty.
            return {field: {"$in": [None, []]}, "$nor": [to_query(Present(field))]}
        case Not(part):
            return {"$nor": [to_query(part)]}
        case Has(field, value):
            return {field: value}
        case OneOf(field, values):
            return {field: {"$in": list(values)}}
        case Prefix(field, text):
            return {field: {"$regex": f"^{re.escape(text)}"}}
        case Contains(_, text, until) if until and until in text:
            return NOTHING
        case Contains(field, text, until):
            head = f"^[^{re.escape(until)}]*" if until else ""
            return {field: {"$regex": head + re.escape(text)}}
        case Ends(_, text, until) if until and until in text:
            return NOTHING
        case Ends(field, text, until):
            head, end = (f"^[^{re.escape(until)}]*", _either(until)) if until else ("", r"\z")
            return {field: {"$regex": head + re.escape(text) + end}}
        case Unlike():
            return {predicate.field: {"$regex": _unlike(predicate)}}
        case Before(field, bound, inclusive):
            return {field: {"$lte" if inclusive else "$lt": bound}}
        case After(field, bound, inclusive):
            return {field: {"$gte" if inclusive else "$gt": bound}}
        case Near(field, longitude, latitude, metres):
            circle = [[longitude, latitude], metres / EARTH_RADIUS]
            return {field: {"$geoWithin": {"$centerSphere": circle}}}
        case Present(field):
            return {field: {"$type": ["string", "number", "bool", "object"]}}
        case Some(field, part):
            return {field: {"$elemMatch": to_query(part)}}
        case _:  # pragma: no cover
            assert_never(predicate)


def _either(mark: str) -> str:
    """Return an expression for `mark` or the end of the text (`$` would take a last new line)."""
    return f"(?:{re.escape(mark)}|\\z)"


def _unlike(part: Unlike) -> str:
    texts = "|".join(map(re.escape, part.texts))
    if not part.mark:
        return f"^(?!(?:{texts})\\z)" if part.texts else "^"
    mark = re.escape(part.mark)
    head = f"[^{mark}]*{mark}"
    if not part.texts:
        return f"^{head}"
    match part.part:
        case "whole":
            return f"^(?!(?:{texts})\\z){head}"
        case "head":
            return f"^(?!(?:{texts}){mark}){head}"
        case _:
            return f"^{head}(?!(?:{texts})\\z)"


def _all(parts: tuple[Predicate, ...]) -> dict[str, Anything]:
    """Join by field where fields differ, which MongoDB plans best, else by `$and`."""
    queries = [to_query(part) for part in parts]
    joined: dict[str, Anything] = {}
    for query in queries:
        if joined.keys() & query.keys():
            return {"$and": queries}
        joined.update(query)
    return joined
