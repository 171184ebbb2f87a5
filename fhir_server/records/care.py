"""When the care was that a resource is about, from `mappings/care-dates.json`.

R4 bounds `Patient/$everything` by "care dates, not record currency dates" and does not say which
element holds them: https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from fhir_server.data import mappings_dir
from fhir_server.predicate import (
    After,
    Before,
    Not,
    Predicate,
    Present,
    Some,
    all_of,
    any_of,
)


@dataclass(frozen=True, slots=True)
class CareDates:
    """Date parameters that tell when care began and ended: the first that has a value counts.

    Without `until` what began goes on.
    """

    begins: tuple[str, ...]
    ends: tuple[str, ...]


@cache
def care_dates() -> Mapping[str, CareDates]:
    """Return the table; a type that is not in it has no date of care, and is never left out."""
    text = mappings_dir().joinpath("care-dates.json").read_text(encoding="utf-8")
    return {
        type_: CareDates((told,), (told,))
        if isinstance(told, str)
        else CareDates(tuple(told["from"]), tuple(told.get("until", ())))
        for type_, told in json.loads(text).items()
    }


def care_within(type_: str, start: int | None, end: int | None) -> Predicate:
    """Match care that did not end before `start` and began before `end`, in microseconds.

    What has no date of care matches: to leave it out would say that it is elsewhere.
    """
    dates = care_dates().get(type_)
    parts: list[Predicate] = []
    if dates is not None and start is not None:
        parts.append(_first(dates.ends, After("hi", start)))
    if dates is not None and end is not None:
        parts.append(_first(dates.begins, Before("lo", end)))
    return all_of(*parts)


def _first(codes: Sequence[str], bound: Predicate) -> Predicate:
    """Match when `bound` holds of the first of `codes` that has a value, or none has one."""
    branches: list[Predicate] = []
    absent: list[Predicate] = []
    for code in codes:
        branches.append(all_of(*absent, Some(f"idx.{code}", bound)))
        absent.append(Not(Present(f"idx.{code}")))
    return any_of(*branches, all_of(*absent))
