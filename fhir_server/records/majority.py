"""When the holder of a record comes of age, and who represents them after (R54, R57).

Majority is at 18 (C. civ. 414). A representative of a minor has no such power after it; an adult is
represented under a measure of protection, which the installation says: a RelatedPerson that the
trusted system wrote, with the role GUARD and a period that begins at majority or later. What others
write represents nobody, or a parent could prolong their own access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.policy import FOREVER, Link, Period
from fhir_server.fhir.dates import interval
from fhir_server.fhir.json import parse
from fhir_server.predicate import Has, all_of
from fhir_server.store.mongo.unit import Unit

Json = Mapping[str, Any]

YEARS: Final = 18
GUARDIAN: Final = "GUARD"
"""Of http://terminology.hl7.org/CodeSystem/v3-RoleClass."""
INSTALLATION: Final = "kind:trusted-system"


def majority(patient: Json, zone: tzinfo) -> int:
    """Return the instant of majority, in microseconds; for ever away without a birth date.

    A partial date counts from its first day, so that nobody represents longer than the law lets.
    """
    born = patient.get("birthDate")
    if not isinstance(born, str):
        return FOREVER
    # Who was born on 29 February is of age on the 28th, when the year has no 29th.
    day = born[4:].replace("-02-29", "-02-28")
    return interval(f"{int(born[:4]) + YEARS:04d}{day}", zone)[0]


def measures_of_protection(
    unit: Unit, patient: str, of_age: int, period: Callable[[Any], Period]
) -> Iterator[Link]:
    """Yield a link for each measure that protects the adult `patient`; `period` reads a Period."""
    written = all_of(Has(f"acl.{facts.PATIENT}", patient), Has(f"acl.{facts.OWNER}", INSTALLATION))
    for row in unit.find("RelatedPerson", written):
        resource = parse(row.raw).resource
        during = period(resource.get("period"))
        if during.start >= of_age and resource.get("active") is not False and _guards(resource):
            yield Link(f"representative:{patient}", "protection", row.ref, during)


def _guards(person: Json) -> bool:
    return any(
        coding.get("code") == GUARDIAN
        for concept in person.get("relationship", ())
        for coding in concept.get("coding", ())
    )
