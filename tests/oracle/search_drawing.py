"""Draw the values of small worlds: few of each kind, so that they meet.

`pick` draws one of some choices; hypothesis gives it, or a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tests.oracle.search_places import PLACES

Json = dict[str, Any]
T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]

LOINC, LOCAL, UCUM = "http://loinc.org", "urn:local", "http://unitsofmeasure.org"
FAMILIES = ("Genêt", "GENET", "Lefèvre", "Le Fèvre", "Œuvrard", "d, Arc", "Jean-Pierre", "O'Brien")
GIVEN = ("Lise", "Anne", "Zoé", "Élise")
CODES = ("718-7", "4548-4", "a", "A", "b|c", "d,e")
DATES = (
    "2023",
    "2024",
    "2024-02",
    "2024-03",
    "2024-02-29",
    "2024-03-01",
    "2024-12-31",
    "2025-01-01",
)
TIMES = (
    "2024-03-01T00:00:00+01:00",
    "2024-02-29T23:30:00Z",
    "2024-03-01T10:00:00Z",
    "2024-03-01T10:00:00.250Z",
    "2024-03-31T02:30:00+02:00",
    "2024-12-31T23:59:59-05:00",
)
NUMBERS = (0, 1, 5.4, 5.40, 5.45, 5.5, 0.0054, 100, 99.5, 100.5, 1e3, -2, 6.3)
UNITS = (("mg", UCUM), ("g", UCUM), ("mmol/L", UCUM), ("mg", ""), ("cp", LOCAL))
URLS = ("http://example.org/q", "http://example.org/q/1", "http://example.org/Q", "urn:oid:1.2.3")
TEXTS = (
    "Compte rendu",
    "compte  rendu de biologie",
    "Résumé",
    "Rés",
    "a$b",
    "x\\y",
    "L'été, à l'hôpital",
)


class Drawing:
    """Draws values; `name` makes the ids its own."""

    def __init__(self, pick: Pick, name: str) -> None:
        self.pick, self.name = pick, name

    def id(self, type_: str, place: int) -> str:
        return f"{self.name}-{type_.lower()[:6]}-{place}"

    def maybe(self, make: Callable[[], T], *, often: bool = False) -> T | None:
        return make() if self.pick((True, True, False) if often else (True, False)) else None

    def some(self, make: Callable[[], T | None]) -> list[T]:
        found = (make() for _ in range(self.pick((0, 1, 1, 2))))
        return [one for one in found if one is not None]

    def ref(self, *types: str) -> Json:
        """Point to a resource of one of `types`: here, elsewhere, nowhere, inside, by identifier."""
        type_ = self.pick(types)
        id_ = self.id(type_, self.pick((0, 0, 0, 1, 1, 2, 3)))
        base = "http://127.0.0.1:8080/fhir"
        form = self.pick(("here",) * 8 + ("own", "version", "elsewhere", "identifier", "display"))
        match form:
            case "own":
                return {"reference": f"{base}/{type_}/{id_}"}
            case "version":
                return {"reference": f"{type_}/{id_}/_history/1"}
            case "elsewhere":
                return {"reference": f"https://elsewhere.example/fhir/{type_}/{id_}"}
            case "identifier":
                return {"identifier": self.identifier()}
            case "display":
                return {"display": "quelqu'un"}
        return {"reference": f"{type_}/{id_}"}

    def coding(self) -> Json:
        system = self.pick((LOINC, LOINC, LOCAL, ""))
        found = {"code": self.pick(CODES)}
        display = self.pick(({}, {}, {"display": self.pick(("Biologie", "Hémoglobine A1c"))}))
        return {**found, **display, **({"system": system} if system else {})}

    def concept(self) -> Json:
        found: Json = {"coding": [self.coding() for _ in range(self.pick((1, 1, 2)))]}
        return {**found, **self.pick(({}, {"text": self.pick(TEXTS)}))}

    def identifier(self) -> Json:
        found = {"value": self.pick(("1", "2", "A1", "a1"))}
        typed = {"type": {"coding": [{"system": LOCAL, "code": self.pick(("INS", "IPP"))}]}}
        return {**found, **self.pick(({}, {"system": LOCAL}, {"system": "urn:other"}, typed))}

    def date(self) -> str:
        return str(self.pick(DATES))

    def time(self) -> str:
        return str(self.pick(TIMES))

    def moment(self) -> str:
        return str(self.pick((*DATES, *TIMES)))

    def period(self) -> Json:
        start, end = sorted((self.pick(DATES), self.pick(DATES)))
        both = (
            {"start": start[:4], "end": end}
            if start > end[: len(start)]
            else {
                "start": start,
                "end": end,
            }
        )
        return self.pick((both, both, {"start": start}, {"end": end}))  # type: ignore[no-any-return]

    def quantity(self) -> Json:
        code, system = self.pick(UNITS)
        found: Json = {"value": self.pick(NUMBERS), "unit": code}
        if system:
            found |= {"system": system, "code": code}
        return found

    def position(self) -> Json:
        latitude, longitude = PLACES[self.pick(tuple(PLACES))]
        return {"latitude": latitude, "longitude": longitude}

    def narrative(self) -> Json:
        said = f"<p>{self.pick(TEXTS)}</p> {self.pick(FAMILIES)} <b>{self.pick(TEXTS)}</b>"
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{said}</div>'
        return self.pick(({}, {}, {"text": {"status": "generated", "div": div}}))  # type: ignore[no-any-return]

    def meta(self) -> Json:
        found = {
            "tag": self.some(self.coding),
            "profile": self.some(lambda: str(self.pick(URLS))),
            "source": self.maybe(lambda: self.pick(URLS)),
        }
        kept = {name: value for name, value in found.items() if value}
        return {"meta": kept} if kept else {}
