"""Which parts of an address may be a type or an id: those that no route has a word for.

Without this `PUT /fhir/metadata` would be an update of the type `metadata`, and its refusal 404,
where it is 405 with the verbs that `/metadata` takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from werkzeug.routing import BaseConverter, Map

from fhir_server.definitions import RESOURCE_TYPES

_PLACE: Final = re.compile(r"<(type|id|member)>")


class Member(BaseConverter):
    """What a compartment is searched for: a resource type, or `*` for all."""

    regex = "|".join((r"\*", *sorted(RESOURCE_TYPES)))


class Segment(BaseConverter):
    """One part of an address, but for the words that are routed."""

    words: tuple[str, ...] = ()

    def __init__(self, map: Map, *args: Any, **kwargs: Any) -> None:
        """Match what is none of `words`."""
        super().__init__(map, *args, **kwargs)
        taken = "|".join(re.escape(word) for word in self.words)
        self.regex = rf"(?!(?:{taken})(?:/|\Z))[^/]+"


def converters(rules: Iterable[str]) -> dict[str, type[BaseConverter]]:
    """Return what `<type>`, `<id>` and `<member>` match besides `rules`, written as `routes` does.

    A word that a logical id can be, `metadata`, is one only where a type would stand.
    """
    words = {part for rule in rules for part in rule.split("/") if part and part[0] != "<"}
    reserved = sorted(word for word in words if word[0] in "$_")
    first = {rule.split("/")[1] for rule in rules if "/" in rule}
    types = sorted({*reserved, *(word for word in first if word[:1].islower())})
    return {
        "type": type("TypeSegment", (Segment,), {"words": tuple(types)}),
        "id": type("IdSegment", (Segment,), {"words": tuple(reserved)}),
        "member": Member,
    }


def routed(rule: str) -> str:
    """Return `rule` as Flask is told it, its parts matched by `converters`."""
    return _PLACE.sub(r"<\1:\1>", rule)
