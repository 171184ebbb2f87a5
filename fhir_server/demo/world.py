"""Put the demonstration world together: resources in the order in which they refer to each other.

The world is a function of a seed and an instant: the same two give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from fhir_server.demo.catalogue import (
    ARCHIVED,
    MAIN_ENTRIES,
    MINOR_ENTRIES,
    OTHER_ENTRIES,
    REPLACES,
    Entry,
)
from fhir_server.demo.clinical import clinical
from fhir_server.demo.codes import IS_ARCHIVED, Json
from fhir_server.demo.consents import care_teams, consents
from fhir_server.demo.documents import (
    binary,
    body,
    deposited,
    document_reference,
    replaced_by,
)
from fhir_server.demo.patients import MAIN, MINOR, Person, patient, people, representative
from fhir_server.demo.people import PROFESSIONALS, practitioner, practitioner_role
from fhir_server.demo.places import ESTABLISHMENTS, organization

SEED = 20220103
RECENT = timedelta(days=3)


def world(seed: int = SEED, now: datetime | None = None) -> tuple[Json, ...]:
    """Return every resource; `now` (UTC, by default the clock) dates what was just deposited."""
    recent = (now or datetime.now(UTC)) - RECENT
    draw = Random(seed)  # noqa: S311 - a story to tell, not a secret
    patients = people(seed)
    found = [organization(place) for place in ESTABLISHMENTS.values()]
    found += [practitioner(person) for person in PROFESSIONALS.values()]
    found += [practitioner_role(person) for person in PROFESSIONALS.values()]
    found += [patient(person) for person in patients]
    found += [representative(MINOR), *care_teams(), *consents()]
    for person in patients:
        found += documents(person, _entries(person, draw), recent)
        found += clinical(person, draw)
    return tuple(found)


def documents(person: Person, entries: Iterable[Entry], recent: datetime) -> list[Json]:
    """Return the Binary and DocumentReference of each of `entries`, each pair side by side."""
    references: dict[str, Json] = {}
    binaries: dict[str, Json] = {}
    for entry in entries:
        document = deposited(entry, person, recent)
        content = body(document)
        binaries[entry.key] = binary(document, content)
        references[entry.key] = document_reference(document, content)
    for newer, older in REPLACES.items():
        if older in references:
            references[older], references[newer] = replaced_by(references[older], references[newer])
    if person is not MAIN and ARCHIVED in references:
        references[ARCHIVED] |= {"extension": [{"url": IS_ARCHIVED, "valueBoolean": True}]}
    return [resource for key in references for resource in (binaries[key], references[key])]


def bundles(seed: int = SEED, now: datetime | None = None, size: int = 200) -> Iterator[Json]:
    """Yield the world as transactions of at most `size` PUTs, in dependency order.

    A Binary and its DocumentReference refer to each other, so they share a transaction.
    """
    entries: list[Json] = []
    for resource in world(seed, now):
        room = size - (1 if resource["resourceType"] == "Binary" else 0)
        if len(entries) >= room:
            yield _transaction(entries)
            entries = []
        entries.append(resource)
    yield _transaction(entries)


def _entries(person: Person, draw: Random) -> tuple[Entry, ...]:
    if person is MAIN:
        return MAIN_ENTRIES
    if person is MINOR:
        return MINOR_ENTRIES
    chosen = sorted(draw.sample(range(len(OTHER_ENTRIES)), 5))
    return tuple(OTHER_ENTRIES[at] for at in chosen)


def _transaction(resources: list[Json]) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": resource,
                "request": {
                    "method": "PUT",
                    "url": f"{resource['resourceType']}/{resource['id']}",
                },
            }
            for resource in resources
        ],
    }
