"""Questions to try in a world: a type alone, several, a compartment, what comes with the matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fhir_server.definitions import SearchParameter, compartment
from fhir_server.search.registry import supported
from tests.oracle import search_filters as filters
from tests.oracle import search_values as read
from tests.oracle import search_words as words
from tests.oracle.search_across import name_of
from tests.oracle.search_queries import Asking, Pairs
from tests.oracle.search_worlds import MAKERS

_OPERATORS = {
    "string": ("eq", "ne", "co", "sw", "ew", "pr"),
    "uri": ("eq", "ne", "co", "sw", "ew", "pr"),
    "token": ("eq", "eq", "ne", "pr"),
    "reference": ("eq", "re", "ne", "pr"),
    "date": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "po", "pr"),
    "number": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "pr"),
    "quantity": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "pr"),
}


@dataclass(frozen=True)
class Question:
    """What is asked of which types; `inside` is the compartment, `includes` are pairs too."""

    types: tuple[str, ...]
    pairs: Pairs
    inside: str = ""
    includes: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """Return where it is asked; several types are asked of the whole server."""
        at = self.types[0] if len(self.types) == 1 else ""
        return f"{self.inside}/{at}" if self.inside else at

    @property
    def asked(self) -> Pairs:
        several = [("_type", ",".join(self.types))] if len(self.types) > 1 else []
        return [*several, *self.pairs, *self.includes]

    def __str__(self) -> str:
        """Return it as it is sent."""
        return f"{self.path}?{urlencode(self.asked)}"


class Wider(Asking):
    """Draws questions of every kind."""

    def question(self) -> Question:
        kind = self.pick(("type",) * 4 + ("several", "inside", "includes"))
        type_ = self.pick(tuple(MAKERS))
        if kind == "several":
            return self.several(type_)
        if kind == "inside" and (owners := self.owners(type_)):
            return Question((type_,), self.pairs(type_)[:2], self.pick(owners))
        if kind == "includes":
            drawn = (self.include(type_) for _ in range(self.pick((1, 1, 2, 3))))
            pairs = [self.parameter(type_) for _ in range(self.pick((0, 0, 1)))]
            return Question((type_,), [p for p in pairs if p[0]], includes=tuple(drawn))
        return Question((type_,), self.extra(type_) + self.pairs(type_))

    def several(self, type_: str) -> Question:
        """Return a question to two or three types, of what all of them have."""
        others = [other for other in (self.pick(tuple(MAKERS)) for _ in "ab") if other != type_]
        types = tuple(dict.fromkeys((type_, *others)))
        self.shared = types
        pairs = [self.parameter(type_) for _ in range(self.pick((0, 1, 1, 2)))]
        if self.pick((True, False)):
            pairs.append(("_sort", self.sort(type_)))
        self.shared = ()
        return Question(types, [pair for pair in pairs if pair[0]])

    def owners(self, type_: str) -> list[str]:
        return [
            name_of(one)
            for one in self.oracle.documents
            if one["resourceType"] in ("Patient", "Practitioner", "Encounter")
            and type_ in compartment(one["resourceType"])
        ]

    # one type ------------------------------------------------------------------------------------

    def extra(self, type_: str) -> Pairs:
        """Return what is no parameter of an element: words, a filter, a List."""
        match self.pick(("none", "words", "filter", "filter", "list")):
            case "words" if "_content" in supported(type_):
                return [(self.pick(("_text", "_content", "_content")), self.words())]
            case "filter":
                tree = self.tree(type_)
                self.oracle.filters[filters.text(tree)] = tree
                return [("_filter", filters.text(tree))]
            case "list":
                lists = [one for one in self.oracle.documents if one["resourceType"] == "List"]
                return [("_list", self.pick(lists)["id"])]
        return []

    def words(self) -> str:
        first, second = (self.pick(words.ASKED) for _ in "ab")
        forms = (first, first, f"{first} {second}", f"{first} or {second}", f"{first},{second}",
                 f"not {first}", f"{first} not {second}")  # fmt: skip
        return str(self.pick(forms))

    def tree(self, type_: str, depth: int = 0) -> filters.Tree:
        """Return a filter of a type, of up to four comparisons."""
        kind = self.pick(("test", "test", "both", "not", "path")) if depth < 2 else "test"
        if kind == "both":
            left, right = self.tree(type_, depth + 1), self.tree(type_, depth + 1)
            return filters.Both(self.pick(("and", "or")), left, right)
        if kind == "not":
            return filters.Not(self.tree(type_, depth + 1))
        if kind == "path" and (path := self.path(type_)):
            return path
        return self.test(type_)

    def path(self, type_: str) -> filters.Tree | None:
        parameter, _ = self.chosen(type_, "reference")
        targets = [one for one in MAKERS if parameter and one in parameter.target]
        if parameter is None or not targets:
            return None
        target = self.pick(targets)
        only = self.test(target) if self.pick((True, False, False)) else None
        return filters.Path(parameter.code, target, only, self.test(target))

    def test(self, type_: str) -> filters.Tree:
        """Return one comparison; `_id pr true` where nothing better was drawn."""
        parameter, values = self.chosen(type_, *_OPERATORS)
        assert parameter
        one, value = self.pick(values) if values else ({}, None)
        operator = self.pick(_OPERATORS[parameter.type])
        if operator == "pr":
            return filters.Test(parameter.code, "pr", self.pick(("true", "false")))
        text = self.compared(parameter, operator, one, value)
        if not text:
            return filters.Test("_id", "pr", "true")
        return filters.Test(parameter.code, operator, text)

    def compared(self, parameter: SearchParameter, operator: str, one: Any, value: Any) -> str:
        """Return a value for an operator of `_filter`, which escapes less; nothing for none."""
        match parameter.type:
            case "string":
                return read.plain(self._string(parameter, one, value))
            case "uri":
                text = read.plain(self._uri(parameter, one, value))
                return str(self.pick((text, text[:12], text[7:])))
            case "reference":
                text = read.pointed(value, self.oracle.base) if isinstance(value, dict) else ""
                known = re.fullmatch(r"([A-Z]\w+)/[\w.-]+", text)
                return text if known and known[1] in parameter.target else ""
            case "token":
                text = self._token(parameter, one, value)
                # Another than what? A number has two names, and a system alone is no code.
                twofold = isinstance(value, dict) and "coding" not in value and "value" in value
                return "" if operator == "ne" and (twofold or text.endswith("|")) else text
            case "date" if operator == "po" and parameter.code == "_lastUpdated":
                return ""
        text = self.like(parameter, one, value)
        return re.sub(r"^(eq|ne|gt|lt|ge|le|sa|eb|ap)", "", text)

    # what comes with it --------------------------------------------------------------------------

    def include(self, type_: str) -> tuple[str, str]:
        """Return an include from the type or to it, or one that goes on from what was found."""
        back = self.pick((True, False))
        again = self.pick((False, False, True))
        source = self.pick(tuple(MAKERS)) if back or again else type_
        codes = [one.code for one in self.parameters(source, "reference")]
        value = f"{source}:{self.pick(codes)}" if codes else f"{source}:*"
        value = self.pick((value, value, value, f"{source}:*", "*"))
        if value.count(":") == 1 and not value.endswith("*") and self.pick((True, False, False)):
            value += f":{self.pick(tuple(MAKERS))}"
        name = "_revinclude" if back else "_include"
        return f"{name}{':iterate' if again else ''}", value


def refs_included(entries: Sequence[dict[str, Any]]) -> set[str]:
    """Return what a Bundle includes beside its matches."""
    return {name_of(entry["resource"]) for entry in entries if entry["search"]["mode"] == "include"}
