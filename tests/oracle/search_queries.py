"""Searches to try in a world: parameters that it has values of, every modifier and prefix.

Which parameters and modifiers exist is asked of the server's own table, so that what is added
there is tried; what they mean is the oracle's own affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.definitions import SearchParameter, search_parameter
from fhir_server.search.registry import supported
from tests.oracle import search_numbers as numbers
from tests.oracle import search_places as places
from tests.oracle import search_terms as terms
from tests.oracle import search_values as read
from tests.oracle.search import Oracle, component_values
from tests.oracle.search_drawing import CODES, DATES, FAMILIES, LOCAL, TEXTS, TIMES, URLS, Pick
from tests.oracle.search_worlds import MAKERS

PREFIXES = ("", "", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
MODIFIERS = {
    "token": ("", "", "", "not", "missing", "text", "of-type", "in", "not-in", "above", "below"),
    "string": ("", "", "exact", "contains", "missing"),
    "date": ("", "", "", "", "missing"),
    "number": ("", "", "", "missing"),
    "quantity": ("", "", "", "missing"),
    "uri": ("", "", "above", "below", "missing"),
    "reference": ("", "", "", "identifier", "type", "missing"),
    "composite": ("",),
    "special": ("", "", "missing"),
}
SORTABLE = frozenset({"token", "string", "date", "uri", "reference", "number"})
"""What is sorted; the order of quantities in several units is the server's to choose."""
Pairs = list[tuple[str, str]]


def escaped(text: str) -> str:
    for sign in "\\,|$":
        text = text.replace(sign, f"\\{sign}")
    return text


def _has_same(type_: str, parameter: SearchParameter) -> bool:
    other = supported(type_).get(parameter.code)
    return other is not None and other.url == parameter.url


def _is_coded(value: Any) -> bool:
    """Tell whether a value is a CodeableConcept or a Coding."""
    return (
        isinstance(value, dict) and "value" not in value and bool({"coding", "code"} & set(value))
    )


