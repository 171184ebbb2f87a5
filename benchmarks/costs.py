"""What reading one resource costs before it is stored: CPU time by stage, in this process.

Each stage is run again and again with the garbage collector off, and the best of several repeats
counts: what else the machine does can only make it slower. The first run, which compiles the checks
of a type, is not counted.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.resources import directory
from benchmarks.specimens import specimens
from fhir_server.fhir.json import dumps, parse
from fhir_server.records.facts import Deposit, consent_facts
from fhir_server.records.people import People
from fhir_server.search.index import index
from fhir_server.search.types import Locale
from fhir_server.store.rows import Row
from fhir_server.validation.invariants import check_invariants
from fhir_server.validation.models import second_reading
from fhir_server.validation.report import Report
from fhir_server.validation.structure import check_resource

TABLES: Final = ("structure tables", "invariants")
"""Of the stages, those that judge the structure by R4's own definitions."""
VALIDATION: Final = (*TABLES, "R4B models")
"""Those that judge the resource."""
_REPEATS: Final = 7
_BASE: Final = "https://server.example.org/fhir"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one resource: its size, and the microseconds of each stage."""

    type: str
    bytes: int
    stages: dict[str, float]

    def of(self, stages: Iterable[str]) -> float:
        """Return the microseconds of some of the stages together."""
        return sum(self.stages[stage] for stage in stages)


class _Directory:
    """Answers for the database with what facts follow, so that no round trip is counted."""

    def __init__(self) -> None:
        self._rows = {
            f"{each['resourceType']}/{each['id']}": Row(
                each["resourceType"], each["id"], 1, 0, dumps(each)
            )
            for each in directory()
        }

    def get(self, type_: str, id_: str) -> Row | None:
        return self._rows.get(f"{type_}/{id_}")


def costs(seconds: float) -> list[Cost]:
    """Time every stage of each specimen; one repeat of a stage takes about `seconds`."""
    return [_cost(specimen, seconds) for specimen in specimens()]


def _cost(specimen: dict[str, Any], seconds: float) -> Cost:
    body = dumps(specimen)
    type_ = specimen["resourceType"]
    timed = {name: _micros(work, seconds) for name, work in _stages(type_, body).items()}
    return Cost(type_, len(body), timed)


def _stages(type_: str, body: bytes) -> dict[str, Callable[[], object]]:
    """Return the stages as the server runs them, in their order."""
    resource, locale = parse(body).resource, Locale(_BASE)
    values = index(type_, resource, locale)
    deposit, people = Deposit("rpps:99790000901", 0), _Directory()

    def structure() -> None:
        report = Report()
        check_resource(resource, (None, type_, -1), report)

    return {
        "parse": lambda: parse(body),
        "structure tables": structure,
        "invariants": lambda: check_invariants(resource, type_, warnings=False),
        "R4B models": lambda: second_reading(resource, type_),
        "index extraction": lambda: index(type_, resource, locale),
        "facts": lambda: consent_facts(
            type_, "specimen", resource, values, deposit, People(people, _BASE)
        ),
    }


def _micros(work: Callable[[], object], seconds: float) -> float:
    """Return the CPU microseconds of one call, in the best of several repeats."""
    work()
    timer = timeit.Timer(work, timer=time.thread_time)
    number = max(1, int(seconds / max(timer.timeit(3) / 3, 1e-7)))
    return round(1e6 * min(timer.repeat(_REPEATS, number)) / number, 1)


def cost_table(found: Sequence[Cost]) -> str:
    """Return them for people: a line a stage, a column a resource."""
    width = 20
    head = "CPU µs a resource".ljust(24) + "".join(each.type.rjust(width) for each in found)
    rows = [("bytes", [float(each.bytes) for each in found])]
    rows += [(stage, [each.stages[stage] for each in found]) for stage in found[0].stages]
    rows += [
        ("structure + invariants", [each.of(TABLES) for each in found]),
        ("… + models: validation", [each.of(VALIDATION) for each in found]),
        ("all of it", [each.of(each.stages) for each in found]),
    ]
    lines = [
        name.ljust(24) + "".join(f"{value:>{width},.0f}" for value in values)
        for name, values in rows
    ]
    return "\n".join([head, "-" * len(head), *lines])