class Asking:
    """Draws searches of the world of an oracle."""

    def __init__(self, pick: Pick, oracle: Oracle) -> None:
        self.pick, self.oracle = pick, oracle
        self.shared: tuple[str, ...] = ()

    def pairs(self, type_: str) -> Pairs:
        """Return the pairs of a search of a type."""
        pairs = [self.parameter(type_) for _ in range(self.pick((0, 1, 1, 1, 2, 2, 3)))]
        pairs += [self.chain(type_)] if self.pick((True, False, False)) else []
        pairs += [self.has(type_)] if self.pick((True, False, False, False)) else []
        if self.pick((True, True, False)):
            pairs.append(("_sort", self.sort(type_)))
        return [pair for pair in pairs if pair[0]]

    def parameters(self, type_: str, *types: str) -> list[SearchParameter]:
        """Return what is searched here; what nothing in the world has comes last and seldom."""
        return [
            parameter
            for parameter in supported(type_).values()
            if parameter.type in (types or MODIFIERS)
            and all(_has_same(other, parameter) for other in self.shared)
            and (parameter.expression or parameter.code in ("_id", "_lastUpdated"))
        ]

    def chosen(self, type_: str, *types: str) -> tuple[SearchParameter | None, list[Any]]:
        """Choose a parameter, of several tries one that some resource has a value of."""
        found = self.parameters(type_, *types)
        if not found:
            return None, []
        for _ in range(8):
            parameter = self.pick(found)
            values = self.values(type_, parameter)
            if values:
                break
        return parameter, values

    def values(self, type_: str, parameter: SearchParameter) -> list[Any]:
        return [
            (one, value)
            for one in self.oracle.documents
            if one["resourceType"] == type_
            for value in self.oracle.values(one, parameter)
        ]

    def parameter(self, type_: str, *types: str) -> tuple[str, str]:
        """Return a name with its modifier, and a value: of the world, or like one of it."""
        parameter, values = self.chosen(type_, *types)
        if parameter is None:
            return "", ""
        modifier = self.pick(MODIFIERS[parameter.type])
        if modifier == "missing":
            return f"{parameter.code}:missing", self.pick(("true", "false"))
        if modifier == "of-type" and not any(
            isinstance(value, dict) and "type" in value for _, value in values
        ):
            modifier = ""
        if modifier == "text" and not any(
            isinstance(value, dict) and "code" in str(value) and "value" not in value
            for _, value in values
        ):
            modifier = ""
        if parameter.type == "token" and modifier in ("in", "not-in", "above", "below"):
            if any(_is_coded(value) for _, value in values):
                return f"{parameter.code}:{modifier}", self.terms(modifier)
            modifier = ""
        if modifier in ("above", "below"):
            text = self.pick([url for url in URLS if url.startswith("http")])
            return f"{parameter.code}:{modifier}", text
        texts = [self.text(parameter, modifier, values) for _ in range(self.pick((1, 1, 1, 2)))]
        name = parameter.code
        if modifier == "type":
            given = [text.split("/")[0] for text in texts if "/" in text and ":" not in text]
            modifier = given[0] if given and given[0] in parameter.target else ""
        if parameter.type == "reference" and modifier == "identifier":
            texts = [escaped(self.pick(("1", "2", "A1"))) for _ in texts]
        return f"{name}:{modifier}" if modifier else name, ",".join(texts)

    def terms(self, modifier: str) -> str:
        """Return value sets, or a code with its system."""
        if modifier in ("in", "not-in"):
            return ",".join(self.pick(tuple(terms.SETS)) for _ in range(self.pick((1, 1, 2))))
        return f"{LOCAL}|{escaped(self.pick(terms.codes()))}"

    def text(self, parameter: SearchParameter, modifier: str, values: Sequence[Any]) -> str:
        one, value = self.pick(values) if values else ({}, None)
        if modifier == "text":
            known = [text for text in (read.told(value) if value is not None else ()) if text]
            text = self.pick((*known, *known, "nothing", "bio"))
            return escaped(self.pick((text, text.upper(), text[:3], text.split(" ")[-1])))
        if modifier == "of-type":
            typed = [each for _, each in values if isinstance(each, dict) and "type" in each]
            each = self.pick(typed)
            system, code = self.pick(list(read.tokens(each["type"])))
            return f"{escaped(system)}|{escaped(code)}|{each['value']}"
        return self.like(parameter, one, value)

    def like(self, parameter: SearchParameter, one: Any, value: Any) -> str:
        """Return what finds `value`, or what nearly does."""
        return str(getattr(self, f"_{parameter.type}")(parameter, one, value))

    def _token(self, _: SearchParameter, __: Any, value: Any) -> str:
        known = list(read.tokens(value)) if value is not None else []
        system, code = self.pick(known) if known else ("", "nothing")
        if not code:
            return f"{escaped(system)}|"
        code = self.pick((code, code, code, self.pick(CODES)))
        forms = [code]
        if not isinstance(value, str | bool):
            forms += [f"{system}\n{code}", f"{system}\n{code}", f"\n{code}"]
            forms += [f"{system}\n"] if system else []
        return "|".join(escaped(part) for part in self.pick(forms).split("\n"))

    def _string(self, _: SearchParameter, __: Any, value: Any) -> str:
        known = list(read.texts(value)) if value is not None else []
        text = self.pick((*known, *known, *known, *FAMILIES, *TEXTS))
        cut = self.pick((text, text, text[:3], text[1:4], text.upper(), text.lower()))
        return escaped(cut.strip() or text)

    def _date(self, _: SearchParameter, __: Any, value: Any) -> str:
        own = [value] if isinstance(value, str) else []
        if isinstance(value, dict):
            own = [edge for edge in value.values() if isinstance(edge, str)]
        text = self.pick((*own, *own, *own, *own, *DATES, *TIMES))
        text = text[: self.pick((4, 7, 10, 99, 99, 99))]
        prefix = self.pick(PREFIXES)
        # What `ap` means depends on when it is asked: the oracle's now is not the server's.
        return f"{prefix}{text}"

    def _number(self, _: SearchParameter, __: Any, value: Any) -> str:
        found = numbers.amount(value) if value is not None else None
        text = str(found[0]) if found and abs(found[0]) < 10**20 else "5.4"
        text = self.pick((text, text, "5", "5.4", "5.40", "100", "1e2", "0.5", "-2"))
        return f"{self.pick(PREFIXES)}{text}"

    def _quantity(self, parameter: SearchParameter, one: Any, value: Any) -> str:
        number = self._number(parameter, one, value)
        system, code, unit = numbers.unit(value) if isinstance(value, dict) else ("", "", "mg")
        forms = [number, f"{number}||{unit}"]
        if system and "currency" not in value:
            forms += [f"{number}|{system}|{code}"] * 2
        if code in numbers.GRAMS:
            forms += [f"{number}|{system}|{other}" for other in numbers.GRAMS]
        return str(self.pick(forms))

    def _uri(self, _: SearchParameter, __: Any, value: Any) -> str:
        return escaped(self.pick((value, value, *URLS) if isinstance(value, str) else URLS))

    def _reference(self, parameter: SearchParameter, _: Any, value: Any) -> str:
        text = read.pointed(value, self.oracle.base) if value is not None else ""
        if not text or ("://" not in text and "/" not in text):
            text = f"{self.pick(tuple(MAKERS))}/nobody"
        if "://" in text or text.startswith("urn:"):
            return self.pick((text, text.split("|")[0])).replace(",", "\\,")  # type: ignore[no-any-return]
        forms = (text, text, f"{self.oracle.base}/{text}", text.split("/")[1])
        return str(self.pick(forms))

    def _special(self, _: SearchParameter, __: Any, ___: Any) -> str:
        latitude, longitude = places.PLACES[self.pick(tuple(places.PLACES))]
        return f"{latitude}|{longitude}{self.pick(places.REACHES)}"

    def _composite(self, parameter: SearchParameter, one: Any, value: Any) -> str:
        parts = []
        for component in parameter.component:
            like = search_parameter(component.definition)
            assert like
            found = component_values(component.expression, one, value) if one else []
            inner = self.pick(found) if found else None
            parts.append(self.like(like, one, inner))
        return "$".join(parts)

    # across resources ----------------------------------------------------------------------------

    def chain(self, type_: str, hops: int = 0) -> tuple[str, str]:
        """Return a chain through a reference to a type of the world, of one or two hops."""
        parameter, _ = self.chosen(type_, "reference")
        targets = [one for one in MAKERS if parameter and one in parameter.target]
        if not parameter or not targets:
            return "", ""
        target = self.pick(targets)
        name, value = self.parameter(target)
        if hops == 0 and self.pick((True, False, False, False)):
            name, value = self.chain(target, 1)
        if not name:
            return "", ""
        return f"{parameter.code}:{target}.{name}", value

    def has(self, type_: str, depth: int = 0) -> tuple[str, str]:
        """Return what asks for something that points here."""
        pointing = [
            (other, parameter.code)
            for other in MAKERS
            for parameter in self.parameters(other, "reference")
            if type_ in parameter.target
        ]
        if not pointing:
            return "", ""
        other, code = self.pick(pointing)
        name, value = self.parameter(other)
        if depth == 0 and self.pick((True, False, False, False)):
            name, value = self.has(other, 1)
        return (f"_has:{other}:{code}:{name}", value) if name else ("", "")

    def sort(self, type_: str) -> str:
        codes = [
            code
            for code, parameter in supported(type_).items()
            if parameter.type in SORTABLE
            and parameter.expression
            and all(_has_same(other, parameter) for other in self.shared)
            # What a List points to may be hidden, so it is no order (L08).
            and ("List" not in (type_, *self.shared) or parameter.type != "reference")
        ]
        keys = [self.pick(codes) for _ in range(self.pick((1, 1, 2, 3)))]
        return ",".join(self.pick(("", "-")) + key for key in keys)
